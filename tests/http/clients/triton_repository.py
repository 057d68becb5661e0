"""Loads and unloads a model with tritonclient's HTTP client, or its gRPC client: triton_repository.py http|grpc HOST:PORT

The service has the model `mini`, may reload models, and has the key of schemathesis.toml."""

import sys
from importlib import import_module

from expect import contains, equal, raises
from tritonclient.utils import InferenceServerException

protocol, address = sys.argv[1:]
client = import_module(f"tritonclient.{protocol}").InferenceServerClient(address)
# Metadata of gRPC has no capitals.
KEY = {"authorization": "Bearer the-key-of-the-clients-tests"}


def states():
    index = client.get_model_repository_index(headers=KEY)
    if protocol == "http":
        return [(model["name"], model["state"], model["reason"]) for model in index]
    return [(model.name, model.state, model.reason) for model in index.models]


def refused(what, status, words, act):
    """Checks that `act` is refused. HTTP has no status of gRPC."""
    error = raises(what, InferenceServerException, act)
    contains(f"{what}: message", error.message(), words)
    if protocol == "grpc":
        equal(f"{what}: status", error.status(), f"StatusCode.{status}")


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


for what, status, words, act in (
    ("no key", "UNAUTHENTICATED", "API key is required", lambda: client.load_model("mini")),
    ("no key to unload", "UNAUTHENTICATED", "API key is required", lambda: client.unload_model("mini")),
    ("another model", "NOT_FOUND", "no model `other` is loaded", lambda: client.load_model("other", headers=KEY)),
    ("another to unload", "NOT_FOUND", "no model `other` is loaded", lambda: client.unload_model("other", headers=KEY)),
    (
        "a parameter",
        "INVALID_ARGUMENT",
        "`config` is not supported",
        lambda: client.load_model("mini", headers=KEY, config='{"platform": "onnx"}'),
    ),
):
    refused(what, status, words, act)
equal("states after refusals", states(), [("mini", "READY", "")])
