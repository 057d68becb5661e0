"""What users write, for mypy. Nothing runs it."""

from pathlib import Path

import finsent

model = finsent.Model("mini", precision="int8", threads=2, label_aliases={"positive": "up"})
finsent.Model(Path("models/mini"))

one: finsent.Prediction = model.classify("Shares plunged 12%")
many: list[finsent.Prediction] = model.classify(["Orders doubled"])
some: list[finsent.Prediction | None] = model.classify(["Orders doubled", None], errors="coerce")
label: str = one.label
sentiment: float | None = one.sentiment_score
places: list[tuple[int, int]] = [(s.start, s.end) for s in model.classify_document("Profit rose.").sentences]
weights: list[tuple[str, float]] = [(word.text, word.weight) for word in model.explain("Profit rose").words]
pipe: finsent.TextClassificationPipeline = finsent.pipeline("text-classification", model=model, top_k=None)
scorer: finsent.SparkScorer = finsent.spark("headline", model="mini", precision="int8")
actor: finsent.Ray = finsent.Ray("headline", model=Path("models/mini"), threads=2)
