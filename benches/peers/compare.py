"""Compare the speed of finsent and other engines on one checkpoint, and print a Markdown table for each precision."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from inputs import (
    FUSED, FUSED_INT8, MEASURED, OPENVINO, OPENVINO_INT8, encode, full_window, input_names, padded, read_sentences,
)  # fmt: skip

PRECISIONS = ["f32", "bf16", "int8"]
SINGLES = 60
BATCHES = [8, 32]
LONG_RUNS = 5
# If an f32 engine differs from the reference by more than this, it computes another model, and its speed means nothing.
F32_TOLERANCE = 1e-3
CPU_FLAGS = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"]


@dataclass(frozen=True)
class Figure:
    """One column of the tables."""

    key: str
    title: str
    digits: int
    more_is_better: bool


FIGURES = [
    Figure("single_ms", "one sentence, ms", 1, False),
    Figure("sentences_per_s", "sentences/s, sorted", 1, True),
    Figure("feed_sentences_per_s", "sentences/s, unsorted", 1, True),
    Figure("doc_ms", "512 tokens, ms", 0, False),
]


# The other engines --------------------------------------------------------------------------------------------------


class Rival:
    """A loaded engine. `run` computes the logits of a padded batch."""

    def __init__(self, run, note=""):
        self.run = run
        self.note = note


def onnxruntime_rival(file):
    def load(checkpoint, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(checkpoint / file), options, providers=["CPUExecutionProvider"])
        types = {
            tensor.name: np.int32 if tensor.type == "tensor(int32)" else np.int64 for tensor in session.get_inputs()
        }

        def run(batch):
            return session.run(["logits"], {name: batch[name].astype(kind) for name, kind in types.items()})[0]

        return Rival(run)

    return load


def openvino_rival(file, hint=None):
    def load(checkpoint, threads):
        import openvino

        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if hint:
            settings["INFERENCE_PRECISION_HINT"] = hint
        compiled = openvino.Core().compile_model(str(checkpoint / file), "CPU", settings)
        chosen = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        request, names = compiled.create_infer_request(), [tensor.get_any_name() for tensor in compiled.inputs]

        def run(batch):
            return np.array(request.infer({name: batch[name] for name in names})["logits"])

        return Rival(run, f"computes in {chosen} on this CPU" if hint and chosen != hint else "")

    return load


def torch_rival(precision):
    def load(checkpoint, threads):
        import torch
        from transformers import AutoModelForSequenceClassification
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.set_num_threads(threads)
        kind = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint, dtype=kind).eval()
        names = input_names(model)

        @torch.inference_mode()
        def run(batch):
            return model(**{name: torch.from_numpy(batch[name]) for name in names}).logits.float().numpy()

        return Rival(run)

    return load


@dataclass(frozen=True)
class Peer:
    """An engine in one precision."""

    title: str
    precision: str
    load: object


PEERS = {
    "ort-f32": Peer("ONNX Runtime, fused", "f32", onnxruntime_rival(FUSED)),
    "ov-f32": Peer("OpenVINO", "f32", openvino_rival(OPENVINO, "f32")),
    "torch-f32": Peer("PyTorch", "f32", torch_rival("f32")),
    "ov-bf16": Peer("OpenVINO", "bf16", openvino_rival(OPENVINO, "bf16")),
    "torch-bf16": Peer("PyTorch", "bf16", torch_rival("bf16")),
    "ort-int8": Peer("ONNX Runtime, fused, dynamic", "int8", onnxruntime_rival(FUSED_INT8)),
    # Without a hint, so that OpenVINO chooses the fastest precision for the parts that are not int8.
    "ov-int8": Peer("OpenVINO, static (NNCF)", "int8", openvino_rival(OPENVINO_INT8)),
}
REFERENCE = "torch-f32"
# It takes seconds per sentence on a CPU without these instructions. There it is measured only if --peers names it.
EMULATED, BF16_FLAGS = "torch-bf16", {"avx512_bf16", "amx_bf16"}
FAMILIES = sorted({name.split("-")[0] for name in PEERS})


# Code that runs in the process of another engine --------------------------------------------------------------------


def peer_figures(name, checkpoint, sentences, threads, first):
    """Run one turn of an engine, with a warm-up before each measurement. `first` holds the figures of its first turn, if
    there was one. Later turns measure only the batch size that was faster in the first."""
    run = PEERS[name].load(checkpoint, threads).run
    texts = encode(checkpoint, sentences)

    def seconds(batch):
        start = time.perf_counter()
        run(batch)
        return time.perf_counter() - start

    singles = [padded([ids]) for ids in texts[:SINGLES]]
    for batch in singles:
        run(batch)
    figures = {"single_ms": 1e3 * statistics.median([seconds(batch) for batch in singles])}
    for key, order in (("sentences_per_s", sorted(texts, key=len)), ("feed_sentences_per_s", texts)):
        sizes = [max(BATCHES, key=lambda size: first[f"{key}@{size}"])] if first else BATCHES
        for size in sizes:
            batches = [padded(order[at : at + size]) for at in range(0, len(order), size)]
            run(batches[-1])
            figures[f"{key}@{size}"] = len(order) / sum(seconds(batch) for batch in batches)
    document = padded([full_window(texts)])
    run(document)
    figures["doc_ms"] = 1e3 * statistics.median(seconds(document) for _ in range(LONG_RUNS))
    return figures


def peer_probabilities(name, checkpoint, sentences, threads):
    """Compute each sentence alone, so that neither padding nor other sentences affect the quantization ranges."""
    rival = PEERS[name].load(checkpoint, threads)
    logits = np.concatenate([rival.run(padded([ids])) for ids in encode(checkpoint, sentences)]).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True), rival.note


def alone(work, *args):
    """Run `work` in a new process that ends afterwards, so that thread pools do not run at the same time."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *args).result()


# finsent ------------------------------------------------------------------------------------------------------------


class Finsent:
    """The finsent binary with one checkpoint."""

    def __init__(self, binary, checkpoint, threads):
        self.binary = binary
        self.checkpoint = checkpoint
        self.threads = threads

    def call(self, *arguments):
        command = [str(self.binary), *map(str, arguments)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        except OSError as error:
            sys.exit(f"cannot run {self.binary}: {error}")
        if result.returncode:
            sys.exit(f"{' '.join(command)}\nexited with {result.returncode}:\n{result.stderr.strip()}")
        return result.stdout

    def version(self):
        return self.call("--version").strip()

    def rows(self, precision, file, limit, length):
        arguments = ["--model", self.checkpoint, "--precision", precision, "--input", file, "--limit", limit,
                     "--lengths", length]
        text = self.call("--threads", self.threads, "bench", *arguments, "--format", "json")
        try:
            rows = json.loads(text)
            return {(row["workload"], row["texts"]): row for row in rows if row["precision"] == precision}
        except (ValueError, KeyError, TypeError) as error:
            sys.exit(f"finsent bench printed unexpected JSON ({error!r}):\n{text[:500]}")

    def figures(self, precision, file):
        """Run one turn: the first sentences one at a time, all of them in packed batches, and a text of the full window."""
        single, batched = self.rows(precision, file, SINGLES, 512), self.rows(precision, file, MEASURED, 8)

        def figure(rows, field, workload, texts=None):
            found = [row for (name, count), row in rows.items() if name == workload and texts in (None, count)]
            if not found or not isinstance(found[0].get(field), (int, float)):
                sys.exit(f"finsent bench printed no `{field}` for `{workload}`, only {sorted(rows)}")
            return found[0][field]

        # Packed batches have no padding, so the order of the sentences does not matter, and both columns get this figure.
        packed = figure(batched, "sentences_per_s", "file, packed")
        return {
            "single_ms": figure(single, "ms", "file, one at a time"),
            "sentences_per_s": packed,
            "feed_sentences_per_s": packed,
            "doc_ms": figure(single, "ms", "length 512", texts=1),
        }

    def probabilities(self, precision, file, labels):
        # Compute each text once, as in the timed runs: do not recompute uncertain texts.
        arguments = ["--model", self.checkpoint, "--precision", precision, "--int8-margin", "0", "--input", file,
                     "--format", "jsonl"]
        text = self.call("--threads", self.threads, "classify", *arguments)
        try:
            scores = [json.loads(line)["scores"] for line in text.splitlines()]
            return np.array([[row[label] for label in labels] for row in scores])
        except (ValueError, KeyError) as error:
            sys.exit(f"finsent classify printed unexpected JSON lines ({error!r}):\n{text[:500]}")


# The run ------------------------------------------------------------------------------------------------------------


def machine(finsent, threads):
    """Describe the machine and the versions."""
    fields = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().split("\n\n")[0].splitlines())
        fields = {key.strip(): value.strip() for key, _, value in lines}
    flags = set(fields.get("flags", "").split())
    packages = ["onnxruntime", "openvino", "nncf", "torch", "transformers"]
    return {
        "cpu": fields.get("model name", platform.processor() or platform.machine()),
        "flags": [flag for flag in CPU_FLAGS if flag in flags],
        "flags_missing": [flag for flag in CPU_FLAGS if flag not in flags],
        "cpus": len(os.sched_getaffinity(0)),
        "threads": threads,
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {"finsent": finsent.version() if finsent else None, "python": platform.python_version()}
        | {package: version(package) for package in packages},
    }


def accuracy(probabilities, reference):
    if probabilities.shape != reference.shape:
        sys.exit(f"expected {len(reference)} predictions, got {len(probabilities)}: did a text fail or contain a line break?")
    return {
        "same_label": int((probabilities.argmax(axis=1) == reference.argmax(axis=1)).sum()),
        "texts": len(reference),
        "largest_difference": float(np.abs(probabilities - reference).max()),
    }


def medians(turns):
    """Return the median of each figure over the rounds, with the batch size that was faster in the first round."""
    by_key = {key: statistics.median(turn[key] for turn in turns) for key in turns[-1]}
    result = {}
    for figure in FIGURES:
        keys = [key for key in by_key if key.split("@")[0] == figure.key]
        best = max(keys, key=lambda key: by_key[key] if figure.more_is_better else -by_key[key])
        values = [turn[best] for turn in turns]
        result[figure.key] = {
            "median": by_key[best],
            "lowest": min(values),
            "highest": max(values),
            "batch": int(best.split("@")[1]) if "@" in best else None,
        }
    return result


def ratios(ours, rivals):
    """Compare finsent with the best other engine for each figure. Above 1, finsent is faster."""
    result = {}
    for figure in FIGURES:
        sign = 1 if figure.more_is_better else -1
        best = max(rivals, key=lambda name: sign * rivals[name][figure.key]["median"])
        ratio = ours[figure.key]["median"] / rivals[best][figure.key]["median"]
        result[figure.key] = {"ratio": ratio if figure.more_is_better else 1 / ratio, "rival": best}
    return result


def precision_tables(results):
    """Yield the lines of the Markdown tables, one for each measured precision."""
    for precision in PRECISIONS:
        names = [name for name, result in results.items() if result["precision"] == precision]
        if not names:
            continue
        yield f"\n### {precision}\n"
        titles = ["", *(figure.title for figure in FIGURES), "same label", "probability off by"]
        yield "| " + " | ".join(titles) + " |"
        yield "|---" + "|---:" * (len(titles) - 1) + "|"
        for name in names:
            result = results[name]
            cells = [result["title"] + (f" ({result['note']})" if result["note"] else "")]
            for figure in FIGURES:
                value = result["medians"][figure.key]
                batch = f" (batch {value['batch']})" if value["batch"] else ""
                cells.append(f"{value['median']:.{figure.digits}f}{batch}")
            checked = result["accuracy"]
            cells.append(f"{checked['same_label']} of {checked['texts']}")
            cells.append(f"{checked['largest_difference']:.1e}")
            yield "| " + " | ".join(cells) + " |"
        rivals = {name: results[name]["medians"] for name in names if name in PEERS}
        ours = f"finsent-{precision}"
        if ours in results and rivals:
            against = ratios(results[ours]["medians"], rivals)
            results[ours]["ratios"] = against
            cells = [f"**{against[figure.key]['ratio']:.2f}** ({against[figure.key]['rival']})" for figure in FIGURES]
            yield "| **finsent / best other** | " + " | ".join(cells) + " | | |"


def widest_spread(results):
    """Return the figure that varied most between the rounds. It shows how quiet the machine was."""

    def width(item):
        _, _, value = item
        return value["highest"] / value["lowest"]

    items = [(name, figure, result["medians"][figure.key]) for name, result in results.items() for figure in FIGURES]
    name, figure, value = max(items, key=width)
    low, high = (f"{value[key]:.{figure.digits}f}" for key in ("lowest", "highest"))
    return f"Widest range over the rounds: {name}, {figure.title}: {low} to {high}."


def describe(about, rounds):
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    yield f"Machine: {about['cpu']}; {about['cpus']} CPUs. Has: {' '.join(about['flags']) or '-'}. "
    yield f"Lacks: {' '.join(about['flags_missing']) or '-'}. Threads: {about['threads']}. Rounds: {rounds}. "
    yield f"Load before the start: {about['load_before']}. Versions: {versions.replace('finsent finsent', 'finsent')}."


def selected(names, precisions, flags):
    """Return the selected engines, by name or by family, in the order of the tables."""
    chosen = {name for name in PEERS for given in names if given in (name, name.split("-")[0])}
    if EMULATED in chosen and EMULATED not in names and not BF16_FLAGS & set(flags):
        chosen.remove(EMULATED)
    return [name for name in PEERS if name in chosen and PEERS[name].precision in precisions]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("--sentences", type=Path, required=True, help="a file with one sentence per line")
    parser.add_argument("--finsent", type=Path, help="the finsent binary; without it, only the other engines are measured")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", nargs="*", default=FAMILIES, choices=[*FAMILIES, *PEERS], metavar="PEER",
                        help=f"engines to measure: {', '.join(PEERS)}; or families: {', '.join(FAMILIES)}")  # fmt: skip
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for the figures of every round")
    args = parser.parse_args()
    cpus = len(os.sched_getaffinity(0))
    if not 1 <= args.threads <= cpus:
        parser.error(f"--threads must be 1 to {cpus}, the number of CPUs, not {args.threads}")
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return args


def main():
    args = arguments()
    # The libraries of the other engines read these variables when they load, in the child processes.
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "TOKENIZERS_PARALLELISM": "false"}
    finsent = Finsent(args.finsent.absolute(), args.dir, args.threads) if args.finsent else None
    about = machine(finsent, args.threads)
    peers = selected(args.peers, args.precisions, about["flags"])
    if not peers and not finsent:
        sys.exit("nothing to measure: no engine has these precisions, and --finsent is not given")
    sentences, _ = read_sentences(args.sentences)
    names = json.loads((args.dir / "config.json").read_text(encoding="utf-8"))["id2label"]
    labels = [names[str(index)] for index in range(len(names))]

    def log(text):
        print(text, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        measured = Path(scratch) / "measured.txt"
        measured.write_text("\n".join(sentences) + "\n", encoding="utf-8")
        common = (args.dir, sentences, args.threads)

        log("accuracy: the reference")
        reference, _ = alone(peer_probabilities, REFERENCE, *common)
        results, turn_of = {}, {}
        for precision in args.precisions if finsent else []:
            name = f"finsent-{precision}"
            log(f"accuracy: {name}")
            answers = finsent.probabilities(precision, measured, labels)
            results[name] = {"title": "finsent", "precision": precision, "note": ""}
            results[name]["accuracy"] = accuracy(answers, reference)
            turn_of[name] = lambda precision=precision: finsent.figures(precision, measured)
        for name in peers:
            log(f"accuracy: {name}")
            answers, note = alone(peer_probabilities, name, *common)
            results[name] = {"title": PEERS[name].title, "precision": PEERS[name].precision, "note": note}
            results[name]["accuracy"] = accuracy(answers, reference)
            turn_of[name] = lambda name=name: alone(peer_figures, name, *common, next(iter(turns[name]), None))
        for name, result in results.items():
            difference = result["accuracy"]["largest_difference"]
            if result["precision"] == "f32" and difference > F32_TOLERANCE:
                sys.exit(f"{name} does not compute the same model as {REFERENCE}: a probability differs by {difference:.3g}")

        turns = {name: [] for name in results}
        for number in range(1, args.rounds + 1):
            for name, turn in turn_of.items():
                start = time.perf_counter()
                turns[name].append(turn())
                took = time.perf_counter() - start
                log(f"round {number} of {args.rounds}: {name}, {took:.0f} s, {turns[name][-1]['single_ms']:.1f} ms")

    for name, result in results.items():
        result["medians"] = medians(turns[name])
    print("".join(describe(about, args.rounds)))
    print("\n".join(precision_tables(results)))
    print(f"\n{widest_spread(results)}")
    if args.json:
        for name, result in results.items():
            result["rounds"] = turns[name]
        settings = {"singles": SINGLES, "sentences": MEASURED, "batches": BATCHES, "rounds": args.rounds}
        report = {"machine": about, "settings": settings, "results": results}
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
