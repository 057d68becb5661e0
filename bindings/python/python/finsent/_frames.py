"""Predictions beside the rows of a data frame."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Dict, List, Optional, Union

from ._finsent import Model

# Names of columns that hold texts, if there is exactly one of them.
TEXT_COLUMNS = ("headline", "title", "sentence", "tweet", "body", "content", "message")
PREFIX = "finsent_"


def score(frame: Any, column: Optional[str] = None, *, model: Union[str, "os.PathLike[str]", Model] = "mini") -> Any:
    """Return the data frame with the predictions for a column of texts beside its rows.

    ``frame`` is a pandas or polars ``DataFrame``, or a pyarrow ``Table`` or ``RecordBatch``, and so is the result. The
    columns are ``label``, ``score``, one per label, ``sentiment_score``, ``tokens``, ``truncated`` and ``error``. If the
    frame has one of these names, all of them begin with ``finsent_``. A row whose text cannot be scored has its ``error``.

    Without ``column`` it is ``text``, else the only column of strings, else the only one called headline, title,
    sentence, tweet, body, content or message.
    """
    loaded = model if isinstance(model, Model) else _loaded(os.fspath(model), os.getpid())
    library = type(frame).__module__.split(".")[0]
    names = [str(name) for name in (frame.column_names if library == "pyarrow" else getattr(frame, "columns", []))]
    if library == "pandas" and hasattr(frame, "columns"):
        return _score_pandas(frame, names, column, loaded)
    if library == "polars" and hasattr(frame, "with_columns") and not hasattr(frame, "collect"):
        import polars

        column = column or _text_column(names, [name for name in names if frame.schema[name] == polars.String])
        predictions = loaded._columns(_column(frame, names, column))
        return frame.hstack(_renamed(polars.DataFrame(predictions), names))
    if library == "pyarrow" and hasattr(frame, "append_column"):
        return _score_pyarrow(frame, names, column, loaded)
    kind = f"{type(frame).__module__}.{type(frame).__name__}"
    raise TypeError(f"score takes a DataFrame of pandas or polars, or a Table of pyarrow, not {kind}")


@lru_cache(maxsize=2)
def _loaded(name: str, process: int) -> Model:
    """The model of this name. A process that was forked loads its own."""
    return Model(name)


def _score_pandas(frame: Any, names: List[str], column: Optional[str], model: Model) -> Any:
    import pandas

    strings = [name for name in frame.columns if _holds_strings(frame[name])]
    column = column if column is not None else _text_column(names, strings)
    values = model._columns(_column(frame, names, column).tolist()).to_pydict()
    kinds = {"label": "str", "error": "object", "tokens": "UInt32", "truncated": "boolean"}
    prefix = _free_prefix(names, list(values))
    added = {
        prefix + name: pandas.Series(values[name], index=frame.index, dtype=kinds.get(name, "float32")) for name in values
    }
    return frame.assign(**added)


def _holds_strings(series: Any) -> bool:
    import pandas

    if getattr(series, "ndim", 1) != 1:
        return False
    if series.dtype != object:
        return bool(pandas.api.types.is_string_dtype(series.dtype))
    first = series.dropna().head(100)
    return len(first) > 0 and all(isinstance(value, str) for value in first)


def _score_pyarrow(frame: Any, names: List[str], column: Optional[str], model: Model) -> Any:
    import pyarrow

    kinds = (pyarrow.types.is_string, pyarrow.types.is_large_string, pyarrow.types.is_string_view)
    strings = [field.name for field in frame.schema if any(is_kind(field.type) for is_kind in kinds)]
    column = column or _text_column(names, strings)
    predictions = pyarrow.record_batch(model._columns(_column(frame, names, column)))
    prefix = _free_prefix(names, predictions.schema.names)
    for name, values in zip(predictions.schema.names, predictions.columns):
        frame = frame.append_column(prefix + name, values)
    return frame


def _column(frame: Any, names: List[str], column: str) -> Any:
    if str(column) not in names:
        raise KeyError(f"no column {column!r}; the columns are {', '.join(names)}")
    return frame[column]


def _text_column(names: List[str], strings: List[Any]) -> Any:
    """The column of the texts, by the rule of ``finsent classify``."""
    if "text" in names:
        return "text"
    if len(strings) == 1:
        return strings[0]
    known = [name for name in strings if str(name).lower() in TEXT_COLUMNS]
    if len(known) == 1:
        return known[0]
    raise ValueError(f"cannot tell which column holds the texts; choose one of {', '.join(names)} with column=")


def _free_prefix(names: List[str], added: List[str]) -> str:
    prefix = ""
    while any(prefix + name in names for name in added):
        prefix += PREFIX
    return prefix


def _renamed(predictions: Any, names: List[str]) -> Any:
    prefix = _free_prefix(names, predictions.columns)
    renamed: Dict[str, str] = {name: prefix + name for name in predictions.columns}
    return predictions.rename(renamed)
