"""Prints verdicts of sentences, JSON lines, as finBERT's predict() would have written their numbers."""

import json
import sys

import numpy
import pandas

verdicts = [json.loads(line) for line in sys.argv[1].splitlines()]
labels = ["positive", "negative", "neutral"]
logits = numpy.array([[verdict["scores"][label] for label in labels] for verdict in verdicts], dtype=numpy.float32)
frame = pandas.DataFrame({
    "sentence": [verdict["text"] for verdict in verdicts],
    "logit": list(logits),
    "prediction": numpy.squeeze(numpy.argmax(logits, axis=1)),
    "sentiment_score": pandas.Series(logits[:, 0] - logits[:, 1]),
})
frame["prediction"] = frame.prediction.apply(lambda index: labels[index])
frame.to_csv(sys.stdout, sep=",", index=False)
