"""The text-classification pipeline of transformers, on finsent: the same calls, the same results."""

from __future__ import annotations

import os
from itertools import islice
from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

from ._finsent import Model

TASKS = ("text-classification", "sentiment-analysis")
# transformers tells an argument that is left out from None, which asks for all labels.
LEFT_OUT: Any = ""
# What transformers takes and finsent decides by itself.
IGNORED = frozenset({"batch_size", "device", "device_map", "dtype", "framework", "num_workers", "padding", "torch_dtype"})

Scores = List[Dict[str, Any]]


def pipeline(
    task: Optional[str] = None,
    model: Union[str, "os.PathLike[str]", Model, None] = None,
    *,
    top_k: Optional[int] = LEFT_OUT,
    function_to_apply: Optional[str] = None,
    truncation: Optional[bool] = None,
    **settings: Any,
) -> TextClassificationPipeline:
    """Make a pipeline as ``transformers.pipeline`` does.

    ``model`` is a ``Model``, or what ``Model`` takes; ``settings`` are those of ``Model``, such as ``precision`` and
    ``threads``. What only PyTorch needs, such as ``device``, is ignored.

    >>> pipe = pipeline("text-classification", model="mini")
    >>> pipe("Orders doubled in March")[0]["label"]
    'positive'
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"finsent has no task {task!r}; it has {' and '.join(map(repr, TASKS))}")
    settings = {name: value for name, value in settings.items() if name not in IGNORED}
    if not isinstance(model, Model):
        model = Model("mini" if model is None else model, **settings)
    elif settings:
        raise TypeError(f"{', '.join(settings)} must be given to Model, which is loaded already")
    return TextClassificationPipeline(model, top_k=top_k, function_to_apply=function_to_apply, truncation=truncation)


class TextClassificationPipeline:
    """Classifies texts with the results of transformers' pipeline: dicts of ``label`` and ``score``."""

    task = "text-classification"

    def __init__(
        self,
        model: Model,
        *,
        top_k: Optional[int] = LEFT_OUT,
        function_to_apply: Optional[str] = None,
        truncation: Optional[bool] = None,
    ) -> None:
        self.model = model
        self._top_k = top_k
        self._function_to_apply = function_to_apply
        self._truncation = truncation

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Classify one text, a list of texts, or an iterable, whose results are a generator.

        ``top_k``, ``function_to_apply`` and ``truncation`` are those of transformers. A text that is longer than the
        model's window is an error unless ``truncation=True`` asks to cut it.
        """
        has_top_k = "top_k" in options
        top_k = options.pop("top_k", self._top_k)
        function = options.pop("function_to_apply", None) or self._function_to_apply
        truncation = options.pop("truncation", self._truncation)
        batch_size = options.get("batch_size") or 512
        unknown = sorted(set(options) - IGNORED - {"max_length"})
        if unknown:
            raise TypeError(f"the pipeline has no argument {unknown[0]!r}")
        if options.get("max_length") not in (None, self.model.max_length):
            raise ValueError("give max_length to Model or to pipeline(), which load the model with that window")

        def classify(texts: List[Any]) -> Iterator[Union[Dict[str, Any], Scores]]:
            rows = self.model._label_scores([_text(text) for text in texts], _name(function), bool(truncation))
            return (_result(self.model.labels, row, top_k) for row in rows)

        if isinstance(inputs, (str, dict)):
            result = next(classify([inputs]))
            return [result] if isinstance(inputs, str) and not has_top_k else result
        if isinstance(inputs, list):
            return list(classify(inputs))
        return (result for batch in _batches(inputs, batch_size) for result in classify(batch))


def _name(function: Any) -> Optional[str]:
    """The name of a function; transformers also takes members of an enumeration."""
    return None if function is None else str(getattr(function, "name", function)).lower()


def _text(text: Any) -> Any:
    """The text in ``{"text": ...}``, or the text itself."""
    if not isinstance(text, dict):
        return text
    if set(text) != {"text"}:
        raise ValueError("finsent classifies single texts; expected {\"text\": ...}, found the keys " + ", ".join(text))
    return text["text"]


def _result(labels: List[str], row: List[float], top_k: Any) -> Union[Dict[str, Any], Scores]:
    scores: Scores = [{"label": label, "score": score} for label, score in zip(labels, row)]
    if top_k is not None and not isinstance(top_k, int):
        return max(scores, key=_score)
    scores.sort(key=_score, reverse=True)
    return scores if top_k is None else scores[:top_k]


def _score(entry: Dict[str, Any]) -> float:
    return float(entry["score"])


def _batches(inputs: Iterable[Any], size: int) -> Iterator[List[Any]]:
    inputs = iter(inputs)
    while batch := list(islice(inputs, size)):
        yield batch
