"""Offers finsent's HTTP service more than it can answer, without waiting for answers, and prints what becomes of it."""

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
# How long answers are waited for when the last request has been sent.
PATIENCE_S = 60


@dataclass
class Answer:
    """Times are in seconds from the start. Without an answer, `status` is "none", or "closed" with the connection."""

    due: float
    sent: float = 0.0
    came: float = 0.0
    status: str = "none"
    retry_after: bool = False


class Connection(asyncio.Protocol):
    """One of the client's, one request at a time. Asyncio's streams would take more of the cores from the server."""

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
    """Keeps its connections, and opens another when none is idle."""

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
        """Arrivals at random, `rate` a second on average, whatever has been answered."""
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
        # Who could not connect has no status, and is counted so.
        await asyncio.gather(*new, return_exceptions=True)
        while self.now() < seconds + PATIENCE_S and any(answer.status == "none" for answer in answers):
            await asyncio.sleep(0.1)
        return answers


def by_status(answers, seconds):
    """Rate and times of the answers that came while the load was on and had settled; of those that never came, none."""
    settled, found = SETTLE * seconds, {}
    for status in sorted({answer.status for answer in answers}):
        of_status = [answer for answer in answers if answer.status == status]
        counted = [answer for answer in of_status if settled <= answer.came < seconds]
        # From the arrival, not from the sending: a slow client must not make the server look fast.
        times = sorted(answer.came - answer.due for answer in counted)
        found[status] = {
            "answers": len(of_status),
            "per_s": len(counted) / (seconds - settled),
            "p50_ms": percentile_ms(times, 0.5),
            "p99_ms": percentile_ms(times, 0.99),
            "retry_after": sum(answer.retry_after for answer in of_status),
        }
    return found


def main():
    parser = arguments(__doc__, seconds=30)
    parser.add_argument("--model", help="what finsent serves, such as `mini`, if not the directory")
    parser.add_argument("--multiple", type=float, default=2.0, help="of the capacity, which is measured first")
    parser.add_argument("--request-timeout", type=int, default=5, help="finsent's own, in seconds")
    args = parser.parse_args()
    about = prepare(args)
    sentences, _ = read_sentences(args.sentences)
    # A connection for every request that waits.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    service = finsent_service("finsent", args.finsent.absolute(), args.model or args.dir, args.threads,
                              "--request-timeout", args.request_timeout)  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch, running(service) as (process, port, _):
        bodies = Path(scratch) / "bodies"
        # No two are the same: texts that wait at a time are computed once if they are.
        write_bodies(bodies, [f"{sentences[number % len(sentences)]} {number}" for number in range(TEXTS)])
        capacity, _, _, errors = load(port, bodies, CONNECTIONS, CAPACITY_S)
        if errors or not capacity:
            sys.exit(f"the capacity is not known: {capacity:.1f} answers/s, {errors} errors")
        # wrk leaves requests behind: this one waits for them.
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

    found = by_status(answers, args.seconds)
    late = percentile_ms(sorted(answer.sent - answer.due for answer in answers), 0.99)
    rate = found["200"]["per_s"] if "200" in found else 0.0
    refused = found.get("429", {"retry_after": 0, "answers": 0})
    print("".join(describe(about, 1)) + "\n")
    print("| status | answers | answers/s | p50, ms | p99, ms |")
    print("|---|---:|---:|---:|---:|")
    for status, row in found.items():
        print(f"| {status} | {row['answers']} | {row['per_s']:.1f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} |")
    print(f"\nCapacity: {capacity:.1f}/s. Offered: {len(answers) / args.seconds:.1f}/s for {args.seconds} s. "
          f"200 / capacity: {rate / capacity:.2f}. "
          f"429 with Retry-After: {refused['retry_after']} of {refused['answers']}. Resident at most: {peak:.0f} MB. "
          f"A headline afterwards: {after} in {after_ms:.0f} ms. "
          f"The client: {used:.2f} of a core, p99 {late:.1f} ms late.")  # fmt: skip
    if args.json:
        report = {"machine": about, "capacity_per_s": capacity, "offered_per_s": len(answers) / args.seconds,
                  "statuses": found, "peak_mb": peak, "after_ms": after_ms, "late_p99_ms": late}  # fmt: skip
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
