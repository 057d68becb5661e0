"""Time `finsent summary` on a million scored rows beside DuckDB, which computes the same sums, and compare the figures.

Each round runs both once, each in a process of its own. Both read the same file, which this script makes, and write CSV.
"""

import argparse
import csv
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

LABELS = ["positive", "negative", "neutral"]
WORDS = "profit loss shares outlook orders margin demand dividend probe recall contract sales guidance debt rating".split()
QUERY = """
SELECT ticker, strftime(date_trunc('day', timezone('America/New_York', published::TIMESTAMPTZ)), '%Y-%m-%d') AS period,
    count(*) AS count, avg(sentiment_score) AS sentiment_score,
    avg((label = 'positive')::INT) AS positive, avg((label = 'negative')::INT) AS negative,
    avg((label = 'neutral')::INT) AS neutral, avg((label = 'positive')::INT) - avg((label = 'negative')::INT) AS net
FROM read_{format}('{path}') GROUP BY ALL ORDER BY ALL
"""
DUCKDB = """
import sys, duckdb
connection = duckdb.connect()
connection.execute(f"SET threads = {sys.argv[3]}; SET TimeZone = 'UTC'")
connection.execute(f"COPY ({sys.argv[1]}) TO '{sys.argv[2]}' (HEADER)")
"""


def write_rows(path, rows):
    """Write rows as `finsent classify` writes them: 500 tickers, 30 days, headlines of 8 to 14 words."""
    source = random.Random(20)
    header = ["ticker", "published", "headline", "label", "score", *LABELS, "sentiment_score", "tokens", "truncated", "error"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for _ in range(rows):
            first, second, third = (source.random() ** 3 for _ in LABELS)
            total = first + second + third
            scores = [round(score / total, 7) for score in (first, second, third)]
            largest = max(scores)
            words = " ".join(source.choices(WORDS, k=source.randint(8, 14)))
            day, second = source.randrange(30), source.randrange(86400)
            published = f"2026-03-{day + 1:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
            sentiment = round(scores[0] - scores[1], 7)
            row = [f"T{min(int(source.expovariate(0.01)), 499):03}", published, words, LABELS[scores.index(largest)]]
            writer.writerow([*row, largest, *scores, sentiment, len(words.split()) + 2, "false", ""])


def timed(command):
    """Run a command; return its seconds and the most memory that it had, in MB."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(errors.decode())
    return seconds, usage.ru_maxrss / 1000


def read(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def compare(finsent, duckdb):
    """Stop if the figures differ."""
    if [(row["ticker"], row["period"]) for row in finsent] != [(row["ticker"], row["period"]) for row in duckdb]:
        sys.exit("the groups differ")
    for ours, theirs in zip(finsent, duckdb, strict=True):
        for name in ["count", "sentiment_score", *LABELS, "net"]:
            if abs(float(ours[name]) - float(theirs[name])) > 1e-9:
                sys.exit(f"{ours} is not {theirs}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finsent", type=Path, required=True, help="path of the finsent binary")
    parser.add_argument("--directory", type=Path, required=True, help="where the files go; they take 400 MB")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="threads of DuckDB")
    args = parser.parse_args()
    args.directory.mkdir(parents=True, exist_ok=True)
    scored = args.directory / f"scored-{args.rows}.csv"
    if not scored.exists():
        write_rows(scored, args.rows)
    parquet = scored.with_suffix(".parquet")
    if not parquet.exists():
        copy = f"COPY (FROM read_csv('{scored}')) TO '{parquet}'"
        subprocess.run([sys.executable, "-c", f"import duckdb; duckdb.sql({copy!r})"], check=True)
    print(f"{args.rows} rows, by ticker and day in New York; seconds and MB, medians of {args.rounds} rounds")
    for path, kind in [(scored, "csv"), (parquet, "parquet")]:
        outputs = [args.directory / name for name in ("finsent.csv", "duckdb.csv")]
        by = ["--by", "ticker", "--time-column", "published", "--every", "1d", "--time-zone", "America/New_York"]
        query = QUERY.format(format=kind, path=path)
        commands = {
            "finsent": [args.finsent, "summary", path, *by, "--output", outputs[0]],
            "finsent, page with texts": [args.finsent, "summary", path, *by, "--output", args.directory / "report.html"],
            "duckdb": [sys.executable, "-c", DUCKDB, query, outputs[1], args.threads],
        }
        runs = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                runs[name].append(timed(command))
        compare(*(read(output) for output in outputs))
        for name, measured in runs.items():
            seconds, memory = (statistics.median(values) for values in zip(*measured, strict=True))
            print(f"{path.stat().st_size / 1e6:6.0f} MB {kind:8} {name:26} {seconds:6.2f} s {memory:6.0f} MB")


main()
