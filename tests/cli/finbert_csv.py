"""Print predictions, given as JSON lines, in the CSV format of finBERT's predict()."""

import json
import sys

import numpy
import pandas

predictions = [json.loads(line) for line in sys.argv[1].splitlines()]
labels = ["positive", "negative", "neutral"]
logits = numpy.array([[prediction["scores"][label] for label in labels] for prediction in predictions], dtype=numpy.float32)
frame = pandas.DataFrame({
    "sentence": [prediction["text"] for prediction in predictions],
    "logit": list(logits),
    "prediction": numpy.squeeze(numpy.argmax(logits, axis=1)),
    "sentiment_score": pandas.Series(logits[:, 0] - logits[:, 1]),
})
frame["prediction"] = frame.prediction.apply(lambda index: labels[index])
frame.to_csv(sys.stdout, sep=",", index=False)
