"""Score Parquet files with every type that pyarrow writes, and check that three readers find the input's columns unchanged."""

import datetime
import decimal
import itertools
import subprocess
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.parquet

FINSENT, DIRECTORY = sys.argv[1], Path(sys.argv[2])
ROWS = range(100)


def some(value, kind, every=5):
    """Return an array with a value per row, and a null in every `every`th row."""
    return pyarrow.array([None if row % every == 0 else value(row) for row in ROWS], kind)


def table():
    start = datetime.datetime(2024, 1, 1)
    hour, day = datetime.timedelta(hours=1), datetime.timedelta(days=1)
    structs = pyarrow.struct([("a", pyarrow.int64()), ("b", pyarrow.list_(pyarrow.struct([("c", pyarrow.string())])))])
    return pyarrow.table({
        "id": pyarrow.array(list(ROWS), pyarrow.int32()),
        "headline": some(lambda row: "Profit rose. " * (row % 4 + 1), pyarrow.large_string(), 17),
        "ticker": some(lambda row: "ABC"[row % 3], pyarrow.string()).dictionary_encode(),
        "zoned": some(lambda row: start + row * hour, pyarrow.timestamp("us", "America/New_York")),
        "ns": some(lambda row: 1_700_000_000_123_456_789 + row, pyarrow.timestamp("ns")),
        "s": some(lambda row: 1_700_000_000 + row, pyarrow.timestamp("s")),
        "duration": some(lambda row: row * 1000, pyarrow.duration("ms")),
        "date": some(lambda row: (start + row * day).date(), pyarrow.date32()),
        "time": some(lambda row: datetime.time(row % 24, 3, 4, 5), pyarrow.time64("us")),
        "price": some(lambda row: decimal.Decimal(row) / 4 - 10, pyarrow.decimal128(12, 3)),
        "u64": some(lambda row: 2**64 - 1 - row, pyarrow.uint64()),
        "u8": some(lambda row: row, pyarrow.uint8()),
        "f32": some(lambda row: row / 3, pyarrow.float32()),
        "f64": some(lambda row: row / 3, pyarrow.float64()),
        "flag": some(lambda row: row % 2 == 0, pyarrow.bool_()),
        "bytes": some(lambda row: bytes([row, 255]), pyarrow.binary()),
        "fixed": some(lambda row: bytes([row] * 4), pyarrow.binary(4)),
        "tags": some(lambda row: [None if tag == 1 else f"t{tag}" for tag in range(row % 4)], pyarrow.list_(pyarrow.string())),
        "pair": some(lambda row: [row, row + 1], pyarrow.list_(pyarrow.int16(), 2)),
        "struct": some(lambda row: {"a": row, "b": [{"c": str(row)}]}, structs),
        "map": some(lambda row: [("x", row), ("y", None)], pyarrow.map_(pyarrow.string(), pyarrow.int32())),
        "nothing": pyarrow.array([None] * len(ROWS), pyarrow.null()),
    }).replace_schema_metadata({"desk": "metals"})


def score(source, output, *arguments):
    command = [FINSENT, "classify", "--input", source, "--text-column", "headline", "--output", output, *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 5, result.stderr


def compare(source, output, rows):
    """Compare the input's columns in both files. `rows` gives the row of the input for each row of the output."""
    before, after = pyarrow.parquet.read_table(source), pyarrow.parquet.read_table(output)
    assert list(after.schema)[: len(before.schema)] == list(before.schema), after.schema
    assert after.schema.metadata[b"desk"] == b"metals"
    for name in before.column_names:
        values = before[name].to_pylist()
        assert after[name].to_pylist() == [values[row] for row in rows], (output, name)
    before, after = polars.read_parquet(source), polars.read_parquet(output)
    assert after.select(before.columns).equals(before[rows]), output
    names = ", ".join(name for name in before.columns if name != "nothing")
    query = f"select {names} from '{{}}' order by id"
    before, after = duckdb.sql(query.format(source)).fetchall(), duckdb.sql(query.format(output)).fetchall()
    assert after == [before[row] for row in rows], output


def main():
    data = table()
    whole = list(ROWS)
    for compression, pages in itertools.product(["none", "snappy", "gzip", "zstd", "lz4"], ["1.0", "2.0"]):
        source = DIRECTORY / f"{compression}-{pages}.parquet"
        output = DIRECTORY / f"{compression}-{pages}-scored.parquet"
        # The pages are so small that rows span several of them, and that some contain only nulls.
        pyarrow.parquet.write_table(data, source, compression=compression, data_page_version=pages, row_group_size=33,
                                    data_page_size=200, write_batch_size=7)  # fmt: skip
        score(source, output)
        compare(source, output, whole)
        score(source, output, "--granularity", "sentence")
        sentences = [1 if row % 17 == 0 else row % 4 + 1 for row in ROWS]
        compare(source, output, [row for row in ROWS for _ in range(sentences[row])])
    pandas = pyarrow.parquet.read_table(source).select(["id", "headline", "ticker"]).to_pandas().set_index("id")
    pandas.to_parquet(source)
    score(source, output)
    index = pyarrow.parquet.read_table(output).to_pandas().index
    assert list(index) == whole and index.name == "id", index


main()
