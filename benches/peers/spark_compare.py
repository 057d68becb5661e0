"""Compare `finsent.spark` with a pandas UDF around transformers' pipeline, on a cluster of Spark with two workers, both on this
machine.

Both score the same headlines with the same checkpoint, in turn, on one core per worker. A first, uncounted job lets each worker
load its model. Prints a Markdown table; `same label` counts the texts with the label of finsent in f32.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator

import finsent
import pandas as pd
import pyarrow
import pyarrow.parquet
from pyspark.sql.functions import pandas_udf

from python_compare import print_table

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bindings" / "python" / "cluster_tests"))

import headlines  # noqa: E402
from spark_cluster import SparkCluster  # noqa: E402

FILES = 8


def finsent_way(checkpoint, precision):
    """Score a DataFrame with finsent."""

    def score(frame):
        scorer = finsent.spark("headline", model=checkpoint, precision=precision)
        return frame.mapInArrow(scorer, scorer.schema(frame)).select("row", "label")

    return score


def transformers_way(checkpoint, batch):
    """Score a DataFrame with a pipeline that each Python worker keeps."""

    def predict(columns: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import torch
        import transformers

        if not hasattr(transformers, "kept"):
            torch.set_num_threads(1)
            transformers.kept = transformers.pipeline("text-classification", model=checkpoint, device="cpu")
        for column in columns:
            predictions = transformers.kept(column.tolist(), batch_size=batch, truncation=True)
            yield pd.Series([prediction["label"] for prediction in predictions])

    def score(frame):
        return frame.select("row", pandas_udf(predict, "string")(frame["headline"]).alias("label"))

    return score


def write(folder, texts):
    """Write the texts as a data set of several Parquet files."""
    folder.mkdir()
    for part in range(FILES):
        rows = range(part, len(texts), FILES)
        table = pyarrow.table({"row": list(rows), "headline": [texts[row] for row in rows]})
        pyarrow.parquet.write_table(table, folder / f"part-{part}.parquet", compression=headlines.COMPRESSION)
    return str(folder)


def labels(scored):
    """Run the job, and return the labels in the order of the texts."""
    return [row.label for row in sorted(scored.collect(), key=lambda row: row.row)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="a directory that both read")
    parser.add_argument("file", type=Path, help="a .txt file with one text per line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--rival-texts", type=int, default=4_000, help="number of texts for transformers")
    args = parser.parse_args()

    checkpoint = str(args.checkpoint.absolute())
    texts = args.file.read_text(encoding="utf-8").splitlines()[: args.texts]
    ways = {f"`finsent.spark`, {precision}": (finsent_way(checkpoint, precision), texts) for precision in ["f32", "int8"]}
    for batch in [1, 8, 32]:
        title = f"pandas UDF of transformers' pipeline, f32, batches of {batch}"
        ways[title] = transformers_way(checkpoint, batch), texts[: args.rival_texts]
    rates, found = {title: [] for title in ways}, {}
    with tempfile.TemporaryDirectory() as scratch, SparkCluster(Path(scratch) / "cluster") as cluster:
        session = cluster.session()
        for number in range(args.rounds):
            for title, (score, part) in ways.items():
                folder = Path(scratch) / f"{len(part)}"
                frame = session.read.parquet(str(folder) if folder.exists() else write(folder, part))
                if number == 0:
                    labels(score(frame.limit(200).repartition(FILES)))
                start = time.perf_counter()
                found[title] = labels(score(frame))
                rates[title].append(len(part) / (time.perf_counter() - start))
                print(f"round {number}: {title}, {rates[title][-1]:.1f} texts/s", file=sys.stderr, flush=True)
        session.stop()
    print_table(rates, found, found["`finsent.spark`, f32"])


if __name__ == "__main__":
    main()
