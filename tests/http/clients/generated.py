"""Makes a Python client from the OpenAPI document of a finsent service that has the model `mini`, and uses it:
generated.py BASE_URL"""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

from expect import NEGATIVE, POSITIVE, equal

[base] = sys.argv[1:]
scratch = Path(tempfile.mkdtemp())
sys.path.insert(0, str(scratch))
# Generated code is usually formatted afterwards, which this test does not need.
(scratch / "config.yml").write_text("post_hooks: []\n")
generator = Path(sys.executable).with_name("openapi-python-client")
command = [generator, "generate", "--url", f"{base}/openapi.json", "--meta", "none", "--fail-on-warning"]
command += ["--config", scratch / "config.yml", "--output-path", scratch / "finsent_client"]
subprocess.run(command, check=True)


def module(name):
    return importlib.import_module(f"finsent_client{name}")


models, client = module(".models"), module("").Client(base_url=base)
score_texts = module(".api.finsent.score_texts")

inputs = [POSITIVE, models.TextWithId(id=7, text=NEGATIVE), ""]
answer = score_texts.sync(client=client, body=models.SentimentRequest(inputs=inputs))
best, with_id, failed = answer.results
equal("labels", (best.label, with_id.label), ("positive", "negative"))
equal("id", with_id.id, 7)
equal("error", failed.error, "the text is empty")
equal("scores", best.scores["positive"], best.score)
equal("texts", answer.usage.texts, 2)

request = models.SentimentRequest(inputs=f"{POSITIVE} {NEGATIVE}", granularity=models.Granularity.DOCUMENT)
[document] = score_texts.sync(client=client, body=request).results
equal("sentences", [sentence.label for sentence in document.sentences], ["positive", "negative"])

refused = score_texts.sync_detailed(client=client, body=models.SentimentRequest(inputs=""))
equal("problem", (refused.status_code, refused.parsed.detail), (422, "the text is empty"))

equal("health", module(".api.operations.health").sync(client=client).status, "ready")
[model] = module(".api.finsent.list_models").sync(client=client).models
equal("model", (model.name, model.labels), ("mini", ["positive", "negative", "neutral"]))
print("the generated client works")
