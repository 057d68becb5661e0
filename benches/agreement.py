"""Compare the labels and probabilities of int8, and of bf16, with those of f32, over the texts of files.

Prints a row for each way to compute: the share of texts with the label of f32, the largest difference of a probability,
and the share of texts that int8 computed again. Needs nothing beside Python and finsent.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

MARGIN = 0.13
"""finsent's default for `--int8-margin`."""


def read_texts(files, every):
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows[::every]]


def classify(finsent, model, texts, precision, margin=None):
    """Return the probabilities of each text, in the order of the labels."""
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch) / "texts.jsonl", Path(scratch) / "scored.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        command = [finsent, "classify", "--quiet", "--model", model, "--precision", precision, "--input", source]
        command += ["--output", result] + ([] if margin is None else ["--int8-margin", str(margin)])
        subprocess.run(command, check=True)
        return [list(json.loads(line)["scores"].values()) for line in result.read_text(encoding="utf-8").splitlines()]


def label(probabilities):
    return probabilities.index(max(probabilities))


def margin_of(probabilities):
    *_, second, first = sorted(probabilities)
    return first - second


def describe(exact):
    shares = [sum(label(row) == index for row in exact) / len(exact) for index in range(len(exact[0]))]
    confidence = sum(map(max, exact)) / len(exact)
    shares = ", ".join(f"{share:.3f}" for share in shares)
    print(f"{len(exact)} texts; labels of f32: {shares}; mean of the largest probability: {confidence:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a directory, or a name of the catalog")
    parser.add_argument("texts", type=Path, nargs="+", help="files of JSON lines with a field `text`")
    parser.add_argument("--finsent", default="target/release/finsent")
    parser.add_argument("--every", type=int, default=1, help="read every N-th text only")
    parser.add_argument("--margin", type=float, default=MARGIN, help="the margin of the last row")
    parser.add_argument("--bf16", action="store_true", help="add a row for bf16")
    args = parser.parse_args()

    texts = read_texts(args.texts, args.every)
    exact = classify(args.finsent, args.model, texts, "f32")
    describe(exact)
    print("| precision | same label as f32 | differ | largest difference | mean difference | computed again |")
    print("|---|---:|---:|---:|---:|---:|")
    again = ""
    ways = [("bf16", None)] * args.bf16 + [("int8", 0.0), ("int8", args.margin)]
    for precision, margin in ways:
        found = classify(args.finsent, args.model, texts, precision, margin)
        differ = sum(label(row) != label(other) for row, other in zip(exact, found, strict=True))
        largest = [
            max(abs(a - b) for a, b in zip(row, other, strict=True)) for row, other in zip(exact, found, strict=True)
        ]
        name = precision if margin is None else f"{precision} --int8-margin {margin:g}"
        figures = f"{1 - differ / len(texts):.3%} | {differ} | {max(largest):.3f} | {sum(largest) / len(texts):.5f}"
        print(f"| {name} | {figures} | {again if margin else ''} |", flush=True)
        if margin == 0:
            again = f"{sum(margin_of(row) < args.margin for row in found) / len(texts):.2%}"


if __name__ == "__main__":
    main()
