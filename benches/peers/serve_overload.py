"""Offers finsent's HTTP service more than it can answer, without waiting for answers, and prints what became of it."""

import asyncio
import json
import math
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from compare import Finsent, describe
from inputs import read_sentences
from serve_compare import (CONNECTIONS, HEADLINE, SETTLE, ask, body_of, finsent_service, load, memory, percentile,
                           prepare, running, service_arguments, write_bodies)  # fmt: skip

CAPACITY_S = 20
PATIENCE_S = 60


@dataclass
class Answer:
    """`status` is None where none came; times in seconds, from the first arrival and from this one's."""

    status: int | None
    retry_after: bool
    late: float
    took: float
    at: float


class Client:
    """Requests on kept connections, as many as are wanted at once."""

    def __init__(self, port, bodies):
        self.port = port
        head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
        self.requests = [f"{head}{len(body)}\r\n\r\n{body}".encode() for body in bodies]
        self.idle = []

    async def post(self, number):
        """Status and headers of the answer."""
        reader = writer = None
        # The server may have closed one that was idle.
        while self.idle and (writer is None or reader.at_eof()):
            reader, writer = self.idle.pop()
        if writer is None or reader.at_eof():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self.requests[number % len(self.requests)])
            status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
            headers = dict(line.split(":", 1) for line in lines if line)
            await reader.readexactly(int(headers["content-length"]))
        except BaseException:
            writer.close()
            raise
        if headers.get("connection", "").strip() == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return int(status.split()[1]), headers

    async def answer(self, number, start, due):
        """One arrival. The clock is the arrival's, so that a slow client does not make the server look fast."""
        late, status, headers = time.perf_counter() - start - due, None, {}
        try:
            status, headers = await asyncio.wait_for(self.post(number), PATIENCE_S)
        except (OSError, EOFError, TimeoutError, KeyError, ValueError) as error:
            print(f"no answer: {error!r}", file=sys.stderr)
        at = time.perf_counter() - start
        return Answer(status, "retry-after" in headers, late, at - due, at)

    async def offer(self, rate, seconds):
        """Arrivals at random, `rate` a second on average."""
        chance, due, tasks, start = random.Random(0), 0.0, [], time.perf_counter()
        while (due := due + chance.expovariate(rate)) < seconds:
            await asyncio.sleep(due - (time.perf_counter() - start))
            tasks.append(asyncio.create_task(self.answer(len(tasks), start, due)))
        answers = await asyncio.gather(*tasks)
        for _, writer in self.idle:
            writer.close()
        return answers


def by_status(answers, seconds):
    """What came while the load was on and had settled."""
    settled = SETTLE * seconds
    found = {}
    for status in sorted({answer.status for answer in answers}, key=str):
        came = [answer for answer in answers if answer.status == status and settled <= answer.at < seconds]
        times = sorted(answer.took for answer in came)
        found[str(status)] = {
            "answers": sum(answer.status == status for answer in answers),
            "per_s": len(came) / (seconds - settled),
            "p50_ms": 1e3 * percentile(times, 0.5),
            "p99_ms": 1e3 * percentile(times, 0.99),
            "retry_after": sum(answer.retry_after for answer in answers if answer.status == status),
        }
    return found


def main():
    parser = service_arguments(__doc__)
    parser.add_argument("--model", help="what finsent serves, e.g. mini [default: the directory]")
    parser.add_argument("--multiple", type=float, default=2.0, help="of the capacity, that is offered")
    parser.add_argument("--request-timeout", type=int, default=5, help="finsent's own, in seconds")
    parser.set_defaults(seconds=30)
    args = parser.parse_args()
    about = prepare(args)
    engine = Finsent(args.finsent.absolute(), args.model or args.dir, args.threads)
    sentences, _ = read_sentences(args.sentences)
    # A connection for every request in flight.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    command = [*finsent_service(engine), "--request-timeout", args.request_timeout]
    with tempfile.TemporaryDirectory() as scratch, running(command, "/readyz") as (process, port, _):
        bodies = Path(scratch) / "bodies"
        write_bodies(bodies, sentences)
        capacity, _, _, errors = load(port, bodies, CONNECTIONS, CAPACITY_S)
        if errors or not capacity:
            sys.exit(f"the capacity is not known: {capacity:.1f} answers/s, {errors} errors")
        # wrk leaves requests behind; this one queues behind them.
        ask(port, "POST", "/", body_of(HEADLINE))
        offered = args.multiple * capacity
        print(f"capacity: {capacity:.1f}/s; offered: {offered:.1f}/s", file=sys.stderr, flush=True)
        client = Client(port, bodies.read_text(encoding="utf-8").splitlines())
        used = time.process_time()
        answers = asyncio.run(client.offer(offered, args.seconds))
        used = (time.process_time() - used) / args.seconds
        start = time.perf_counter()
        after, _ = ask(port, "POST", "/", body_of(HEADLINE))
        after_ms = 1e3 * (time.perf_counter() - start)
        _, peak = memory(process)

    found = by_status(answers, args.seconds)
    late = 1e3 * percentile(sorted(answer.late for answer in answers), 0.99)
    accepted, refused = found.get("200", {"per_s": 0.0}), found.get("429", {"retry_after": 0, "answers": 0})
    print("".join(describe(about, 1)) + "\n")
    print("| status | answers | answers/s | p50, ms | p99, ms |")
    print("|---|---:|---:|---:|---:|")
    for status, row in found.items():
        print(f"| {status} | {row['answers']} | {row['per_s']:.1f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} |")
    print(f"\nCapacity: {capacity:.1f}/s. Offered: {len(answers) / args.seconds:.1f}/s for {args.seconds} s. "
          f"200s / capacity: {accepted['per_s'] / capacity:.2f}. "
          f"429s with Retry-After: {refused['retry_after']} of {refused['answers']}. Memory at most: {peak:.0f} MB. "
          f"A headline afterwards: {after} in {after_ms:.0f} ms. "
          f"The client: {used:.2f} of a core, p99 {late:.1f} ms late.")  # fmt: skip
    if args.json:
        report = {"machine": about, "capacity_per_s": capacity, "offered_per_s": offered, "statuses": found,
                  "peak_mb": peak, "after_ms": after_ms, "client_late_p99_ms": late}  # fmt: skip
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
