"""Runs the gRPC clients of Triton, of the health service and of reflection against a finsent service that has the model
`mini` and 4 places for requests: triton_grpc.py HOST:PORT GRPC_ADDRESS KEY"""

import sys
import threading
import time

import grpc
import numpy as np
from expect import NEGATIVE, NEUTRAL, NOT_ASCII, POSITIVE, close, contains, equal, raises
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput, model_config_pb2, service_pb2
from tritonclient.grpc import service_pb2_grpc
from tritonclient.http import InferenceServerClient as HttpClient
from tritonclient.http import InferInput as HttpInput
from tritonclient.utils import InferenceServerException

http_address, address, key = sys.argv[1:]
KEY = {"authorization": f"Bearer {key}"}
# The name that these clients would send for a socket is no name of a host, which h2 does not take.
OPTIONS = [("grpc.default_authority", "localhost")] if address.startswith("unix:") else []
client = InferenceServerClient(address, channel_args=OPTIONS)
TEXTS = [POSITIVE, NEGATIVE, NEUTRAL, NOT_ASCII]
BEST = ["positive", "negative", "neutral", "neutral"]


def tensor(texts, shape=None, of=InferInput):
    array = np.array(texts, dtype=object).reshape(shape or [len(texts)])
    tensor = of("text", list(array.shape), "BYTES")
    tensor.set_data_from_numpy(array)
    return tensor


def infer(texts=TEXTS, shape=None, model="mini", outputs=None, **more):
    return client.infer(model, [tensor(texts, shape)], outputs=outputs, headers=KEY, **more)


def strings(array):
    return [element.decode() for element in array.ravel()]


equal("is_server_live", client.is_server_live(), True)
equal("is_server_ready", client.is_server_ready(), True)
equal("is_model_ready", client.is_model_ready("mini", headers=KEY), True)
equal("is_model_ready, version 1", client.is_model_ready("mini", "1", headers=KEY), True)
equal("name of the server", client.get_server_metadata(headers=KEY).name, "finsent")
metadata = client.get_model_metadata("mini", headers=KEY, as_json=True)
OUTPUTS = ["label", "probabilities", "sentiment_score"]
equal("outputs of the model", [output["name"] for output in metadata["outputs"]], OUTPUTS)
equal("shape of the probabilities", metadata["outputs"][1]["shape"], ["-1", "3"])
config = client.get_model_config("mini", headers=KEY, as_json=True)["config"]
equal("configuration", (config["name"], config["input"][0]["data_type"]), ("mini", "TYPE_STRING"))
index = client.get_model_repository_index(headers=KEY)
equal("repository", [(model.name, model.state) for model in index.models], [("mini", "READY")])
equal("statistics", client.get_inference_statistics("mini", headers=KEY).model_stats[0].name, "mini")
equal("statistics of all models", len(client.get_inference_statistics(headers=KEY).model_stats), 1)

# The numbers are those of HTTP, bit for bit. That client adds to the headers.
over_http = HttpClient(http_address).infer("mini", [tensor(TEXTS, of=HttpInput)], headers=dict(KEY))
for what, request in {
    "raw": {},
    "a second dimension": {"shape": [4, 1]},
    "version 1": {"model_version": "1"},
    "gzip": {"compression_algorithm": "gzip"},
    "deflate": {"compression_algorithm": "deflate"},
    "outputs": {"outputs": [InferRequestedOutput(name) for name in OUTPUTS]},
    "with an id and a timeout": {"request_id": "r-1", "client_timeout": 30},
}.items():
    result = infer(**request)
    equal(f"{what}: labels", strings(result.as_numpy("label")), BEST)
    for name in OUTPUTS[1:]:
        equal(f"{what}: {name}", result.as_numpy(name).tolist(), over_http.as_numpy(name).tolist())
equal("id", infer(request_id="r-1").get_response().id, "r-1")
best_two = infer(outputs=[InferRequestedOutput("probabilities", class_count=2)]).as_numpy("probabilities")
equal("the best two", [strings(row)[0].split(":")[2] for row in best_two], BEST)

# Contents in the message, as clients without binary tensors send them.
channel = grpc.insecure_channel(address, options=OPTIONS)
stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
metadata = tuple(KEY.items())
request = service_pb2.ModelInferRequest(model_name="mini")
request.inputs.add(name="text", datatype="BYTES", shape=[4]).contents.bytes_contents.extend(
    text.encode() for text in TEXTS
)
answer = stub.ModelInfer(request, metadata=metadata)
equal("labels in the message", [label.decode() for label in answer.outputs[0].contents.bytes_contents], BEST)
close("in the message", list(answer.outputs[2].contents.fp32_contents), over_http.as_numpy("sentiment_score").tolist())

Code = grpc.StatusCode
fp32 = InferInput("text", [1], "FP32")
fp32.set_data_from_numpy(np.zeros(1, dtype=np.float32))
for what, status, words, act in (
    ("no key", "UNAUTHENTICATED", "API key", lambda: client.infer("mini", [tensor(["a"])])),
    ("an unknown model", "NOT_FOUND", "did you mean `mini`?", lambda: infer(model="minj")),
    ("an unknown version", "NOT_FOUND", "`2`", lambda: infer(model_version="2")),
    ("an unknown output", "INVALID_ARGUMENT", "label", lambda: infer(outputs=[InferRequestedOutput("labels")])),
    ("an empty text", "INVALID_ARGUMENT", "empty", lambda: infer([""])),
    ("an empty text among others", "INVALID_ARGUMENT", "[1]", lambda: infer(["a", " ", "b"])),
    ("bytes that are no UTF-8", "INVALID_ARGUMENT", "not a valid string", lambda: infer([b"\xff\xfe"])),
    ("numbers", "INVALID_ARGUMENT", "`FP32`", lambda: client.infer("mini", [fp32], headers=KEY)),
    ("two inputs", "INVALID_ARGUMENT", "several", lambda: client.infer("mini", [tensor(["a"])] * 2, headers=KEY)),
    ("too many texts", "INVALID_ARGUMENT", "more than 1000", lambda: infer(["a"] * 1001)),
    ("a large text", "RESOURCE_EXHAUSTED", "larger than", lambda: infer(["a" * 3_000_000])),
    ("to load without --allow-reload", "PERMISSION_DENIED", "--allow-reload", lambda: client.load_model("mini", headers=KEY)),
    ("to unload without it", "PERMISSION_DENIED", "--allow-reload", lambda: client.unload_model("mini", headers=KEY)),
    ("shared memory", "UNIMPLEMENTED", "no method", lambda: client.get_system_shared_memory_status(headers=KEY)),
):
    error = raises(what, InferenceServerException, act)
    equal(f"{what}: status", error.status(), f"StatusCode.{status}")
    contains(f"{what}: message", error.message(), words)

wrong = service_pb2.ModelInferRequest(model_name="mini")
wrong.inputs.add(name="text", datatype="BYTES", shape=[2]).contents.bytes_contents.append(b"a")
error = raises("a wrong shape", grpc.RpcError, lambda: stub.ModelInfer(wrong, metadata=metadata))
equal("a wrong shape: status", error.code(), Code.INVALID_ARGUMENT)
contains("a wrong shape: message", error.details(), "the shape is for 2 texts")

# Deadlines and cancellation while all workers are busy.
LONG = [f"{number}: shares rose on volume that was larger than " + "expected " * 400 for number in range(120)]
busy = [client.async_infer("mini", [tensor(LONG[:60])], callback=lambda *_: None, headers=KEY)]
error = raises("a deadline", InferenceServerException, lambda: infer(LONG[60:], client_timeout=0.02))
# A server that knows its rate refuses at once what it cannot compute in time.
assert error.status() in ("StatusCode.DEADLINE_EXCEEDED", "StatusCode.RESOURCE_EXHAUSTED"), error.status()
# Not a text that the cache has, whose answer can be faster than the cancellation.
unseen = service_pb2.ModelInferRequest(model_name="mini")
unseen.inputs.add(name="text", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"nobody has asked this")
calls = [stub.ModelInfer.future(unseen, metadata=metadata, timeout=30) for _ in range(2)]
[call.cancel() for call in calls]
equal("cancelled", [call.cancelled() for call in calls], [True, True])
[call.cancel() for call in busy]
started = time.monotonic()
equal("after cancelled calls", strings(infer().as_numpy("label")), BEST)
assert time.monotonic() - started < 10, "the cancelled calls hold up others"

# More calls than there are places, of which some are refused at once and none is lost.
outcomes = []
done = threading.Semaphore(0)


def count(result, error):
    outcomes.append("OK" if error is None else error.status().removeprefix("StatusCode."))
    done.release()


for number in range(40):
    client.async_infer("mini", [tensor([f"{text} {number}" for text in LONG[:2]])], callback=count, headers=KEY)
for _ in range(40):
    assert done.acquire(timeout=60), "a call has no outcome"
equal("outcomes under load", set(outcomes) <= {"OK", "RESOURCE_EXHAUSTED"} and "OK" in outcomes, True)

health = health_pb2_grpc.HealthStub(channel)
SERVING = health_pb2.HealthCheckResponse.SERVING
for service in ("", "liveness", "readiness", "inference.GRPCInferenceService"):
    equal(f"health of `{service}`", health.Check(health_pb2.HealthCheckRequest(service=service)).status, SERVING)
unknown = raises("health", grpc.RpcError, lambda: health.Check(health_pb2.HealthCheckRequest(service="nope")))
equal("health of an unknown service", unknown.code(), Code.NOT_FOUND)
watch = health.Watch(health_pb2.HealthCheckRequest())
equal("watched health", next(watch).status, SERVING)
watch.cancel()

# What reflection tells has the numbers of Triton's schema and of the standard services.
database = ProtoReflectionDescriptorDatabase(channel)
services = sorted(database.get_services())
equal("services", services[:2], ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"])
pool = DescriptorPool(database)
pool.FindMessageTypeByName("inference.ModelInferRequest.InferInputTensor")
equal("methods", len(pool.FindServiceByName("inference.GRPCInferenceService").methods), 11)


def described(file):
    """The fields of messages, the values of enumerations and the methods of services, by their full names."""
    found, proto = {}, FileDescriptorProto()
    file.CopyToProto(proto)

    def add(scope, messages, enums):
        for enum in enums:
            found[f"{scope}.{enum.name}"] = {value.name: value.number for value in enum.value}
        for message in messages:
            name = f"{scope}.{message.name}"
            found[name] = {field.name: (field.number, field.type, field.label, field.type_name) for field in message.field}
            add(name, message.nested_type, message.enum_type)

    add(proto.package, proto.message_type, proto.enum_type)
    for service in proto.service:
        found[f"{proto.package}.{service.name}"] = {
            method.name: (method.input_type, method.output_type, method.client_streaming, method.server_streaming)
            for method in service.method
        }
    return found


public = {}
for module in (service_pb2, model_config_pb2, health_pb2, reflection_pb2):
    public.update(described(module.DESCRIPTOR))
for service in services:
    for name, members in described(pool.FindFileContainingSymbol(service)).items():
        known = public[name.replace("reflection.v1.", "reflection.v1alpha.")]
        for member, numbers in members.items():
            numbers = tuple(
                part.replace("reflection.v1.", "reflection.v1alpha.") if isinstance(part, str) else part
                for part in numbers
            ) if isinstance(numbers, tuple) else numbers
            equal(f"{name}.{member}", numbers, known[member])
print("gRPC clients: all is well")
