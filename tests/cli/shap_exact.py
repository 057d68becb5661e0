"""Compare the Shapley values of `finsent explain` with those of shap's exact explainer.

Usage: shap_exact.py mask EXPLAINED.json MASKED.jsonl TEXTS     write each text with each set of its words
       shap_exact.py compare EXPLAINED.json VALUES.jsonl        compare, with the predictions of `finsent classify` for these
"""

import itertools
import json
import sys

import numpy as np

TOLERANCE = 1e-4
# A blank text is refused, so the empty one is a character that the tokenizer leaves out.
EMPTY = "\u200b"


def words(row):
    return [word["text"] for word in row["explanation"]["words"]]


def masks(row):
    return list(itertools.product([0, 1], repeat=len(words(row))))


def mask(rows, path, texts):
    with open(path, "w", encoding="utf-8") as file:
        for row, text in zip(rows, texts.split("\n"), strict=True):
            if " ".join(words(row)) != text:
                sys.exit(f"the words of `{text}` are {words(row)}")
            for kept in masks(row):
                masked = " ".join(word for word, keeps in zip(words(row), kept, strict=True) if keeps)
                file.write(json.dumps({"text": masked or EMPTY}) + "\n")


def compare(rows, path):
    import shap  # Takes seconds, which the other step does not need.

    with open(path, encoding="utf-8") as file:
        predictions = iter([json.loads(line) for line in file])
    for row in rows:
        explanation = row["explanation"]
        values = {kept: next(predictions)["scores"][explanation["label"]] for kept in masks(row)}
        game = lambda kept: np.array([values[tuple(int(word) for word in words)] for words in kept])
        count = len(words(row))
        explainer = shap.explainers.Exact(game, shap.maskers.Independent(np.zeros((1, count)), max_samples=1))
        explained = explainer(np.ones((1, count)))
        found = [word["weight"] for word in explanation["words"]]
        if not np.allclose(found, explained.values[0], rtol=0, atol=TOLERANCE):
            sys.exit(f"{words(row)}: shap computes {explained.values[0]}, finsent explain {found}")
        if abs(explanation["base"] - explained.base_values[0]) > TOLERANCE:
            sys.exit(f"{words(row)}: the base of shap is {explained.base_values[0]}, not {explanation['base']}")


step, explained, *rest = sys.argv[1:]
with open(explained, encoding="utf-8") as file:
    rows = json.load(file)
{"mask": mask, "compare": compare}[step](rows, *rest)
