"""Compare the speed of `finsent classify` on a file of texts with finsent's engine alone and with Python scripts."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import Finsent, machine

HERE = Path(__file__).resolve().parent


def finsent(args, *arguments):
    command = [args.finsent.absolute(), *arguments, "--threads", str(args.threads), "--precision", args.precision]
    return subprocess.run([*command, "--int8-margin", "0"], capture_output=True, text=True, check=True)


def engine(args, model):
    """Return the texts per second of the engine alone, in packed batches, on the first texts of the file."""
    result = finsent(args, "bench", "--model", model, "--lengths", "8", "--input", args.file, "--limit", str(args.engine_texts),
                    "--format", "json")  # fmt: skip
    return next(row["sentences_per_s"] for row in json.loads(result.stdout) if row["workload"] == "file, packed")


def classify(args, model):
    """Return the texts per second of the whole process, including loading."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "scored.jsonl"
        start = time.perf_counter()
        finsent(args, "classify", "--model", model, "--input", args.file, "--output", output)
        seconds = time.perf_counter() - start
        return sum(1 for _ in output.open(encoding="utf-8")) / seconds


def rival(args, engine):
    """Return the texts per second without loading, on the first texts of the file, because all would take too long."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as part:
        lines = args.file.read_text(encoding="utf-8").split("\n")
        part.write("\n".join(lines[: args.rival_texts]))
        part.flush()
        command = [sys.executable, HERE / "classify_rivals.py", engine, args.dir, part.name, "--threads", args.threads]
        result = subprocess.run([str(argument) for argument in command], capture_output=True, text=True, check=True)
    report = json.loads(result.stderr.splitlines()[-1])
    return report["texts"] / report["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("file", type=Path, help="a .txt file with one text per line")
    parser.add_argument("--finsent", type=Path, required=True, help="path of the finsent binary")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine-texts", type=int, default=2000, help="number of texts for the engine alone")
    parser.add_argument("--rival-texts", type=int, default=20_000, help="number of texts for the Python scripts")
    parser.add_argument("--rivals", nargs="*", default=["ort", "torch"])
    args = parser.parse_args()

    turns = {
        "finsent, engine alone, packed": lambda: engine(args, args.dir),
        "finsent classify": lambda: classify(args, args.dir),
        "finsent, engine alone, packed, `mini`": lambda: engine(args, "mini"),
        "finsent classify, `mini`": lambda: classify(args, "mini"),
    }
    titles = {"ort": "ONNX Runtime int8, script", "torch": "PyTorch f32, transformers pipeline"}
    turns |= {titles[name]: lambda name=name: rival(args, name) for name in args.rivals}
    rates = {title: [] for title in turns}
    for number in range(args.rounds):
        for title, turn in turns.items():
            rates[title].append(turn())
            print(f"round {number}: {title}, {rates[title][-1]:.1f} texts/s", file=sys.stderr, flush=True)
    print(json.dumps(machine(Finsent(args.finsent.absolute(), args.dir, args.threads), args.threads)))
    print("| | texts/s | lowest | highest |\n|---|---:|---:|---:|")
    for title, values in rates.items():
        print(f"| {title} | {statistics.median(values):.1f} | {min(values):.1f} | {max(values):.1f} |")
    for suffix in "", ", `mini`":
        pairs = zip(rates[f"finsent classify{suffix}"], rates[f"finsent, engine alone, packed{suffix}"])
        print(f"classify / engine{suffix}: {statistics.median(whole / engine for whole, engine in pairs):.2f}")


if __name__ == "__main__":
    main()
