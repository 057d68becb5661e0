"""Loads and unloads a model with tritonclient's HTTP client: triton_repository.py HOST:PORT

The service has the model `mini`, may reload models, and has the key of schemathesis.toml."""

import sys

from expect import contains, equal, raises
from tritonclient.http import InferenceServerClient
from tritonclient.utils import InferenceServerException

[address] = sys.argv[1:]
client = InferenceServerClient(address)
KEY = {"Authorization": "Bearer the-key-of-the-clients-tests"}


def states():
    return [(model["name"], model["state"], model["reason"]) for model in client.get_model_repository_index(headers=KEY)]


client.load_model("mini", headers=KEY)
equal("states", states(), [("mini", "READY", "")])
client.unload_model("mini", headers=KEY)
equal("states without the model", states(), [("mini", "UNAVAILABLE", "unloaded")])
equal("is_server_ready", client.is_server_ready(), False)
equal("is_model_ready", client.is_model_ready("mini", headers=KEY), False)
client.unload_model("mini", headers=KEY, unload_dependents=True)
client.load_model("mini", headers=KEY)
equal("is_model_ready", client.is_model_ready("mini", headers=KEY), True)
equal("is_server_ready", client.is_server_ready(), True)

def load_is_refused(name, words, **more):
    error = raises(words, InferenceServerException, lambda: client.load_model(name, **more))
    contains("the refusal", error.message(), words)


load_is_refused("mini", "API key is required")
load_is_refused("other", "no model `other` is loaded", headers=KEY)
load_is_refused("mini", "`config` is not supported", headers=KEY, config='{"platform": "onnx"}')
