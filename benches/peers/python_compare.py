"""Compare the Python package with transformers' pipeline and with `finsent classify`, on one checkpoint and one list of texts.

Each way scores the texts in a process of its own, in turn. Loading is not timed, but for the command, which is one process.
Prints a Markdown table; `same label` counts the texts with the label of the package in f32.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import Finsent, machine


def package(checkpoint, texts, precision, threads):
    import finsent

    model = finsent.Model(str(checkpoint), precision=precision, threads=threads)
    model.classify(texts[:64])
    start = time.perf_counter()
    predictions = model.classify(texts)
    return time.perf_counter() - start, [prediction.label for prediction in predictions]


def transformers(checkpoint, texts, batch, threads):
    import torch
    from transformers import pipeline

    torch.set_num_threads(threads)
    classify = pipeline("text-classification", model=str(checkpoint), device="cpu")
    classify(texts[:64], batch_size=batch, truncation=True)
    start = time.perf_counter()
    predictions = classify(texts, batch_size=batch, truncation=True)
    return time.perf_counter() - start, [prediction["label"] for prediction in predictions]


def command(finsent, checkpoint, texts, precision, threads):
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch) / "texts.jsonl", Path(scratch) / "scored.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        start = time.perf_counter()
        subprocess.run(
            [finsent, "classify", "--quiet", "--model", checkpoint, "--precision", precision, "--threads", str(threads),
             "--input", source, "--output", result], check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        return seconds, [json.loads(line)["label"] for line in result.read_text(encoding="utf-8").splitlines()]


def measure(args):
    """Measure one way in this process, and print the time and the labels."""
    texts = args.file.read_text(encoding="utf-8").splitlines()
    kind, _, option = args.measure.partition(":")
    if kind == "transformers":
        result = transformers(args.checkpoint, texts[: args.rival_texts], int(option), args.threads)
    elif kind == "package":
        result = package(args.checkpoint, texts[: args.texts], option, args.threads)
    else:
        result = command(args.finsent.absolute(), args.checkpoint, texts[: args.texts], option, args.threads)
    print(json.dumps(result))


def print_table(rates, labels, reference):
    """Print the rates of each way, and for how many texts its label is that of the reference."""
    print("| | texts/s | lowest | highest | same label |\n|---|---:|---:|---:|---:|")
    for title, values in rates.items():
        same = sum(one == other for one, other in zip(labels[title], reference))
        print(f"| {title} | {statistics.median(values):.1f} | {min(values):.1f} | {max(values):.1f} | "
              f"{same} of {len(labels[title])} |")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="a directory that both read")
    parser.add_argument("file", type=Path, help="a .txt file with one text per line")
    parser.add_argument("--finsent", type=Path, required=True, help="path of the finsent binary")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--rival-texts", type=int, default=4_000, help="number of texts for transformers")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        return measure(args)

    ways = {"finsent, Python, f32": "package:f32", "`finsent classify`, f32": "command:f32",
            "finsent, Python, int8": "package:int8", "`finsent classify`, int8": "command:int8"}  # fmt: skip
    ways |= {f"transformers' pipeline, f32, batches of {size}": f"transformers:{size}" for size in [1, 8, 32]}
    rates, labels = {title: [] for title in ways}, {}
    for number in range(args.rounds):
        for title, way in ways.items():
            run = subprocess.run([sys.executable, *sys.argv, "--measure", way], stdout=subprocess.PIPE, text=True, check=True)
            seconds, labels[title] = json.loads(run.stdout.splitlines()[-1])
            rates[title].append(len(labels[title]) / seconds)
            print(f"round {number}: {title}, {rates[title][-1]:.1f} texts/s", file=sys.stderr, flush=True)
    print(json.dumps(machine(Finsent(args.finsent.absolute(), args.checkpoint, args.threads), args.threads)))
    print_table(rates, labels, labels["finsent, Python, f32"])


if __name__ == "__main__":
    main()
