"""Compares `finsent.pipeline` with the pipeline of transformers, on random checkpoints of every kind of head.

Needs torch and transformers beside finsent. `.ci/run pipeline` installs them and runs it.
"""

import itertools
import sys
import tempfile
from pathlib import Path

import finsent
import torch
import transformers

ROOT = Path(__file__).parents[3]
TEXTS = ["Orders doubled in March", "Shares plunged 12%, the board said.", "Größe zählt: € 5", "a"]
LONG = "Orders doubled. " * 40
HEADS = {
    "three labels": {"id2label": {0: "positive", 1: "negative", 2: "neutral"}},
    "two labels": {"num_labels": 2},
    "one label": {"num_labels": 1},
    "several true labels": {"num_labels": 4, "problem_type": "multi_label_classification"},
    "one label of several": {"num_labels": 4, "problem_type": "single_label_classification"},
    "regression": {"num_labels": 1, "problem_type": "regression"},
}
MADE_WITH = [{}, {"top_k": None}, {"top_k": 1}, {"top_k": 2}, {"function_to_apply": "sigmoid"}]
CALLED_WITH = [{}, {"top_k": None}, {"top_k": 1}, {"top_k": 3}, {"function_to_apply": "softmax"}, {"function_to_apply": "none"}]
INPUTS = [TEXTS[0], TEXTS, TEXTS[:1], {"text": TEXTS[1]}, [{"text": text} for text in TEXTS]]


def save_checkpoint(folder, head):
    torch.manual_seed(len(str(head)))
    vocabulary = ROOT / "models/mini/vocab.txt"
    config = transformers.BertConfig(
        vocab_size=len(vocabulary.read_text().splitlines()), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, **head)
    model = transformers.BertForSequenceClassification(config)
    # Larger weights than those of a fresh model, so that the probabilities differ.
    torch.nn.init.normal_(model.classifier.weight, std=2.0)
    model.save_pretrained(folder)
    transformers.BertTokenizer(str(vocabulary), model_max_length=64).save_pretrained(folder)


def same(found, expected):
    """Whether two results have the same shape, the same labels, and scores within 1e-5."""
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(same, found, expected))
    return (list(found) == list(expected) and found["label"] == expected["label"]
            and abs(found["score"] - expected["score"]) < 1e-5)


def main():
    compared = 0
    for name, head in HEADS.items():
        with tempfile.TemporaryDirectory() as folder:
            save_checkpoint(folder, head)
            for made_with in MADE_WITH:
                theirs = transformers.pipeline("text-classification", model=folder, **made_with)
                ours = finsent.pipeline("text-classification", model=folder, **made_with)
                for inputs, called_with in itertools.product(INPUTS, CALLED_WITH):
                    expected, found = theirs(inputs, **called_with), ours(inputs, **called_with)
                    if not same(found, expected):
                        sys.exit(f"{name}, {made_with}, {called_with}, {inputs!r}: {found} instead of {expected}")
                    compared += 1
                expected = list(theirs((text for text in TEXTS), batch_size=2))
                found = list(ours((text for text in TEXTS), batch_size=2))
                cut = ours(LONG, truncation=True), theirs(LONG, truncation=True)
                if not same(found, expected) or not same(*cut):
                    sys.exit(f"{name}, {made_with}: {found} instead of {expected}, or {cut}")
                compared += 2
    print(f"{compared} calls have the results of transformers {transformers.__version__}")


main()
