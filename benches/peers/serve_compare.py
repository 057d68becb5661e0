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
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path

from compare import Finsent, describe, machine
from inputs import MEASURED, read_sentences

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
# The first part of a load, while its queue fills, is not in the requests a second.
SETTLE = 0.25
WARM_UP_S = 2
START_S = 300
HEADLINE = "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn"
PACKAGES = ["torch", "transformers", "onnxruntime", "fastapi", "uvicorn"]


@dataclass(frozen=True)
class Contestant:
    """A service, and for finsent the engine behind it."""

    title: str
    command: list
    engine: Finsent | None = None


@dataclass(frozen=True)
class Column:
    key: str
    title: str
    digits: int


COLUMNS = [
    Column("first_answer_s", "first answer, s", 2),
    Column("one_per_s", "1 connection: requests/s", 1),
    Column("one_p50_ms", "p50, ms", 1),
    Column("one_p99_ms", "p99, ms", 1),
    Column("added_ms", "added to the engine, ms", 2),
    Column("many_per_s", f"{CONNECTIONS} connections: requests/s", 1),
    Column("many_p50_ms", "p50, ms", 0),
    Column("many_p99_ms", "p99, ms", 0),
    Column("of_engine", "service / engine, packed", 2),
    Column("errors", "errors", 0),
    Column("resident_mb", "resident, MB", 0),
    Column("peak_mb", "at most, MB", 0),
]


# A service in its own process ---------------------------------------------------------------------------------------


def body_of(text):
    return json.dumps({"inputs": text})


def ask(port, method, path, body=None):
    """Status and body of one answer, on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(command, ready=None):
    """Starts `command`, and yields its process, its port and the seconds to its first answer; stops it at the end.
    Until GET `ready` answers 200, if there is such a path, nothing else is asked."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen([str(word).format(port=port) for word in command], stdout=log, stderr=log)
        try:
            while True:
                try:
                    if ready and ask(port, "GET", ready)[0] == 200:
                        ready = None
                    if not ready:
                        status, answer = ask(port, "POST", "/", body_of(HEADLINE))
                        if status == 200:
                            break
                except (OSError, HTTPException):
                    pass
                if process.poll() is not None or time.perf_counter() - start > START_S:
                    log.seek(0)
                    said = log.read().decode(errors="replace")[-2000:]
                    sys.exit(f"{' '.join(map(str, command))}\ndoes not answer:\n{said}")
                time.sleep(0.01)
            seconds = time.perf_counter() - start
            check_answer(command, answer)
            yield process, port, seconds
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def check_answer(command, answer):
    try:
        [scores] = json.loads(answer)
        good = len(scores) > 1 and abs(sum(score["score"] for score in scores) - 1) < 1e-3
    except (ValueError, TypeError, KeyError):
        good = False
    if not good:
        sys.exit(f"{' '.join(map(str, command))}\nanswers otherwise than the others: {answer[:500]}")


def memory(process):
    """Resident memory now and at most, in MB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return [int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")]


# wrk ----------------------------------------------------------------------------------------------------------------


def write_bodies(file, sentences):
    """In an order of chance, so that a part of them is like all of them; the same in every run."""
    shuffled = random.Random(0).sample(sentences, len(sentences))
    file.write_text("\n".join(map(body_of, shuffled)) + "\n", encoding="utf-8")


def wrk(port, bodies, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", HERE / "headlines.lua"]
    ended = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"],
        env=os.environ | {"BODIES": str(bodies)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        return json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        sys.exit(f"wrk ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")


def load(port, bodies, connections, seconds):
    """Requests/s, p50 and p99 in ms, and the number of errors. Each connection asks again when it has its answer."""
    said = wrk(port, bodies, connections, seconds)
    settled = SETTLE * seconds
    rate = sum(settled <= at < seconds for at in said["answered"]) / (seconds - settled)
    if connections == 1:
        # Whole turns of the sentences, if there are any: so the median is one over the same sentences as the engine's.
        whole = len(said["took"]) // MEASURED * MEASURED
        times = sorted(said["took"][:whole] or said["took"])
    else:
        times = as_measured(said, connections)
    failed = said["requests"] - len(said["answered"])
    errors = failed + sum(count for kind, count in said["errors"].items() if kind != "status")
    p50, p99 = (1e3 * percentile(times, share) for share in (0.5, 0.99))
    return rate, p50, p99, errors


def as_measured(said, connections):
    """The times that wrk measured, in order. To its histogram it adds, for each that was over twice the mean, what the
    requests would have taken that were not sent meanwhile; here that is taken out again, from the longest down."""
    counts = dict(said["histogram"])
    expected = said["microseconds"] // max(said["requests"] // connections, 1)
    for value in sorted(counts, reverse=True):
        added = value - expected
        while value >= 2 * expected and added > expected:
            counts[added] -= counts[value]
            added -= expected
    times = [value / 1e6 for value, count in sorted(counts.items()) for _ in range(count)]
    if len(times) + said["errors"]["timeout"] != said["requests"]:
        sys.exit(f"wrk: {said['requests']} requests, but {len(times)} times; is this wrk 4?")
    return times


def percentile(ordered, share):
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan


# The run ------------------------------------------------------------------------------------------------------------


def finsent_service(engine):
    """Without the cache, and every text computed once, as the engine's bench does it."""
    return [engine.binary, "serve", "--listen", "127.0.0.1:{port}", "--model", engine.checkpoint, "--threads",
            engine.threads, "--precision", "int8", "--int8-margin", "0", "--cache-entries", "0"]  # fmt: skip


def contestants(args):
    rival = ["--port", "{port}", "--threads", args.threads]
    engines = [Finsent(args.finsent.absolute(), model, args.threads) for model in (args.dir, "mini")]
    return {
        "torch": Contestant("FastAPI, PyTorch f32", [sys.executable, HERE / "serve_torch.py", args.dir, *rival]),
        "ort": Contestant("FastAPI, ONNX Runtime int8", [sys.executable, HERE / "serve_ort.py", args.dir, *rival]),
        "finsent": Contestant("finsent, int8", finsent_service(engines[0]), engines[0]),
        "mini": Contestant("finsent, its own `mini`, int8", finsent_service(engines[1]), engines[1]),
    }


def turn_of(contestant, sentences_file, bodies, seconds):
    """One turn: the engine alone, then the service from its start to its end."""
    figures = {}
    if contestant.engine:
        rows = contestant.engine.rows("int8", sentences_file, MEASURED, 32)
        alone = {workload: row for (workload, _), row in rows.items()}
    with running(contestant.command, "/readyz" if contestant.engine else None) as (process, port, first):
        wrk(port, bodies, 1, WARM_UP_S)
        one, many = (load(port, bodies, connections, seconds) for connections in (1, CONNECTIONS))
        figures["first_answer_s"] = first
        for name, (rate, p50, p99, _) in (("one", one), ("many", many)):
            figures |= {f"{name}_per_s": rate, f"{name}_p50_ms": p50, f"{name}_p99_ms": p99}
        figures["errors"] = one[3] + many[3]
        figures["resident_mb"], figures["peak_mb"] = memory(process)
    if contestant.engine:
        figures["engine_ms"] = alone["file, one at a time"]["ms"]
        figures["engine_per_s"] = alone["file, packed"]["sentences_per_s"]
        figures["added_ms"] = figures["one_p50_ms"] - figures["engine_ms"]
        figures["of_engine"] = figures["many_per_s"] / figures["engine_per_s"]
    return figures


def middle(turns):
    """Medians over the rounds, but every error."""
    medians = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    return medians | {"errors": sum(turn["errors"] for turn in turns)}


def table(results):
    yield "| | " + " | ".join(column.title for column in COLUMNS) + " |"
    yield "|---" + "|---:" * len(COLUMNS) + "|"
    for result in results.values():
        cells = (
            f"{result['medians'][column.key]:.{column.digits}f}" if column.key in result["medians"] else ""
            for column in COLUMNS
        )
        yield f"| {result['title']} | " + " | ".join(cells) + " |"


def service_arguments(description):
    """What serve_overload.py takes too."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("--sentences", type=Path, required=True, help="one sentence a line")
    parser.add_argument("--finsent", type=Path, required=True, help="the binary")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=20, help="of each load")
    parser.add_argument("--json", type=Path, metavar="OUT", help="where all figures go")
    return parser


def prepare(args, *engines):
    """The machine, as compare.py describes it; ends the run where something is missing."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed")
    # Read by the rivals' libraries as they load, in the processes that inherit them.
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "TOKENIZERS_PARALLELISM": "false"}
    about = machine(Finsent(args.finsent.absolute(), args.dir, args.threads), args.threads)
    about["versions"] = {name: about["versions"][name] for name in ("finsent", "python")}
    about["versions"] |= {package: version(package) for package in PACKAGES}
    return about


def main():
    parser = service_arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--services", nargs="+", choices=["torch", "ort", "finsent", "mini"], metavar="SERVICE",
                        default=["torch", "ort", "finsent", "mini"],
                        help="of torch, ort, finsent, mini")  # fmt: skip
    args = parser.parse_args()
    about = prepare(args)
    services = {name: service for name, service in contestants(args).items() if name in args.services}
    sentences, _ = read_sentences(args.sentences)

    turns = {name: [] for name in services}
    with tempfile.TemporaryDirectory() as scratch:
        measured, bodies = Path(scratch) / "measured.txt", Path(scratch) / "bodies"
        measured.write_text("\n".join(sentences) + "\n", encoding="utf-8")
        write_bodies(bodies, sentences)
        for number in range(1, args.rounds + 1):
            for name, service in services.items():
                turns[name].append(turn_of(service, measured, bodies, args.seconds))
                rates = [f"{turns[name][-1][key]:.1f}/s" for key in ("one_per_s", "many_per_s")]
                print(f"round {number} of {args.rounds}: {name}, {', '.join(rates)}", file=sys.stderr, flush=True)

    results = {
        name: {"title": services[name].title, "medians": middle(turns[name]), "rounds": turns[name]} for name in services
    }
    print("".join(describe(about, args.rounds)) + "\n")
    print("\n".join(table(results)))
    if args.json:
        settings = {"seconds": args.seconds, "rounds": args.rounds, "sentences": MEASURED}
        report = {"machine": about, "settings": settings, "results": results}
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
