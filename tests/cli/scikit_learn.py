"""Compare the metrics of `finsent eval` with those of scikit-learn on the predictions of `finsent classify`.

Usage: scikit_learn.py REPORT.json PREDICTIONS.jsonl..., with one file of predictions for each precision in the report.
"""

import itertools
import json
import sys

import numpy as np
from sklearn import metrics

BINS = 15


def close(what, found, expected, tolerance=1e-12):
    if not np.allclose(found, expected, rtol=0, atol=tolerance):
        sys.exit(f"{what}: scikit-learn computes {expected}, finsent eval {found}")


def ece(truth, predicted, probabilities):
    """Return the expected calibration error, with bins that are closed on the right."""
    confidence = probabilities.max(axis=1)
    bins = np.digitize(confidence, np.linspace(0, 1, BINS + 1), right=True)
    correct = truth == predicted
    gaps = [
        (bins == index).sum() * abs(correct[bins == index].mean() - confidence[bins == index].mean()) for index in set(bins)
    ]
    return sum(gaps) / len(truth)


def compare(measured, labels, rows):
    """Check the metrics of one precision, and return its predicted labels."""
    what = measured["precision"]
    truth = np.array([row["label"] for row in rows])
    predicted = np.array([row["finsent_label"] for row in rows])
    # The scores are f32, printed with as few digits as identify the value.
    scores = [[row["finsent_scores"][label] for label in labels] for row in rows]
    probabilities = np.array(scores).astype(np.float32).astype(np.float64)
    ids = np.array([labels.index(label) for label in truth])

    close(f"{what} accuracy", measured["accuracy"], metrics.accuracy_score(truth, predicted))
    for average in ["macro", "weighted"]:
        expected = metrics.f1_score(truth, predicted, average=average, zero_division=0)
        close(f"{what} {average} F1", measured[f"{average}_f1"], expected)
    measures = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    for name, expected in zip(["precision", "recall", "f1", "support"], measures, strict=True):
        close(f"{what} {name}", [by_label[name] for by_label in measured["classes"]], expected)
    close(f"{what} matrix", measured["confusion_matrix"], metrics.confusion_matrix(truth, predicted, labels=labels))
    close(f"{what} log loss", measured["log_loss"], metrics.log_loss(ids, probabilities, labels=range(len(labels))), 1e-6)
    expected = metrics.brier_score_loss(ids, probabilities, labels=range(len(labels)), scale_by_half=False)
    close(f"{what} Brier score", measured["brier"], expected, 1e-6)
    close(f"{what} ECE", measured["ece"], ece(truth, predicted, probabilities), 1e-9)
    return predicted


def main(report, *paths):
    with open(report, encoding="utf-8") as file:
        report = json.load(file)
    predictions = {}
    for measured, path in zip(report["precisions"], paths, strict=True):
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        close("rows", report["rows"]["evaluated"], len(rows))
        predictions[measured["precision"]] = compare(measured, report["labels"], rows)
    pairs = itertools.combinations(predictions.values(), 2)
    for measured, (first, second) in zip(report["agreement"], pairs, strict=True):
        what = " and ".join(measured["precisions"])
        close(f"{what} agreement", measured["agreement"], (first == second).mean())
        close(f"{what} different", measured["different"], (first != second).sum())
        close(f"{what} kappa", measured["cohen_kappa"], metrics.cohen_kappa_score(first, second))


main(*sys.argv[1:])
