"""Financial sentiment of texts: FinBERT on the CPU, without PyTorch.

>>> import finsent
>>> model = finsent.Model("mini")
>>> prediction = model.classify("Shares plunged 12% after the profit warning")
>>> prediction.label
'negative'
>>> [p.label for p in model.classify(["Orders doubled in March", "The board meets on Monday"])]
['positive', 'neutral']

``Model`` loads a model, classifies texts, lists, columns and documents, and explains predictions; ``score`` adds
predictions to a data frame, ``spark``, ``spark_udf`` and ``Ray`` to data sets on a cluster; ``pipeline`` has the results
of transformers' pipeline. The command ``finsent`` comes with the package.
"""

from __future__ import annotations

from ._errors import FinsentError, ModelError, NetworkError, TextError
from ._finsent import __VERSION__ as __version__
from ._finsent import ArrowBatch, Document, ExplainedPart, Explanation, Model, Prediction, Sentence
from ._frames import score
from ._pipeline import TextClassificationPipeline, pipeline
from ._ray import Ray
from ._spark import SparkScorer, spark, spark_udf

__all__ = [
    "ArrowBatch",
    "Document",
    "ExplainedPart",
    "Explanation",
    "FinsentError",
    "Model",
    "ModelError",
    "NetworkError",
    "Prediction",
    "Ray",
    "Sentence",
    "SparkScorer",
    "TextClassificationPipeline",
    "TextError",
    "__version__",
    "pipeline",
    "score",
    "spark",
    "spark_udf",
]
