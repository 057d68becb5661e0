"""A data set, and what the command makes of it."""

import re
import subprocess
import sys
from pathlib import Path

import headlines
import pyarrow.dataset
import pytest

ROOT = Path(__file__).parents[3]
# What the command and the clusters compute in.
PRECISION = "int8"


@pytest.fixture(scope="session")
def news(tmp_path_factory):
    """A folder of Parquet files."""
    return headlines.write(tmp_path_factory.mktemp("news") / "headlines")


@pytest.fixture(scope="session")
def expected(news, tmp_path_factory):
    """The rows as ``finsent classify`` scores them."""
    output = tmp_path_factory.mktemp("expected") / "scored.parquet"
    command = [sys.executable, "-m", "finsent", "classify", "--precision", PRECISION, "--text-column", "headline"]
    done = subprocess.run([*command, "--input", news, "--output", output], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5, done.stderr
    return rows_in_order(output)


def rows_in_order(path):
    """The rows of Parquet files by their numbers."""
    return pyarrow.dataset.dataset(path, format="parquet").to_table().sort_by("row")


def run_blocks(document):
    """Run the Python blocks of a page. Later ones use what earlier ones define."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, document, "exec"), names)
