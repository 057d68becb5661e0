"""Which column of a table holds the texts, and what the columns of the predictions are called."""

from __future__ import annotations

from typing import Any, Iterable, List

# Names of columns that hold texts, if there is exactly one of them.
TEXT_COLUMNS = ("headline", "title", "sentence", "tweet", "body", "content", "message")
PREFIX = "finsent_"


def text_column(names: List[str], strings: List[Any]) -> Any:
    """The column of the texts, by the rule of ``finsent classify``."""
    if "text" in names:
        return "text"
    if len(strings) == 1:
        return strings[0]
    known = [name for name in strings if str(name).lower() in TEXT_COLUMNS]
    if len(known) == 1:
        return known[0]
    raise ValueError(f"cannot tell which column holds the texts; choose one of {', '.join(names)} with column=")


def check_column(names: List[str], column: Any) -> None:
    """Refuse a column that is not there."""
    if str(column) not in names:
        raise KeyError(f"no column {column!r}; the columns are {', '.join(names)}")


def free_prefix(names: List[str], added: Iterable[str]) -> str:
    """What the names of the predictions' columns begin with, so that none is taken."""
    added, prefix = list(added), ""
    while any(prefix + name in names for name in added):
        prefix += PREFIX
    return prefix
