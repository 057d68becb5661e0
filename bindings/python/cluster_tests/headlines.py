"""A data set for the tests of clusters: headlines that are all different, in several Parquet files."""

from pathlib import Path

import pyarrow
import pyarrow.parquet

ROWS = 200_000
FILES = 20
# Java has it built in. The library for snappy takes a machine for one of musl if musl is installed beside glibc.
COMPRESSION = "gzip"
COMPANIES = ("Acme", "Bolt", "Corvid", "Dunmore", "Elstree", "Fenwick", "Gantry", "Holm")
EVENTS = (
    "shares fall {0}.{1}% after profit warning",
    "raises its dividend to {0}.{1} cents",
    "to publish results on day {0}, room {1}",
    "wins an order for {0}{1} turbines in a record quarter",
    "cuts {0}{1} jobs as demand collapses",
)


def headline(row: int) -> str:
    """The text of a row. A number of the row makes it unique."""
    event = EVENTS[row % len(EVENTS)].format(row % 89, row % 7)
    return f"{COMPANIES[row % len(COMPANIES)]} {row}: {event}"


def write(folder: Path, rows: int = ROWS, files: int = FILES) -> Path:
    """Write the rows in equal parts. Every ten-thousandth text is missing."""
    folder.mkdir(parents=True)
    for part in range(files):
        numbers = range(part * rows // files, (part + 1) * rows // files)
        texts = [None if row % 10_000 == 5_000 else headline(row) for row in numbers]
        table = pyarrow.table({"row": pyarrow.array(numbers, pyarrow.int64()), "headline": texts})
        pyarrow.parquet.write_table(table, folder / f"part-{part:02}.parquet", compression=COMPRESSION)
    return folder
