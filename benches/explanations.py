"""Measure how faithful explanations are, and print a Markdown table.

Comprehensiveness and sufficiency are those of DeYoung et al., "ERASER: A Benchmark to Evaluate Rationalized NLP Models"
(2020): how much of the probability of the predicted label goes away with the strongest words, and how much is missing if
only they are left, averaged over the strongest 1, 5, 10, 20 and 50 % of the words. Words are deleted, never masked, except
for the row that says so.
"""

import argparse
import json
import math
import random
import subprocess
import tempfile
import time
from pathlib import Path

SHARES = [0.01, 0.05, 0.1, 0.2, 0.5]
MIN_WORDS = 6
ROWS = ["random", "occlusion", "masked", "shapley", "gradients"]


class Finsent:
    """The command, with a model and a precision."""

    def __init__(self, binary, options):
        self.binary, self.options = binary, options

    def run(self, command, texts, *options):
        """Return the rows of the output for these texts, and the seconds that the run took."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "texts.jsonl")
            path.write_text("".join(json.dumps({"input": text}) + "\n" for text in texts), encoding="utf-8")
            files = ["--input", path, "--text-column", "input", "--format", "jsonl", "--quiet"]
            started = time.monotonic()
            output = subprocess.run(
                [self.binary, command, *files, *self.options, *options], stdout=subprocess.PIPE, check=True
            ).stdout
        return [json.loads(line) for line in output.decode().splitlines()], time.monotonic() - started

    def explain(self, texts, *options):
        rows, seconds = self.run("explain", texts, *options)
        return [row["explanation"] for row in rows], seconds

    def probabilities(self, texts, labels):
        """Return the probability of its label for each text."""
        distinct = list(dict.fromkeys(texts))
        rows, _ = self.run("classify", distinct)
        scores = dict(zip(distinct, (row["scores"] for row in rows), strict=True))
        return [scores[text][label] for text, label in zip(texts, labels, strict=True)]


class Sentence:
    """A text with the words that an explanation names."""

    def __init__(self, text, explanation):
        self.bytes, self.label = text.encode(), explanation["label"]
        self.text, self.base = text, explanation["base"]
        self.spans = [(word["start"], word["end"]) for word in explanation["words"]]

    def only(self, words, other=""):
        """Return the text with only these words, and `other` in the place of each of the others."""
        parts, end = [], 0
        for word, (start, stop) in enumerate(self.spans):
            parts += [self.bytes[end:start].decode(), self.bytes[start:stop].decode() if word in words else other]
            end = stop
        return "".join(parts) + self.bytes[end:].decode()


def read_sentences(path, count, finsent):
    with open(path, encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    random.Random(0).shuffle(texts)
    texts = [text for text in texts if len(text.split()) >= MIN_WORDS][:count]
    explanations, _ = finsent.explain(texts, "--method", "occlusion")
    return [Sentence(*pair) for pair in zip(texts, explanations, strict=True)], explanations


def weights(explanations):
    return [[word["weight"] for word in explanation["words"]] for explanation in explanations]


def masked_occlusion(sentences, finsent):
    """Weigh words by what the text loses if they are masked."""
    everything = lambda sentence: set(range(len(sentence.spans)))
    texts, labels = [], []
    for sentence in sentences:
        texts.append(sentence.text)
        texts += [sentence.only(everything(sentence) - {word}, "[MASK]") for word in range(len(sentence.spans))]
        labels += [sentence.label] * (1 + len(sentence.spans))
    values = iter(finsent.probabilities(texts, labels))
    weights = []
    for sentence in sentences:
        full = next(values)
        weights.append([full - next(values) for _ in sentence.spans])
    return weights


def integrated_gradients(sentences, checkpoint, steps):
    """Weigh words by the integrated gradients of their tokens' embeddings, from those of [MASK]."""
    import torch
    from captum.attr import LayerIntegratedGradients
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    probabilities = lambda ids: model(input_ids=ids).logits.softmax(-1)
    gradients = LayerIntegratedGradients(probabilities, model.get_input_embeddings())
    weights = []
    for sentence in sentences:
        encoding = tokenizer(sentence.text, return_offsets_mapping=True, truncation=True, max_length=512)
        ids = torch.tensor([encoding["input_ids"]])
        special = torch.tensor([tokenizer.get_special_tokens_mask(encoding["input_ids"], already_has_special_tokens=True)])
        baseline = torch.where(special == 1, ids, tokenizer.mask_token_id)
        target = model.config.label2id[sentence.label]
        attributions = gradients.attribute(ids, baselines=baseline, target=target, n_steps=steps)
        of_tokens = attributions.sum(-1)[0].tolist()
        of_words = [0.0] * len(sentence.spans)
        for weight, (start, stop) in zip(of_tokens, encoding["offset_mapping"], strict=True):
            start, stop = (len(sentence.text[:end].encode()) for end in (start, stop))
            for word, span in enumerate(sentence.spans):
                if start < stop and span[0] <= start < span[1]:
                    of_words[word] += weight
        weights.append(of_words)
    return weights


def faithfulness(sentences, weights, finsent):
    """Return the comprehensiveness and the sufficiency of weights."""
    texts, labels = [], []
    for sentence, of_sentence in zip(sentences, weights, strict=True):
        words = range(len(of_sentence))
        strongest = sorted(words, key=lambda word: -of_sentence[word])
        texts.append(sentence.text)
        for share in SHARES:
            top = set(strongest[: math.ceil(share * len(of_sentence))])
            texts += [sentence.only(set(words) - top), sentence.only(top)]
        labels += [sentence.label] * (1 + 2 * len(SHARES))
    values = iter(finsent.probabilities(texts, labels))
    comprehensiveness = sufficiency = 0.0
    for _ in sentences:
        full = next(values)
        for _ in SHARES:
            comprehensiveness += (full - next(values)) / len(SHARES)
            sufficiency += (full - next(values)) / len(SHARES)
    return comprehensiveness / len(sentences), sufficiency / len(sentences)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finsent", default="finsent", help="the command")
    parser.add_argument("--texts", required=True, help="JSON Lines with `text`, such as the Financial PhraseBank")
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--checkpoint", help="the model as transformers reads it, for integrated gradients")
    parser.add_argument("--steps", type=int, default=50, help="steps of integrated gradients")
    parser.add_argument("--rows", default=",".join(ROWS), help="rows of the table")
    args = parser.parse_args()

    finsent = Finsent(args.finsent, ["--model", args.model, "--precision", args.precision])
    sentences, occlusion = read_sentences(args.texts, args.sentences, finsent)
    texts = [sentence.text for sentence in sentences]
    # The model is loaded in both runs, so the difference is that of the explanations.
    _, loading = finsent.run("classify", texts)
    words = sum(len(sentence.spans) for sentence in sentences) / len(sentences)
    print(f"{len(sentences)} sentences with {words:.1f} words on average, {args.model} in {args.precision}\n")
    print("| weights | comprehensiveness | sufficiency | passes | ms per sentence |\n|---|---|---|---|---|")

    def row(name, weights, passes="", milliseconds=""):
        comprehensiveness, sufficiency = faithfulness(sentences, weights, finsent)
        print(f"| {name} | {comprehensiveness:.3f} | {sufficiency:.3f} | {passes} | {milliseconds} |", flush=True)

    def explained(method):
        explanations, seconds = finsent.explain(texts, "--method", method)
        passes = sum(explanation["passes"] for explanation in explanations) / len(explanations)
        row(f"`{method}`", weights(explanations), f"{passes:.0f}", f"{1e3 * (seconds - loading) / len(texts):.1f}")

    draw = random.Random(1)
    rows = {
        "random": lambda: row("random", [[draw.random() for _ in sentence.spans] for sentence in sentences]),
        "occlusion": lambda: explained("occlusion"),
        "masked": lambda: row("occlusion by `[MASK]`", masked_occlusion(sentences, finsent)),
        "shapley": lambda: explained("shapley"),
        "gradients": lambda: row(
            "integrated gradients", integrated_gradients(sentences, args.checkpoint, args.steps)
        ),
    }
    for name in args.rows.split(","):
        if name != "gradients" or args.checkpoint:
            rows[name]()


main()
