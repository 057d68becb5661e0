"""The examples of the documentation."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("document", ["README.md", "docs/python.md", "bindings/python/README.md"])
def test_the_python_blocks_run(document):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    # Later blocks use what earlier ones define.
    names = {}
    for block in blocks:
        exec(compile(block, document, "exec"), names)
