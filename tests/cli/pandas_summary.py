"""Compare the figures of `finsent summary` with those of pandas on the same scored rows, in every format.

Usage: pandas_summary.py FINSENT DIRECTORY
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

FINSENT, DIRECTORY = sys.argv[1], Path(sys.argv[2])
LABELS = ["positive", "negative", "neutral"]
ZONE = "America/New_York"


def scored(rows, seed):
    """Return rows as `finsent classify` writes them: probabilities, the label of the largest, times over two changes of clocks."""
    random = np.random.default_rng(seed)
    scores = random.dirichlet([0.7, 0.6, 1.0], rows).astype(np.float32)
    times = pd.Timestamp("2025-10-20", tz="UTC") + pd.to_timedelta(random.integers(0, 160 * 86400, rows), unit="s")
    frame = pd.DataFrame({
        "ticker": random.choice(["ACME", "BOLT", "Ünit", "a,b", ""], rows),
        "source": random.choice(["wire", "blog"], rows),
        "published": times.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reach": random.integers(0, 50, rows) / 4,
        "headline": [f"text {number}" for number in random.integers(0, rows // 2, rows)],
        "label": np.array(LABELS)[scores.argmax(axis=1)],
        "score": scores.max(axis=1),
    })
    for index, label in enumerate(LABELS):
        frame[label] = scores[:, index]
    frame["sentiment_score"] = scores[:, 0] - scores[:, 1]
    return frame.assign(tokens=5, truncated=False)


def write(frame, path):
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case ".jsonl":
            lines = ({**row, "scores": {label: row.pop(label) for label in LABELS}} for row in frame.to_dict("records"))
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def read(path):
    """Return the rows as pandas reads them, with numbers in double precision."""
    match path.suffix:
        case ".csv":
            frame = pd.read_csv(path, keep_default_na=False)
        case ".parquet":
            frame = pd.read_parquet(path)
            # A float32 is written with as few digits as identify it.
            frame["sentiment_score"] = [float(str(value)) for value in frame["sentiment_score"].to_numpy()]
        case ".jsonl":
            frame = pd.DataFrame(json.loads(line) for line in path.open(encoding="utf-8"))
    return frame.astype({"sentiment_score": float, "reach": float})


def expected(frame, keys, weight):
    rows = frame.assign(weight=frame[weight] if weight else 1.0)
    rows["product"] = rows["weight"] * rows["sentiment_score"]
    for label in LABELS:
        rows[label] = rows["weight"] * (rows["label"] == label)
    sums = rows.groupby(keys, sort=True)[["weight", "product", *LABELS]].sum()
    result = pd.DataFrame({"count": rows.groupby(keys, sort=True).size()})
    result["sentiment_score"] = sums["product"] / sums["weight"]
    for label in LABELS:
        result[label] = sums[label] / sums["weight"]
    result["net"] = result["positive"] - result["negative"]
    return result.reset_index()


def summarize(path, *args):
    command = [FINSENT, "summary", "--quiet", path, "--format", "csv", *args]
    output = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    (DIRECTORY / "summary.csv").write_text(output, encoding="utf-8")
    return pd.read_csv(DIRECTORY / "summary.csv", keep_default_na=False, na_values={"sentiment_score": "", "change": ""})


def check(what, found, wanted, columns):
    assert len(found) == len(wanted), f"{what}: {len(found)} groups, and pandas has {len(wanted)}"
    for column in columns:
        if wanted[column].dtype.kind in "fi":
            same = np.allclose(found[column].astype(float), wanted[column], rtol=0, atol=1e-9, equal_nan=True)
        else:
            same = list(found[column]) == list(wanted[column])
        assert same, f"{what}, {column}:\n{found[column]}\n{wanted[column]}"


def main():
    figures = ["count", "sentiment_score", *LABELS, "net"]
    for suffix in [".csv", ".jsonl", ".parquet"]:
        path = DIRECTORY / f"scored{suffix}"
        write(scored(3000, seed=20), path)
        frame = read(path)
        check(suffix, summarize(path, "--by", "ticker,source"), expected(frame, ["ticker", "source"], None), ["ticker", "source", *figures])

        local = pd.to_datetime(frame["published"], utc=True).dt.tz_convert(ZONE)
        frame["period"] = local.dt.strftime("%Y-%m-%d")
        by_day = ["--by", "ticker", "--time-column", "published", "--every", "1d", "--time-zone", ZONE]
        wanted = expected(frame, ["ticker", "period"], None)
        wanted["change"] = wanted.groupby("ticker")["sentiment_score"].diff()
        check(f"{suffix} by day", summarize(path, *by_day), wanted, ["ticker", "period", *figures, "change"])

        weighted = expected(frame, ["ticker"], "reach")
        check(f"{suffix} weighted", summarize(path, "--by", "ticker", "--weight-column", "reach"), weighted, figures)

        first = frame.drop_duplicates(["ticker", "headline"])
        check(f"{suffix} unique", summarize(path, "--by", "ticker", "--unique"), expected(first, ["ticker"], None), figures)

        top = summarize(path, "--by", "source", "--top", "3")
        for _, row in top.iterrows():
            texts = frame[frame["source"] == row["source"]].sort_values("sentiment_score", ascending=False, kind="stable")
            best = texts.drop_duplicates("headline").head(3)["sentiment_score"]
            found = [row[f"top_{number}_score"] for number in (1, 2, 3)]
            assert np.allclose(found, best), f"{suffix}: the most positive are {best}, not {found}"


main()
