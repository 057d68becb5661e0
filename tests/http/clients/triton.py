"""Runs tritonclient's HTTP client against a finsent service that has the model `mini`: triton.py HOST:PORT"""

import sys

import numpy as np
from expect import LABELS, NEGATIVE, NEUTRAL, NOT_ASCII, POSITIVE, close, contains, equal, raises
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

[address] = sys.argv[1:]
client = InferenceServerClient(address, concurrency=4)
TEXTS = [POSITIVE, NEGATIVE, NEUTRAL, NOT_ASCII]
BEST = ["positive", "negative", "neutral", "neutral"]


def tensor(texts, binary=True, shape=None):
    array = np.array(texts, dtype=object).reshape(shape or [len(texts)])
    tensor = InferInput("text", list(array.shape), "BYTES")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def infer(texts=TEXTS, binary=True, shape=None, model="mini", outputs=None, **more):
    return client.infer(model, [tensor(texts, binary, shape)], outputs=outputs, **more)


def strings(array):
    """Elements are bytes in the binary form, and strings in JSON."""
    return [element.decode() if isinstance(element, bytes) else element for element in array.ravel()]


equal("is_server_live", client.is_server_live(), True)
equal("is_server_ready", client.is_server_ready(), True)
equal("is_model_ready", client.is_model_ready("mini"), True)
equal("is_model_ready, version 1", client.is_model_ready("mini", "1"), True)
equal("is_model_ready, version 2", client.is_model_ready("mini", "2"), False)
equal("is_model_ready, unknown", client.is_model_ready("nope"), False)

server = client.get_server_metadata()
equal("name of the server", server["name"], "finsent")
equal("extensions of the server", sorted(server["extensions"]), ["binary_tensor_data", "classification"])
config = client.get_model_config("mini")
equal("configuration", (config["name"], config["input"][0]["data_type"]), ("mini", "TYPE_STRING"))
index = client.get_model_repository_index()
equal("repository", [(model["name"], model["state"]) for model in index], [("mini", "READY")])
statistics = client.get_inference_statistics("mini")["model_stats"][0]
equal("statistics", (statistics["name"], statistics["version"]), ("mini", "1"))
equal("statistics of all models", len(client.get_inference_statistics()["model_stats"]), 1)
metadata = client.get_model_metadata("mini")
equal("metadata of a version", client.get_model_metadata("mini", "1"), metadata)
equal("name and versions of the model", (metadata["name"], metadata["versions"]), ("mini", ["1"]))
equal("inputs of the model", metadata["inputs"], [{"name": "text", "datatype": "BYTES", "shape": [-1]}])
OUTPUTS = [
    {"name": "label", "datatype": "BYTES", "shape": [-1]},
    {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
    {"name": "sentiment_score", "datatype": "FP32", "shape": [-1]},
]
equal("outputs of the model", metadata["outputs"], OUTPUTS)

# Texts and outputs as JSON. The other forms must agree with these.
as_json = [InferRequestedOutput(output["name"], binary_data=False) for output in OUTPUTS]
reference = infer(binary=False, outputs=as_json)
label, probabilities, scores = (reference.as_numpy(output["name"]) for output in OUTPUTS)
equal("labels", strings(label), BEST)
equal("shapes", (label.shape, probabilities.shape, scores.shape), ((4,), (4, 3), (4,)))
equal("types", (probabilities.dtype, scores.dtype), (np.float32, np.float32))
close("sums of the probabilities", probabilities.sum(axis=1).tolist(), [1.0] * 4, 1e-5)
equal("labels of the largest probabilities", [LABELS[index] for index in probabilities.argmax(axis=1)], BEST)
close("sentiment scores", scores.tolist(), (probabilities[:, 0] - probabilities[:, 1]).tolist())

mixed = [InferRequestedOutput("label"), InferRequestedOutput("probabilities", binary_data=False)]
for what, request in {
    "binary, no outputs named": {},
    "JSON, no outputs named": {"binary": False},
    "binary, outputs in binary": {"outputs": [InferRequestedOutput(output["name"]) for output in OUTPUTS]},
    "binary, outputs as JSON": {"outputs": as_json},
    "binary, outputs of both kinds": {"outputs": [*mixed, InferRequestedOutput("sentiment_score")]},
    "version 1": {"model_version": "1"},
    "a second dimension": {"shape": [4, 1]},
    "gzip": {"request_compression_algorithm": "gzip"},
    "deflate": {"request_compression_algorithm": "deflate"},
    "gzip, JSON": {"request_compression_algorithm": "gzip", "binary": False},
    "gzip taken": {"response_compression_algorithm": "gzip"},
    "deflate taken": {"response_compression_algorithm": "deflate"},
}.items():
    result = infer(**request)
    answer = result.get_response()
    equal(f"{what}: model", (answer["model_name"], answer["model_version"]), ("mini", "1"))
    equal(f"{what}: outputs", [output["name"] for output in answer["outputs"]], [output["name"] for output in OUTPUTS])
    equal(f"{what}: labels", strings(result.as_numpy("label")), BEST)
    for name, expected in (("probabilities", probabilities), ("sentiment_score", scores)):
        found = result.as_numpy(name)
        equal(f"{what}: {name}", (found.dtype, found.tolist()), (np.float32, expected.tolist()))

for binary in (True, False):
    only = infer(outputs=[InferRequestedOutput("sentiment_score", binary_data=binary)])
    equal("the only output", [output["name"] for output in only.get_response()["outputs"]], ["sentiment_score"])
    equal("the only output's values", only.as_numpy("sentiment_score").tolist(), scores.tolist())

    best_two = infer(outputs=[InferRequestedOutput("probabilities", binary_data=binary, class_count=2)])
    classes = best_two.as_numpy("probabilities")
    equal("shape of the best two classes", classes.shape, (4, 2))
    for row, expected in zip(classes, probabilities, strict=True):
        order = np.argsort(-expected)[:2]
        found = [element.split(":") for element in strings(row)]
        equal("the best two classes", [(int(index), name) for _, index, name in found], [(i, LABELS[i]) for i in order])
        close("scores of the best two", [float(score) for score, _, _ in found], [float(expected[i]) for i in order])

equal("id of a request", infer(request_id="r-1").get_response()["id"], "r-1")
pending = [client.async_infer("mini", [tensor([text])]) for text in TEXTS * 4]
found = [strings(request.get_result().as_numpy("label"))[0] for request in pending]
equal("16 requests, 4 at a time", found, BEST * 4)

for what, status, words, act in (
    ("an unknown model", "404", "did you mean `mini`?", lambda: infer(model="minj")),
    ("metadata of an unknown model", "404", "nope", lambda: client.get_model_metadata("nope")),
    ("an unknown version", "404", "2", lambda: infer(model_version="2")),
    ("an unknown output", "422", "label", lambda: infer(outputs=[InferRequestedOutput("labels")])),
    ("an empty text", "422", "empty", lambda: infer([""])),
    ("an empty text as JSON", "422", "empty", lambda: infer([""], binary=False)),
    ("an empty text among others", "422", "[1]", lambda: infer(["a", " ", "b"])),
    ("bytes that are no UTF-8", "422", "not a valid string", lambda: infer([b"\xff\xfe"])),
):
    error = raises(what, InferenceServerException, act)
    equal(f"{what}: status", error.status(), status)
    contains(f"{what}: message", error.message(), words)
print("tritonclient: all is well")
