"""Predictions beside the rows of a data frame."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Union

from ._arrow import with_predictions
from ._columns import check_column, free_prefix, text_column
from ._finsent import Model
from ._loaded import loaded


def score(frame: Any, column: Optional[str] = None, *, model: Union[str, "os.PathLike[str]", Model] = "mini") -> Any:
    """Return the data frame with the predictions for a column of texts beside its rows.

    ``frame`` is a ``DataFrame`` of pandas, polars or Spark, or a pyarrow ``Table`` or ``RecordBatch``, and so is the
    result. The columns are ``label``, ``score``, one per label, ``sentiment_score``, ``tokens``, ``truncated`` and
    ``error``. If the frame has one of these names, all of them begin with ``finsent_``. A row whose text cannot be
    scored has its ``error``.

    Without ``column`` it is ``text``, else the only column of strings, else the only one called headline, title,
    sentence, tweet, body, content or message.
    """
    library = type(frame).__module__.split(".")[0]
    if library == "pyspark" and hasattr(frame, "mapInArrow"):
        return _score_spark(frame, column, model)
    kept = model if isinstance(model, Model) else loaded(model)
    names = [str(name) for name in (frame.column_names if library == "pyarrow" else getattr(frame, "columns", []))]
    if library == "pandas" and hasattr(frame, "columns"):
        return _score_pandas(frame, names, column, kept)
    if library == "polars" and hasattr(frame, "with_columns") and not hasattr(frame, "collect"):
        import polars

        column = column or text_column(names, [name for name in names if frame.schema[name] == polars.String])
        predictions = kept._columns(_column(frame, names, column))
        return frame.hstack(_renamed(polars.DataFrame(predictions), names))
    if library == "pyarrow" and hasattr(frame, "append_column"):
        return with_predictions(frame, column, kept)
    kind = f"{type(frame).__module__}.{type(frame).__name__}"
    raise TypeError(f"score takes a DataFrame of pandas, polars or Spark, or a Table of pyarrow, not {kind}")


def _score_spark(frame: Any, column: Optional[str], model: Union[str, "os.PathLike[str]", Model]) -> Any:
    from ._spark import spark

    if isinstance(model, Model):
        raise TypeError(
            "a model that is loaded cannot go to the executors; name it, as in score(frame, model=\"mini\"), "
            "or pass its settings to finsent.spark"
        )
    scorer = spark(column, model=model)
    return frame.mapInArrow(scorer, scorer.schema(frame))


def _score_pandas(frame: Any, names: List[str], column: Optional[str], model: Model) -> Any:
    import pandas

    strings = [name for name in frame.columns if _holds_strings(frame[name])]
    column = column if column is not None else text_column(names, strings)
    values = model._columns(_column(frame, names, column).tolist()).to_pydict()
    kinds = {"label": "str", "error": "object", "tokens": "UInt32", "truncated": "boolean"}
    prefix = free_prefix(names, values)
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


def _column(frame: Any, names: List[str], column: str) -> Any:
    check_column(names, column)
    return frame[column]


def _renamed(predictions: Any, names: List[str]) -> Any:
    prefix = free_prefix(names, predictions.columns)
    renamed: Dict[str, str] = {name: prefix + name for name in predictions.columns}
    return predictions.rename(renamed)
