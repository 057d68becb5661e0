"""Times `finsent classify` on a file of texts beside its own engine and beside scripts in Python, in turn."""

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


def finsent(args, *words):
    command = [args.finsent.absolute(), *words, "--threads", str(args.threads), "--precision", args.precision]
    return subprocess.run([*command, "--int8-margin", "0"], capture_output=True, text=True, check=True)


def engine(args, model):
    """Texts a second of the encoder alone, packed, on the first texts of the file."""
    ended = finsent(args, "bench", "--model", model, "--lengths", "8", "--input", args.file, "--limit", str(args.engine_texts),
                    "--format", "json")  # fmt: skip
    return next(row["sentences_per_s"] for row in json.loads(ended.stdout) if row["workload"] == "file, packed")


def classify(args, model):
    """Texts a second from the start of the process to its end, loading included."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "scored.jsonl"
        start = time.perf_counter()
        finsent(args, "classify", "--model", model, "--input", args.file, "--output", output)
        seconds = time.perf_counter() - start
        return sum(1 for _ in output.open(encoding="utf-8")) / seconds


def rival(args, engine):
    """Texts a second, loading not included: of the first texts of the file, where all would take too long."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as part:
        lines = args.file.read_text(encoding="utf-8").split("\n")
        part.write("\n".join(lines[: args.rival_texts]))
        part.flush()
        command = [sys.executable, HERE / "classify_rivals.py", engine, args.dir, part.name, "--threads", args.threads]
        ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    told = json.loads(ended.stderr.splitlines()[-1])
    return told["texts"] / told["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("file", type=Path, help="texts, one a line, in a .txt file")
    parser.add_argument("--finsent", type=Path, required=True, help="the binary")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine-texts", type=int, default=2000, help="texts that the engine alone is timed on")
    parser.add_argument("--rival-texts", type=int, default=20_000)
    parser.add_argument("--rivals", nargs="*", default=["ort", "torch"])
    args = parser.parse_args()

    turns = {
        "finsent, engine alone, packed": lambda: engine(args, args.dir),
        "finsent classify": lambda: classify(args, args.dir),
        "finsent, engine alone, packed, `mini`": lambda: engine(args, "mini"),
        "finsent classify, `mini`": lambda: classify(args, "mini"),
    }
    titles = {"ort": "ONNX Runtime int8, a script", "torch": "PyTorch f32, pipeline of transformers"}
    turns |= {titles[name]: lambda name=name: rival(args, name) for name in args.rivals}
    rates = {title: [] for title in turns}
    for number in range(args.rounds):
        for title, turn in turns.items():
            rates[title].append(turn())
            print(f"round {number}: {title}, {rates[title][-1]:.1f} texts/s", file=sys.stderr, flush=True)
    print(json.dumps(machine(Finsent(args.finsent.absolute(), args.dir, args.threads), args.threads)))
    print("| | texts/s | from | to |\n|---|---:|---:|---:|")
    for title, of_title in rates.items():
        print(f"| {title} | {statistics.median(of_title):.1f} | {min(of_title):.1f} | {max(of_title):.1f} |")
    for suffix in "", ", `mini`":
        pairs = zip(rates[f"finsent classify{suffix}"], rates[f"finsent, engine alone, packed{suffix}"])
        print(f"classify / engine{suffix}: {statistics.median(own / alone for own, alone in pairs):.2f}")


if __name__ == "__main__":
    main()
