"""Measure what exporting traces costs `finsent serve`: requests/s with wrk, without and with a receiver, in turn."""

import argparse
import json
import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARM_UP_S = 2


class Receiver(BaseHTTPRequestHandler):
    """Takes all spans."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def running(binary, port, *more, threads):
    """A server without a cache, so that each request computes its text."""
    command = [binary, "serve", "--quiet", "--listen", f"127.0.0.1:{port}", "--model", "mini", "--precision", "int8",
               "--int8-margin", "0", "--cache-entries", "0", "--threads", str(threads), *more]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        while True:
            time.sleep(0.05)
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("finsent has ended") from None
            finally:
                connection.close()
        yield process
    finally:
        process.terminate()
        process.wait()


def load(port, bodies, connections, seconds):
    """Requests per second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", HERE / "headlines.lua", f"http://127.0.0.1:{port}"]
    output = subprocess.run(command, env=os.environ | {"BODIES": str(bodies)}, capture_output=True, text=True, check=True)
    report = json.loads(output.stdout.splitlines()[-1])
    if any(report["errors"].values()):
        raise SystemExit(f"some requests failed: {report['errors']}")
    return report["requests"] / report["microseconds"] * 1e6


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spans(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return [line.removeprefix("finsent_trace_spans_total") for line in lines if line.startswith("finsent_trace_spans")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("finsent", type=Path)
    parser.add_argument("--sentences", type=Path, required=True, help="UTF-8, one per line")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    exporting = ["--otlp-endpoint", f"http://127.0.0.1:{receiver.server_port}"]
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1], other.getsockname()[1]]
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        texts = args.sentences.read_text(encoding="utf-8").splitlines()[:256]
        bodies.write_text("".join(json.dumps({"inputs": text}) + "\n" for text in texts), encoding="utf-8")
        binary = args.finsent.absolute()
        with (
            running(binary, ports[0], threads=args.threads) as off,
            running(binary, ports[1], *exporting, threads=args.threads) as on,
        ):
            servers = {"off": (ports[0], off), "on": (ports[1], on)}
            for connections in (64, 1):
                measured = {name: [] for name in servers}
                for port, _ in servers.values():
                    load(port, bodies, connections, WARM_UP_S)
                for _ in range(args.rounds):
                    for name, (port, process) in servers.items():
                        before = cpu_seconds(process)
                        rate = load(port, bodies, connections, args.seconds)
                        cpu = (cpu_seconds(process) - before) / (rate * args.seconds) * 1e6
                        measured[name].append((rate, cpu))
                for name, rounds in measured.items():
                    rates, cpus = [sorted(column) for column in zip(*rounds)]
                    print(
                        f"{connections} connections, traces {name}: {statistics.median(rates):,.0f} requests/s "
                        f"({rates[0]:,.0f} to {rates[-1]:,.0f}), {statistics.median(cpus):,.0f} us of CPU per request "
                        f"({cpus[0]:,.0f} to {cpus[-1]:,.0f})"
                    )
            print("spans:", *spans(ports[1]))


main()
