"""Compares what `finsent eval` measured with what scikit-learn does, given the verdicts of `finsent classify` on the same
rows: scikit_learn.py REPORT.json VERDICTS.jsonl.., one for each of the report's precisions"""

import itertools
import json
import sys

import numpy as np
from sklearn import metrics

BINS = 15


def close(what, found, expected, tolerance=1e-12):
    if not np.allclose(found, expected, rtol=0, atol=tolerance):
        sys.exit(f"WRONG: {what}: scikit-learn says {expected}, eval {found}")


def ece(truth, predicted, probabilities):
    """As in its definition, bins closed on the right."""
    confidence = probabilities.max(axis=1)
    bins = np.digitize(confidence, np.linspace(0, 1, BINS + 1), right=True)
    right = truth == predicted
    gaps = [(bins == one).sum() * abs(right[bins == one].mean() - confidence[bins == one].mean()) for one in set(bins)]
    return sum(gaps) / len(truth)


def compare(of, labels, rows):
    """Checks the figures of one precision; gives its predictions."""
    what = of["precision"]
    truth = np.array([row["label"] for row in rows])
    predicted = np.array([row["finsent_label"] for row in rows])
    # The numbers are f32 in as few digits as tell them apart.
    scores = [[row["finsent_scores"][label] for label in labels] for row in rows]
    probabilities = np.array(scores).astype(np.float32).astype(np.float64)
    ids = np.array([labels.index(label) for label in truth])

    close(f"{what} accuracy", of["accuracy"], metrics.accuracy_score(truth, predicted))
    for average in ["macro", "weighted"]:
        expected = metrics.f1_score(truth, predicted, average=average, zero_division=0)
        close(f"{what} {average} F1", of[f"{average}_f1"], expected)
    measures = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    for name, expected in zip(["precision", "recall", "f1", "support"], measures, strict=True):
        close(f"{what} {name}", [by_label[name] for by_label in of["classes"]], expected)
    close(f"{what} matrix", of["confusion_matrix"], metrics.confusion_matrix(truth, predicted, labels=labels))
    close(f"{what} log loss", of["log_loss"], metrics.log_loss(ids, probabilities, labels=range(len(labels))), 1e-6)
    expected = metrics.brier_score_loss(ids, probabilities, labels=range(len(labels)), scale_by_half=False)
    close(f"{what} Brier score", of["brier"], expected, 1e-6)
    close(f"{what} ECE", of["ece"], ece(truth, predicted, probabilities), 1e-9)
    return predicted


def main(report, *verdicts):
    with open(report, encoding="utf-8") as file:
        report = json.load(file)
    predictions = {}
    for of, path in zip(report["precisions"], verdicts, strict=True):
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        close("rows", report["rows"]["evaluated"], len(rows))
        predictions[of["precision"]] = compare(of, report["labels"], rows)
    pairs = itertools.combinations(predictions.values(), 2)
    for of, (one, other) in zip(report["agreement"], pairs, strict=True):
        what = " and ".join(of["precisions"])
        close(f"{what} agreement", of["agreement"], (one == other).mean())
        close(f"{what} different", of["different"], (one != other).sum())
        close(f"{what} kappa", of["cohen_kappa"], metrics.cohen_kappa_score(one, other))


main(*sys.argv[1:])
