"""Send finsent's HTTP server more requests than it can answer, without waiting for answers, and report the results."""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from compare import describe
from inputs import read_sentences
from serve_compare import (CONNECTIONS, SETTLE, arguments, ask, finsent_service, load, memory, percentile_ms, prepare,
                           running, write_bodies)  # fmt: skip

CAPACITY_S = 20
TEXTS = 20_000
# The seconds to wait for answers after the last request.
PATIENCE_S = 60


@dataclass
class Answer:
    """One request and its answer, with times in seconds from the start. Without an answer, `status` is "none", or "closed" if
    the connection was closed."""

    due: float
    sent: float = 0.0
    came: float = 0.0
    status: str = "none"
    retry_after: bool = False


class Connection(asyncio.Protocol):
    """A connection of the client, for one request at a time. It does not use asyncio's streams, because they would take more
    CPU time from the server."""

    def __init__(self, client):
        self.client = client
        self.answer = None

    def connection_made(self, transport):
        self.transport = transport

    def post(self, request, answer):
        self.answer, self.data = answer, b""
        answer.sent = self.client.now()
        self.transport.write(request)

    def data_received(self, data):
        self.data += data
        head, _, body = self.data.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        if self.answer and "content-length" in headers and len(body) >= int(headers["content-length"]):
            self.answer.came, self.answer.status = self.client.now(), status.split()[1]
            self.answer.retry_after, self.answer = "retry-after" in headers, None
            if headers.get("connection") == "close":
                self.transport.close()
            else:
                self.client.idle.append(self)

    def connection_lost(self, error):
        if self.answer:
            self.answer.status = "closed"
        elif self in self.client.idle:
            self.client.idle.remove(self)


class Client:
    """An HTTP client that keeps its connections and opens another when none is idle."""

    def __init__(self, port, bodies):
        self.port = port
        head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
        self.requests = [f"{head}{len(body)}\r\n\r\n{body}".encode() for body in bodies]
        self.idle = []

    def now(self):
        return time.perf_counter() - self.start

    async def connect(self, request, answer):
        make = asyncio.get_running_loop().create_connection(lambda: Connection(self), "127.0.0.1", self.port)
        _, connection = await make
        connection.post(request, answer)

    async def offer(self, rate, seconds):
        """Send requests at random times, `rate` per second on average, regardless of the answers."""
        gaps, due, answers, new = random.Random(0), 0.0, [], []
        self.start = time.perf_counter()
        while (due := due + gaps.expovariate(rate)) < seconds:
            await asyncio.sleep(max(due - self.now(), 0))
            request = self.requests[len(answers) % len(self.requests)]
            answers.append(Answer(due))
            if self.idle:
                self.idle.pop().post(request, answers[-1])
            else:
                new.append(asyncio.create_task(self.connect(request, answers[-1])))
        # A request that could not connect keeps the status "none".
        await asyncio.gather(*new, return_exceptions=True)
        while self.now() < seconds + PATIENCE_S and any(answer.status == "none" for answer in answers):
            await asyncio.sleep(0.1)
        return answers


def by_status(answers, seconds):
    """Return the rate and latencies of each status, for answers that came during the load and after it had settled."""
    settled, statuses = SETTLE * seconds, {}
    for status in sorted({answer.status for answer in answers}):
        of_status = [answer for answer in answers if answer.status == status]
        counted = [answer for answer in of_status if settled <= answer.came < seconds]
        # Count from the time when the request was due, so that a slow client does not make the server look fast.
        times = sorted(answer.came - answer.due for answer in counted)
        statuses[status] = {
            "answers": len(of_status),
            "per_s": len(counted) / (seconds - settled),
            "p50_ms": percentile_ms(times, 0.5),
            "p99_ms": percentile_ms(times, 0.99),
            "retry_after": sum(answer.retry_after for answer in of_status),
        }
    return statuses


def main():
    parser = arguments(__doc__, seconds=30)
    parser.add_argument("--model", help="model to serve, such as `mini`, instead of the directory")
    parser.add_argument("--multiple", type=float, default=2.0, help="load, as a multiple of the capacity, which is measured first")
    parser.add_argument("--request-timeout", type=int, default=5, help="request timeout of finsent, in seconds")
    args = parser.parse_args()
    about = prepare(args)
    sentences, _ = read_sentences(args.sentences)
    # Each waiting request needs a connection, and each connection a file descriptor.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    service = finsent_service("finsent", args.finsent.absolute(), args.model or args.dir, args.threads,
                              "--request-timeout", args.request_timeout)  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch, running(service) as (process, port, _):
        bodies = Path(scratch) / "bodies"
        # Make all texts different, because finsent computes identical queued texts only once.
        write_bodies(bodies, [f"{sentences[number % len(sentences)]} {number}" for number in range(TEXTS)])
        capacity, _, _, errors = load(port, bodies, CONNECTIONS, CAPACITY_S)
        if errors or not capacity:
            sys.exit(f"cannot measure the capacity: {capacity:.1f} answers/s, {errors} errors")
        # wrk leaves requests in the queue. This request waits until they are done.
        ask(port)
        print(f"capacity: {capacity:.1f}/s", file=sys.stderr, flush=True)
        client = Client(port, bodies.read_text(encoding="utf-8").splitlines())
        used = time.process_time()
        answers = uvloop.run(client.offer(args.multiple * capacity, args.seconds))
        used = (time.process_time() - used) / args.seconds
        start = time.perf_counter()
        after, _ = ask(port)
        after_ms = 1e3 * (time.perf_counter() - start)
        _, peak = memory(process)

    statuses = by_status(answers, args.seconds)
    late = percentile_ms(sorted(answer.sent - answer.due for answer in answers), 0.99)
    rate = statuses["200"]["per_s"] if "200" in statuses else 0.0
    refused = statuses.get("429", {"retry_after": 0, "answers": 0})
    print("".join(describe(about, 1)) + "\n")
    print("| status | answers | answers/s | p50, ms | p99, ms |")
    print("|---|---:|---:|---:|---:|")
    for status, row in statuses.items():
        print(f"| {status} | {row['answers']} | {row['per_s']:.1f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} |")
    print(f"\nCapacity: {capacity:.1f}/s. Offered: {len(answers) / args.seconds:.1f}/s for {args.seconds} s. "
          f"200 / capacity: {rate / capacity:.2f}. "
          f"429 with Retry-After: {refused['retry_after']} of {refused['answers']}. Peak resident memory: {peak:.0f} MB. "
          f"One request afterwards: status {after} in {after_ms:.0f} ms. "
          f"Client: {used:.2f} cores, p99 {late:.1f} ms late.")  # fmt: skip
    if args.json:
        report = {"machine": about, "capacity_per_s": capacity, "offered_per_s": len(answers) / args.seconds,
                  "statuses": statuses, "peak_mb": peak, "after_ms": after_ms, "late_p99_ms": late}  # fmt: skip
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
