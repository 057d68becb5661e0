"""Times finsent's HTTP service and its rivals in turn, under wrk, and prints a Markdown table."""

import argparse
import json
import math
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path

from compare import Finsent, describe, machine
from inputs import MEASURED, read_sentences

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
# The first part of a load, while its queue fills, does not count for the requests a second.
SETTLE = 0.25
WARM_UP_S = 2
START_S = 300
HEADLINE = json.dumps({"inputs": "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn"})
SERVICES = ["torch", "ort", "finsent", "mini"]
PACKAGES = ["torch", "transformers", "onnxruntime", "fastapi", "uvicorn"]
# Key, title, digits.
COLUMNS = [
    ("first_answer_s", "first answer, s", 2),
    ("one_per_s", "1 connection: requests/s", 1),
    ("one_p50_ms", "p50, ms", 1),
    ("one_p99_ms", "p99, ms", 1),
    ("added_ms", "added to the engine, ms", 2),
    ("many_per_s", f"{CONNECTIONS} connections: requests/s", 1),
    ("many_p50_ms", "p50, ms", 0),
    ("many_p99_ms", "p99, ms", 0),
    ("of_engine", "service / engine, packed", 2),
    ("errors", "errors", 0),
    ("resident_mb", "resident, MB", 0),
    ("peak_mb", "at most, MB", 0),
]


# A service in its own process ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """How to start it; for finsent, also the engine behind it."""

    title: str
    command: list
    engine: Finsent | None = None


def finsent_service(title, binary, model, threads, *more):
    """Every text is computed, and once, as the engine's bench does it."""
    command = [binary, "serve", "--listen", "127.0.0.1:{port}", "--model", model, "--threads", threads,
               "--precision", "int8", "--int8-margin", 0, "--cache-entries", 0, *more]  # fmt: skip
    return Service(title, command, Finsent(binary, model, threads))


def services(args):
    def rival(title, script):
        return Service(title, [sys.executable, HERE / script, args.dir, "--port", "{port}", "--threads", args.threads])

    return {
        "torch": rival("FastAPI, PyTorch f32", "serve_torch.py"),
        "ort": rival("FastAPI, ONNX Runtime int8", "serve_ort.py"),
        "finsent": finsent_service("finsent, int8", args.finsent.absolute(), args.dir, args.threads),
        "mini": finsent_service("finsent, its `mini`, int8", args.finsent.absolute(), "mini", args.threads),
    }


def ask(port, method="POST", path="/", body=HEADLINE):
    """Status and body of one answer, on a connection of its own."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def running(service):
    """Yields the process, its port and the seconds from its start to its first answer; stops it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(word).replace("{port}", str(port)) for word in service.command]
    ready, answer = not service.engine, None
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while answer is None:
                try:
                    ready = ready or ask(port, "GET", "/readyz", None)[0] == 200
                    status, text = ask(port) if ready else (None, None)
                    answer = text if status == 200 else None
                except (OSError, HTTPException):
                    pass
                seconds = time.perf_counter() - start
                if process.poll() is not None or seconds > START_S:
                    log.seek(0)
                    sys.exit(f"{' '.join(command)}\ndoes not answer:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.01)
            if abs(sum(score["score"] for score in json.loads(answer)[0]) - 1) > 1e-3:
                sys.exit(f"{service.title}: not the answer that is expected: {answer[:500]}")
            yield process, port, seconds
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def memory(process):
    """Resident memory in MB, now and at most."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return [int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")]


# The load -----------------------------------------------------------------------------------------------------------


def write_bodies(file, sentences):
    """In an order of chance, the same in every run: any part of them is like all of them."""
    shuffled = random.Random(0).sample(sentences, len(sentences))
    file.write_text("".join(json.dumps({"inputs": text}) + "\n" for text in shuffled), encoding="utf-8")


def load(port, bodies, connections, seconds):
    """Requests/s, p50 and p99 in ms, and errors. Each connection asks again as soon as it has its answer."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", HERE / "headlines.lua",
               f"http://127.0.0.1:{port}/"]  # fmt: skip
    ended = subprocess.run(command, env=os.environ | {"BODIES": str(bodies)}, capture_output=True, text=True)
    try:
        said = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        sys.exit(f"wrk ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    settled = SETTLE * seconds
    rate = sum(settled <= at < seconds for at in said["answered"]) / (seconds - settled)
    if connections == 1:
        # Whole turns of the sentences, if there was one: the median is then over the same sentences as the engine's.
        whole = len(said["took"]) // MEASURED * MEASURED
        times = sorted(said["took"][:whole] or said["took"])
    else:
        times = as_measured(said, connections)
    errors = said["requests"] - len(said["answered"])
    errors += sum(count for kind, count in said["errors"].items() if kind != "status")
    return rate, percentile_ms(times, 0.5), percentile_ms(times, 0.99), errors


def as_measured(said, connections):
    """The times that wrk measured, in order. Behind each that is over twice the mean, wrk has put into its histogram
    what the requests might have taken that were not sent meanwhile. Here they go out again, the longest first."""
    counts = dict(said["histogram"])
    mean = said["microseconds"] // max(said["requests"] // connections, 1)
    for value in sorted(counts, reverse=True):
        while_waiting = range(value - mean, mean, -mean) if value >= 2 * mean else []
        for added in while_waiting:
            counts[added] -= counts[value]
    times = [value / 1e6 for value, count in sorted(counts.items()) for _ in range(count)]
    if len(times) + said["errors"]["timeout"] != said["requests"]:
        sys.exit(f"wrk: {said['requests']} requests, but {len(times)} times; was this wrk 4.1?")
    return times


def percentile_ms(ordered, share):
    return 1e3 * ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan


# The run ------------------------------------------------------------------------------------------------------------


def turn_of(service, measured, bodies, seconds):
    """One turn: the engine alone, then the service from its start to its end."""
    figures = {}
    rows = service.engine.rows("int8", measured, MEASURED, 32) if service.engine else {}
    alone = {workload: row for (workload, _), row in rows.items()}
    with running(service) as (process, port, figures["first_answer_s"]):
        load(port, bodies, 1, WARM_UP_S)
        figures["errors"] = 0
        for name, connections in (("one", 1), ("many", CONNECTIONS)):
            rate, p50, p99, errors = load(port, bodies, connections, seconds)
            figures |= {f"{name}_per_s": rate, f"{name}_p50_ms": p50, f"{name}_p99_ms": p99}
            figures["errors"] += errors
        figures["resident_mb"], figures["peak_mb"] = memory(process)
    if alone:
        figures["engine_ms"] = alone["file, one at a time"]["ms"]
        figures["engine_per_s"] = alone["file, packed"]["sentences_per_s"]
        figures["added_ms"] = figures["one_p50_ms"] - figures["engine_ms"]
        figures["of_engine"] = figures["many_per_s"] / figures["engine_per_s"]
    return figures


def medians(turns):
    """Over the rounds; of errors, all."""
    middle = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    return middle | {"errors": sum(turn["errors"] for turn in turns)}


def table(results):
    yield "| | " + " | ".join(title for _, title, _ in COLUMNS) + " |"
    yield "|---" + "|---:" * len(COLUMNS) + "|"
    for result in results.values():
        middle = result["medians"]
        cells = [f"{middle[key]:.{digits}f}" if key in middle else "" for key, _, digits in COLUMNS]
        yield f"| {result['title']} | " + " | ".join(cells) + " |"


def arguments(description, seconds):
    """What both scripts of the service take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("--sentences", type=Path, required=True, help="one sentence a line")
    parser.add_argument("--finsent", type=Path, required=True, help="the binary")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=seconds, help="of each load")
    parser.add_argument("--json", type=Path, metavar="OUT", help="where all figures go")
    return parser


def prepare(args):
    """What the figures are figures of."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed")
    # Read by the rivals' libraries as they load, in the processes that inherit them.
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "TOKENIZERS_PARALLELISM": "false"}
    about = machine(Finsent(args.finsent.absolute(), args.dir, args.threads), args.threads)
    about["versions"] = {name: about["versions"][name] for name in ("finsent", "python")}
    about["versions"] |= {package: version(package) for package in PACKAGES}
    return about


def main():
    parser = arguments(__doc__, seconds=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--services", nargs="+", default=SERVICES, choices=SERVICES)
    args = parser.parse_args()
    about = prepare(args)
    contestants = {name: service for name, service in services(args).items() if name in args.services}
    sentences, _ = read_sentences(args.sentences)

    turns = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as scratch:
        measured, bodies = Path(scratch) / "measured.txt", Path(scratch) / "bodies"
        measured.write_text("\n".join(sentences) + "\n", encoding="utf-8")
        write_bodies(bodies, sentences)
        for number in range(1, args.rounds + 1):
            for name, service in contestants.items():
                turns[name].append(turn_of(service, measured, bodies, args.seconds))
                rate = turns[name][-1]["many_per_s"]
                print(f"round {number} of {args.rounds}: {name}, {rate:.1f}/s", file=sys.stderr, flush=True)

    results = {name: {"title": contestants[name].title, "medians": medians(turns[name])} for name in contestants}
    print("".join(describe(about, args.rounds)) + "\n")
    print("\n".join(table(results)))
    if args.json:
        settings = {"seconds": args.seconds, "rounds": args.rounds, "sentences": MEASURED}
        report = {"machine": about, "settings": settings, "results": results, "rounds": turns}
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
