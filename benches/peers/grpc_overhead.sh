#!/usr/bin/env bash
# What a request costs over HTTP and over gRPC, beside the model: one remembered headline, again and again, from one load
# generator (h2load), on one connection and on eight. Prints requests per second and the mean time of a request.
#
#   benches/peers/grpc_overhead.sh FINSENT [REQUESTS]     FINSENT is built with the feature `grpc`
set -euo pipefail
finsent=$1 requests=${2:-20000}
command -v h2load >/dev/null || { echo "h2load is missing. On Debian: apt-get install nghttp2-client" >&2 && exit 1; }

scratch=$(mktemp --directory)
"$finsent" -q serve --listen 127.0.0.1:18080 --grpc-listen 127.0.0.1:18081 2>"$scratch/log" &
server=$!
trap 'kill $server; rm -r "$scratch"' EXIT
until "$finsent" health --ready --listen 127.0.0.1:18080 2>/dev/null; do sleep 0.1; done

text="Shares plunged 12% after the profit warning."
printf '{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["%s"]}]}' "$text" >"$scratch/json"
python3 - "$text" >"$scratch/message" <<'END'
import sys


def field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


contents = field(8, sys.argv[1].encode())
tensor = field(1, b"text") + field(2, b"BYTES") + field(3, b"\x01") + field(5, contents)
message = field(1, b"mini") + field(5, tensor)
sys.stdout.buffer.write(b"\0" + len(message).to_bytes(4, "big") + message)
END

# measure NAME CONNECTIONS ARGUMENTS..
measure() {
    local name=$1 connections=$2
    shift 2
    h2load --requests "$requests" --clients "$connections" --max-concurrent-streams 1 "$@" >"$scratch/result"
    grep -q " $requests succeeded" "$scratch/result" || { cat "$scratch/result" && exit 1; }
    printf '%-5s %2d connections: %s; time for request: %s mean\n' "$name" "$connections" \
        "$(sed -n 's/^finished in [^,]*, \([^,]*\),.*/\1/p' "$scratch/result")" \
        "$(awk '/^time for request/ { print $6 }' "$scratch/result")"
}

http=(--h1 --data "$scratch/json" --header 'content-type: application/json'
    http://127.0.0.1:18080/v2/models/mini/infer)
grpc=(--data "$scratch/message" --header 'content-type: application/grpc' --header 'te: trailers'
    http://127.0.0.1:18081/inference.GRPCInferenceService/ModelInfer)
for round in 1 2 3; do
    echo "round $round"
    for connections in 1 8; do
        measure HTTP "$connections" "${http[@]}"
        measure gRPC "$connections" "${grpc[@]}"
    done
done
