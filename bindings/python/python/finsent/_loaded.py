"""Models that are kept: a process that scores many batches loads its model once."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Dict, Mapping, Tuple, Union

from ._finsent import Model

# The settings of a model as pairs, so that they can be the key of a cache.
Settings = Tuple[Tuple[str, Any], ...]


def loaded(model: Union[str, "os.PathLike[str]"], **settings: Any) -> Model:
    """Return the model with these settings, those of ``Model``. The last two are kept, in each process its own."""
    return _load(os.getpid(), os.fspath(model), _frozen(settings))


def _frozen(settings: Mapping[str, Any]) -> Settings:
    """Settings as pairs. One that is None is as if it were left out."""
    pairs = ((name, _pairs(value)) for name, value in settings.items() if value is not None)
    return tuple(sorted(pairs))


def _pairs(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value


# A process that was forked has another number, and loads its own.
@lru_cache(maxsize=2)
def _load(process: int, name: str, settings: Settings) -> Model:
    given: Dict[str, Any] = {name: dict(value) if isinstance(value, tuple) else value for name, value in settings}
    return Model(name, **given)
