"""Reads exported spans with the messages that OpenTelemetry publishes. Arguments: a folder with a message in each file."""

import pathlib
import sys

from expect import equal, fail
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def unknown(message):
    """Fields that the published messages do not have, at any depth."""
    found = [field.field_number for field in UnknownFieldSet(message)]
    for field, value in message.ListFields():
        if field.message_type:
            values = value if field.is_repeated else [value]
            found += [number for part in values for number in unknown(part)]
    return found


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


spans = []
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    request = ExportTraceServiceRequest.FromString(file.read_bytes())
    equal("unknown fields", unknown(request), [])
    for of_resource in request.resource_spans:
        equal("service.name", attributes(of_resource.resource.attributes)["service.name"], "finsent")
        for of_scope in of_resource.scope_spans:
            equal("scope", of_scope.scope.name, "finsent")
            spans += of_scope.spans

server = {attributes(span.attributes)["http.response.status_code"]: span for span in spans if span.kind == Span.SPAN_KIND_SERVER}
equal("statuses", sorted(server), [200, 504])
good, late = server[200], server[504]
equal("name", good.name, "POST /v1/sentiment")
equal("trace", good.trace_id.hex(), "4bf92f3577b34da6a3ce929d0e0e4736")
equal("parent", good.parent_span_id.hex(), "00f067aa0ba902b7")
equal("trace state", good.trace_state, "rojo=1")
equal("flags", good.flags, 0x301)
equal("status", good.status.code, Status.STATUS_CODE_UNSET)
equal("texts", attributes(good.attributes)["finsent.texts"], 2)
equal("model", attributes(good.attributes)["finsent.model"], "mini")
equal("status of a failure", late.status.code, Status.STATUS_CODE_ERROR)
equal("error", attributes(late.attributes)["error.type"], "504")

parts = sorted((span for span in spans if span.parent_span_id == good.span_id), key=lambda span: span.start_time_unix_nano)
equal("parts", [span.name for span in parts], ["tokenize", "queue", "inference"])
equal("kinds", {span.kind for span in parts}, {Span.SPAN_KIND_INTERNAL})
equal("texts of the batch", attributes(parts[2].attributes)["finsent.batch.texts"], 2)
for span in spans:
    if not (len(span.trace_id) == 16 and len(span.span_id) == 8 and span.start_time_unix_nano <= span.end_time_unix_nano):
        fail(f"not a valid span: {span}")
print(f"{len(spans)} spans")
