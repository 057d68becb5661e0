"""Compare finsent's HTTP server with others under load from wrk, and print a Markdown table."""

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
# The first part of a load does not count toward requests per second, because the queue is still filling.
SETTLE = 0.25
WARM_UP_S = 2
START_S = 300
HEADLINE = json.dumps({"inputs": "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn"})
SERVICES = ["torch", "ort", "finsent", "mini"]
PACKAGES = ["torch", "transformers", "onnxruntime", "fastapi", "uvicorn"]
# Key, title, number of decimals.
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


# The services -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """The command that starts a service. For finsent, also the engine alone."""

    title: str
    command: list
    engine: Finsent | None = None


def finsent_service(title, binary, model, threads, *more):
    """Return a finsent service that computes every text exactly once, as `finsent bench` does."""
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
        "mini": finsent_service("finsent, `mini`, int8", args.finsent.absolute(), "mini", args.threads),
    }


def ask(port, method="POST", path="/", body=HEADLINE):
    """Send one request on a new connection, and return the status and body of the response."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()


@contextmanager
def running(service):
    """Start a service; yield the process, its port and the seconds to its first answer; then stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(argument).replace("{port}", str(port)) for argument in service.command]
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
                    sys.exit(f"{' '.join(command)}\ndid not answer:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.01)
            if abs(sum(score["score"] for score in json.loads(answer)[0]) - 1) > 1e-3:
                sys.exit(f"{service.title} gave an unexpected answer: {answer[:500]}")
            yield process, port, seconds
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def memory(process):
    """Return the resident memory in MB: current and peak."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return [int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")]


# The load -----------------------------------------------------------------------------------------------------------


def write_bodies(file, sentences):
    """Write request bodies in a random order that is the same in every run, so that any part of them is representative."""
    shuffled = random.Random(0).sample(sentences, len(sentences))
    file.write_text("".join(json.dumps({"inputs": text}) + "\n" for text in shuffled), encoding="utf-8")


def load(port, bodies, connections, seconds):
    """Run wrk, and return requests/s, p50 and p99 in ms, and errors. Each connection sends its next request as soon as it has
    its answer."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", HERE / "headlines.lua",
               f"http://127.0.0.1:{port}/"]  # fmt: skip
    result = subprocess.run(command, env=os.environ | {"BODIES": str(bodies)}, capture_output=True, text=True)
    try:
        report = json.loads(result.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        sys.exit(f"wrk exited with {result.returncode}:\n{result.stdout}{result.stderr}")
    settled = SETTLE * seconds
    rate = sum(settled <= at < seconds for at in report["answered"]) / (seconds - settled)
    if connections == 1:
        # Count only complete passes over the sentences, if there was one, so that the median is over the same sentences as
        # that of the engine alone.
        whole = len(report["took"]) // MEASURED * MEASURED
        times = sorted(report["took"][:whole] or report["took"])
    else:
        times = as_measured(report, connections)
    errors = report["requests"] - len(report["answered"])
    errors += sum(count for kind, count in report["errors"].items() if kind != "status")
    return rate, percentile_ms(times, 0.5), percentile_ms(times, 0.99), errors


def as_measured(report, connections):
    """Return the times that wrk measured, sorted. For each time over twice the mean, wrk adds to its histogram the times that
    requests might have taken if it had sent them meanwhile. This removes those again, the longest first."""
    counts = dict(report["histogram"])
    mean = report["microseconds"] // max(report["requests"] // connections, 1)
    for value in sorted(counts, reverse=True):
        while_waiting = range(value - mean, mean, -mean) if value >= 2 * mean else []
        for added in while_waiting:
            counts[added] -= counts[value]
    times = [value / 1e6 for value, count in sorted(counts.items()) for _ in range(count)]
    if len(times) + report["errors"]["timeout"] != report["requests"]:
        sys.exit(f"wrk reported {report['requests']} requests but {len(times)} times; is this wrk 4.1?")
    return times


def percentile_ms(ordered, share):
    return 1e3 * ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan


# The run ------------------------------------------------------------------------------------------------------------


def turn_of(service, measured, bodies, seconds):
    """Measure the engine alone, then start the service and measure it."""
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
    """Return the medians over the rounds, and the sum of errors."""
    result = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    return result | {"errors": sum(turn["errors"] for turn in turns)}


def table(results):
    yield "| | " + " | ".join(title for _, title, _ in COLUMNS) + " |"
    yield "|---" + "|---:" * len(COLUMNS) + "|"
    for result in results.values():
        figures = result["medians"]
        cells = [f"{figures[key]:.{digits}f}" if key in figures else "" for key, _, digits in COLUMNS]
        yield f"| {result['title']} | " + " | ".join(cells) + " |"


def arguments(description, seconds):
    """Return a parser with the arguments of both scripts that measure the service."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("--sentences", type=Path, required=True, help="a file with one sentence per line")
    parser.add_argument("--finsent", type=Path, required=True, help="path of the finsent binary")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=seconds, help="duration of each load")
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for all figures")
    return parser


def prepare(args):
    """Set up the environment, and describe the machine and the versions."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed. On Debian: apt-get install wrk")
    # The libraries of the other services read these variables when they load, in the child processes.
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
