"""Predictions in Spark: the model is loaded once in each Python worker of the executors.

Nothing here imports pyspark before it is used, and nothing starts threads in a process that Spark forks later: its daemon
forks the workers, and each loads the model when its first batch comes.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

from ._arrow import with_predictions
from ._columns import check_column, free_prefix, text_column
from ._errors import ModelError
from ._finsent import __VERSION__, Model
from ._loaded import loaded


def spark(column: Optional[str] = None, *, model: Union[str, "os.PathLike[str]"] = "mini", **settings: Any) -> SparkScorer:
    """Return a function for ``DataFrame.mapInArrow`` that adds the predictions for a column of texts.

    ``model`` and ``settings`` are those of ``Model``. ``threads`` is ``spark.task.cpus`` if it is left out, so that the
    tasks of an executor compute on its cores and no more. The model is loaded here once, to know its labels, and once in
    each Python worker::

        headlines = finsent.spark("headline", model="finbert")
        scored = news.mapInArrow(headlines, headlines.schema(news))

    The columns are those of ``finsent.score``, which does the same with the model's own settings.
    """
    return SparkScorer(column, _Worker(model, settings))


def spark_udf(*, model: Union[str, "os.PathLike[str]"] = "mini", **settings: Any) -> Any:
    """Return a pandas UDF from texts to structs of ``label``, ``score``, one score per label, and so on, also for SQL.

    ``model`` and ``settings`` are those of ``finsent.spark``::

        session.udf.register("finsent", finsent.spark_udf())
        session.sql("SELECT headline, finsent(headline).label FROM news")
    """
    import pandas
    from pyspark.sql.functions import pandas_udf
    from pyspark.sql.types import StructType

    worker = _Worker(model, settings)

    def predict(batches: Any) -> Any:
        kept = worker.model()
        for texts in batches:
            yield pandas.DataFrame(kept._columns(texts.tolist()).to_pydict(), dtype=object)

    # Spark takes the kind of a UDF from its types, which it cannot look up if they are strings.
    predict.__annotations__ = {"batches": Iterator[pandas.Series], "return": Iterator[pandas.DataFrame]}
    # Spark calls it so in plans.
    predict.__name__ = "finsent"
    return pandas_udf(predict, StructType(_fields(worker.columns, "")))


class SparkScorer:
    """A function for ``mapInArrow``, which adds predictions to batches."""

    def __init__(self, column: Optional[str], worker: _Worker) -> None:
        self.column = column
        self._worker = worker

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Score the batches of a task. This runs in the executors."""
        model = self._worker.model()
        for batch in batches:
            yield with_predictions(batch, self.column, model, is_signed=True)

    def schema(self, frame: Any) -> Any:
        """Return the schema of the result for a data frame of Spark, or for its schema."""
        from pyspark.sql.types import StringType, StructType

        schema = getattr(frame, "schema", frame)
        names = [field.name for field in schema.fields]
        strings = [field.name for field in schema.fields if isinstance(field.dataType, StringType)]
        column = self.column if self.column is not None else text_column(names, strings)
        check_column(names, column)
        if column not in strings:
            raise TypeError(f"the column `{column}` holds {schema[column].dataType.simpleString()}, not strings")
        columns = self._worker.columns
        return StructType([*schema.fields, *_fields(columns, free_prefix(names, columns))])


class _Worker:
    """What a worker has to load, and what the driver knows of it."""

    def __init__(self, model: Union[str, "os.PathLike[str]"], settings: Dict[str, Any]) -> None:
        if isinstance(model, Model):
            raise TypeError("a model that is loaded cannot go to the executors; name it, as in model=\"mini\"")
        self._name = os.fspath(model)
        self._settings = dict(settings)
        # A wrong name or setting is an error here, and not in the log of an executor.
        given = {name: value for name, value in settings.items() if value is not None}
        here = Model(self._name, **{"threads": 1, **given})
        self._labels = here.labels
        self._version = __VERSION__
        self.columns: List[str] = here._columns([]).column_names

    def model(self) -> Model:
        """The model of this process."""
        if self._version != __VERSION__:
            raise ModelError(
                f"the executor has finsent {__VERSION__} and the driver {self._version}, whose results may differ; "
                "install the same on both"
            )
        settings = dict(self._settings)
        if settings.get("threads") is None:
            settings["threads"] = _task_cpus()
        model = loaded(self._name, **settings)
        if model.labels != self._labels:
            raise ModelError(
                f"the model {self._name!r} has the labels {', '.join(model.labels)} on the executor and "
                f"{', '.join(self._labels)} on the driver; give both the same files"
            )
        return model


def _task_cpus() -> Optional[int]:
    """The CPUs of this task, ``spark.task.cpus``."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is not None:
        return int(context.cpus())
    # Spark sets it for the workers; outside of a task there is neither.
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return int(threads) if threads.isdecimal() and int(threads) > 0 else None


def _fields(columns: List[str], prefix: str) -> List[Any]:
    """The fields of predictions in Spark."""
    from pyspark.sql import types

    kinds: Dict[str, Any] = {
        "label": types.StringType(),
        "tokens": types.LongType(),
        "truncated": types.BooleanType(),
        "error": types.StringType(),
    }
    return [types.StructField(prefix + name, kinds.get(name, types.FloatType())) for name in columns]
