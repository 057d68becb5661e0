"""Predictions in Ray Data: the model is loaded once in each actor."""

from __future__ import annotations

import math
import os
from typing import Any, Dict, Optional, Union

from ._columns import check_column, free_prefix, text_column
from ._finsent import Model
from ._frames import score


class Ray:
    """A class for ``Dataset.map_batches`` that adds the predictions for a column of texts.

    ``model`` and ``settings`` are those of ``Model``. ``threads`` is the CPUs of the actor (``num_cpus``, rounded up) if it
    is left out::

        scored = news.map_batches(
            finsent.Ray, fn_constructor_kwargs={"column": "headline"}, batch_format="pyarrow", concurrency=2, num_cpus=4
        )

    Batches may be tables of pyarrow, the fastest, data frames of pandas or polars, or dicts of arrays, and so are the
    results. The columns are those of ``finsent.score``.
    """

    def __init__(
        self, column: Optional[str] = None, *, model: Union[str, "os.PathLike[str]"] = "mini", **settings: Any
    ) -> None:
        if settings.get("threads") is None:
            settings["threads"] = _actor_cpus()
        self._column = column
        self._model = Model(model, **settings)

    def __call__(self, batch: Any) -> Any:
        """Score a batch."""
        if isinstance(batch, dict):
            return self._score_arrays(batch)
        return score(batch, self._column, model=self._model)

    def _score_arrays(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """Score a dict of numpy arrays, the format of batches if none is asked for."""
        import numpy

        names = list(batch)
        strings = [name for name, values in batch.items() if _holds_strings(values)]
        column = self._column if self._column is not None else text_column(names, strings)
        check_column(names, column)
        added = self._model._columns(list(batch[column])).to_pydict()
        prefix = free_prefix(names, added)
        # Arrays of objects can hold None, and have the same type in each batch.
        kinds = {name: object if name in ("label", "tokens", "truncated", "error") else numpy.float32 for name in added}
        return {**batch, **{prefix + name: numpy.array(added[name], dtype=kinds[name]) for name in added}}


def _holds_strings(values: Any) -> bool:
    first = [value for value in values[:100] if value is not None]
    return len(first) > 0 and all(isinstance(value, str) for value in first)


def _actor_cpus() -> Optional[int]:
    """The CPUs of this actor, ``num_cpus``; None outside of Ray."""
    import ray

    if not ray.is_initialized():
        return None
    cpus = float(ray.get_runtime_context().get_assigned_resources().get("CPU", 1))
    return max(1, math.ceil(cpus))
