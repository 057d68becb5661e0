"""Calls every route of a finsent service that has the model `mini`, with requests: plain.py BASE_URL"""

import gzip
import json
import re
import sys
import zlib
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import requests
from expect import LABELS, NEGATIVE, NEUTRAL, NOT_ASCII, POSITIVE, close, contains, equal, fail

[base] = sys.argv[1:]
base = base.rstrip("/")
session = requests.Session()
VERDICT = {"label", "score", "scores", "sentiment_score", "tokens", "truncated"}
LONG = "The company said on Monday that profit rose. " * 400


def ask(method, path, status=200, kind="application/json", **more):
    """Checks the status and the type of the response, and returns it."""
    answer = session.request(method, base + path, **more)
    what = f"{method} {path} {str(more.get('json', ''))[:200]}"
    equal(f"{what}: status, with {answer.text[:300]}", answer.status_code, status)
    equal(f"{what}: type", answer.headers.get("content-type", "").split(";")[0], kind)
    return answer


def get(path, **more):
    return ask("GET", path, **more).json()


def post(path, body, **more):
    return ask("POST", path, json=body, **more).json()


def header(answer, name):
    """Checks that the response has the header, and returns its value."""
    return answer.headers.get(name) or fail(f"{answer.request.method} {answer.request.path_url}: no header {name}")


def problem(path, body, status, *words, **more):
    """Checks that the request fails with this RFC 9457 problem, and returns it."""
    if body is not None:
        more["json"] = body
    found = ask("POST", path, status, "application/problem+json", **more).json()
    equal("status in the problem", (found["type"], found["status"]), ("about:blank", status))
    contains("detail of the problem", found["detail"], *words)
    return found


def refused(path, body, status, *words, keys=("error",), **more):
    """Checks that the request fails with this error in the format of another protocol, and returns it."""
    found = post(path, body, status=status, **more)
    equal(f"{path}: fields of the error", sorted(found), sorted(keys))
    contains(f"{path}: error", found["error"], *words)
    return found


def native():
    one = post("/v1/sentiment", {"inputs": NEGATIVE})
    equal("fields of the answer", sorted(one), ["model", "results", "usage"])
    equal("model of the answer", (one["model"]["name"], one["model"]["precision"]), ("mini", "f32"))
    [verdict] = one["results"]
    equal("fields of a verdict", set(verdict), VERDICT)
    equal("label", (verdict["label"], verdict["truncated"]), ("negative", False))
    equal("labels of the scores", sorted(verdict["scores"]), sorted(LABELS))
    close("sum of the scores", sum(verdict["scores"].values()), 1.0, 1e-5)
    equal("score", verdict["score"], max(verdict["scores"].values()))
    close("sentiment_score", verdict["sentiment_score"], verdict["scores"]["positive"] - verdict["scores"]["negative"])
    equal("usage", one["usage"], {"tokens": verdict["tokens"], "texts": 1})

    asked = {"model": "mini", "granularity": "text", "deadline_ms": 30000, "priority": "bulk"}
    several = post("/v1/sentiment", {"inputs": [POSITIVE, NEGATIVE, NEUTRAL, NOT_ASCII], **asked})["results"]
    equal("labels of a list", [item["label"] for item in several], ["positive", "negative", "neutral", "neutral"])
    equal("the verdict in a list", several[1], verdict)

    mixed = [{"id": "a", "text": POSITIVE}, "", {"id": 7, "text": " \n"}, NEGATIVE, {"id": "a", "text": NEUTRAL}]
    answer = post("/v1/sentiment", {"inputs": mixed})
    results = answer["results"]
    found = [(item.get("id"), item.get("label"), "error" in item) for item in results]
    expected = [("a", "positive", False), (None, None, True), (7, None, True), (None, "negative", False)]
    equal("items with ids, without, and bad ones", found, [*expected, ("a", "neutral", False)])
    equal("fields of a bad item", (set(results[1]), set(results[2])), ({"error"}, {"id", "error"}))
    equal("fields of a verdict with an id", set(results[0]), VERDICT | {"id"})
    equal("texts that were read", answer["usage"]["texts"], 3)
    json_type = {"content-type": "application/json"}
    surrogate = ask("POST", "/v1/sentiment", data='{"inputs": ["\\ud800", "a"]}', headers=json_type).json()["results"]
    equal("half a surrogate pair fails alone", ["error" in item for item in surrogate], [True, False])

    long = ask("POST", "/v1/sentiment", json={"inputs": LONG})
    equal("a long text says so", long.json()["results"][0]["truncated"], True)
    equal("a long text's tokens", (long.json()["usage"]["tokens"], header(long, "x-truncated-texts")), (512, "1"))

    route = "/v1/sentiment"
    problem(route, {"inputs": "a", "granularty": "text"}, 422, "`granularty`", "did you mean `granularity`?")
    bad = problem(route, {"inputs": ["a", {"id": 1, "txt": "b"}]}, 422, "`txt`", "did you mean `text`?")
    equal("number of the bad item", bad.get("index"), 1)
    problem(route, {"inputs": ""}, 422, "empty")
    problem(route, {"inputs": []}, 422, "empty")
    problem(route, {"inputs": ["a", 3]}, 422, "expected a string")
    problem(route, {}, 422, "`inputs`")
    problem(route, {"inputs": "a", "deadline_ms": 0}, 422, "deadline_ms")
    problem(route, {"inputs": "a", "priority": "high"}, 422, "interactive")
    problem(route, {"inputs": "a", "model": "minj"}, 404, "did you mean `mini`?")
    problem(route, {"inputs": ["a"] * 1001}, 413, "1000")
    problem(route, {"inputs": [f"{number} {LONG}" for number in range(50)], "deadline_ms": 1}, 504, "deadline")
    problem(route, None, 400, "JSON", data=b'{"inputs": ', headers=json_type)
    problem(route, None, 400, "JSON", data=b'{"inputs": "\xff"}', headers=json_type)
    problem(route, None, 415, "application/json", data="{}", headers={"content-type": "text/plain"})
    problem("/nowhere", {}, 404, "/nowhere")
    wrong = ask("DELETE", route, 405, "application/problem+json")
    equal("methods of the route", header(wrong, "allow"), "POST")
    return verdict


def hugging_face(verdict):
    pairs = sorted(verdict["scores"].items(), key=lambda pair: -pair[1])
    expected = [{"label": label, "score": score} for label, score in pairs]
    for path in ("/", "/models/mini"):
        equal(f"{path}: one text", post(path, {"inputs": NEGATIVE}), [expected])
        equal(f"{path}: two texts", post(path, {"inputs": [NEGATIVE, NEGATIVE]}), [expected] * 2)
        equal(f"{path}: top_k", post(path, {"inputs": NEGATIVE, "parameters": {"top_k": 2}}), [expected[:2]])
        refused(path, {"inputs": LONG, "parameters": {"truncation": False}}, 422, "512 tokens")
        refused(path, {"inputs": ["a", ""]}, 422, "inputs[1]", "empty")
        refused(path, {"inputs": "a", "parameters": {"top_k": 0}}, 422, "top_k")
        equal(f"{path}: methods", header(ask("PUT", path, 405), "allow"), "POST")
    refused("/models/nope", {"inputs": "a"}, 404, "nope", "mini")
    return expected


def text_embeddings(expected, tokens):
    one = ask("POST", "/predict", json={"inputs": NEGATIVE})
    equal("/predict: one text", one.json(), expected)
    sizes = (str(len(NEGATIVE)), str(tokens), "cpu")
    found = tuple(header(one, f"x-compute-{name}") for name in ("characters", "tokens", "type"))
    equal("/predict: headers", found, sizes)
    float(header(one, "x-compute-time"))
    for inputs in ([NEGATIVE, NEGATIVE], [[NEGATIVE], [NEGATIVE]], [NEGATIVE, [NEGATIVE]]):
        equal(f"/predict: {inputs}", post("/predict", {"inputs": inputs}), [expected] * 2)
    for inputs in ([NEGATIVE], [[NEGATIVE]]):
        equal(f"/predict: {inputs}", post("/predict", {"inputs": inputs}), [expected])
    raw = post("/predict", {"inputs": NEGATIVE, "raw_scores": True, "truncation_direction": "Right", "truncate": True})
    equal("/predict: order of the logits", [one["label"] for one in raw], [one["label"] for one in expected])
    if abs(sum(one["score"] for one in raw) - 1) < 1e-3:
        fail(f"/predict: the logits {raw} are probabilities")
    keys = ("error", "error_type")
    equal("an empty text", refused("/predict", {"inputs": ""}, 422, "empty", keys=keys)["error_type"], "Validation")
    refused("/predict", {"inputs": [["a", "b"]]}, 422, "pairs", keys=keys)
    refused("/predict", {"inputs": LONG, "truncate": False}, 422, "512 tokens", keys=keys)

    info = get("/info")
    classes = {"id2label": {"0": "positive", "1": "negative", "2": "neutral"}}
    classes["label2id"] = {label: number for number, label in enumerate(LABELS)}
    equal("/info: model", (info["model_id"], info["served_model_name"], info["model_dtype"]), ("mini", "mini", "f32"))
    equal("/info: classes", info["model_type"], {"classifier": classes})
    equal("/info: window", (info["max_input_length"], info["auto_truncate"]), (512, True))
    limits = {"max_concurrent_requests": 512, "max_batch_tokens": 256, "max_client_batch_size": 1000}
    equal("/info: limits", {name: info[name] for name in limits}, limits)
    equal("/info: others", ("model_sha" in info, info["tokenization_workers"] > 0, bool(info["version"])), (True,) * 3)


    tokens = post("/tokenize", {"inputs": NEGATIVE})
    equal("/tokenize: special tokens", [tokens[0][0]["text"], tokens[0][-1]["text"]], ["[CLS]", "[SEP]"])
    for token in tokens[0][1:-1]:
        equal("/tokenize: a token", NEGATIVE[token["start"] : token["stop"]], token["text"])
    bare = post("/tokenize", {"inputs": [NEGATIVE, "a"], "add_special_tokens": False})
    equal("/tokenize: without special tokens", bare[0], tokens[0][1:-1])
    refused("/tokenize", {"inputs": ""}, 422, "empty", keys=keys)


def vllm(verdict):
    probabilities = [verdict["scores"][label] for label in LABELS]
    for path in ("/classify", "/v1/classify"):
        answer = post(path, {"model": "mini", "input": [NEGATIVE, NEGATIVE]})
        item = {"label": "negative", "probs": probabilities, "num_classes": 3}
        equal(f"{path}: data", answer["data"], [{"index": 0, **item}, {"index": 1, **item}])
        equal(f"{path}: tokens", answer["usage"]["total_tokens"], 2 * verdict["tokens"])
        error = post(path, {"input": LONG}, status=422)["error"]
        equal(f"{path}: error", (error["type"], error["code"]), ("BadRequestError", 422))
        contains(f"{path}: error", error["message"], "512 tokens")
        equal(f"{path}: cut", post(path, {"input": LONG, "truncate_prompt_tokens": -1})["usage"]["total_tokens"], 512)
        equal(f"{path}: methods", header(ask("PUT", path, 405), "allow"), "POST")


def kserve(verdict):
    route = "/v1/models/mini:predict"
    answer = post(route, {"instances": [NEGATIVE, {"text": NEGATIVE}]})
    equal(route, answer, {"predictions": [verdict, verdict]})
    refused(route, {"instances": []}, 422, "empty")
    refused(route, {"instances": ["a", ""]}, 422, "[1]", "empty")
    refused("/v1/models/nope:predict", {"instances": ["a"]}, 404, "nope")


def open_inference(verdict):
    server = get("/v2")
    equal("/v2", (server["name"], "classification" in server["extensions"]), ("finsent", True))
    equal("/v2/health/live", get("/v2/health/live"), {"live": True})
    equal("/v2/health/ready", get("/v2/health/ready"), {"ready": True})
    for path in ("/v2/models/mini", "/v2/models/mini/versions/1"):
        equal(f"{path}/ready", get(f"{path}/ready"), {"name": "mini", "ready": True})
        metadata = get(path)
        equal(f"{path}: name", (metadata["name"], metadata["versions"]), ("mini", ["1"]))
        tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": [NEGATIVE, NEGATIVE]}
        answer = post(f"{path}/infer", {"id": "r", "inputs": [tensor]})
        equal(f"{path}: who", [answer[key] for key in ("id", "model_name", "model_version")], ["r", "mini", "1"])
        found = {output["name"]: (output["datatype"], output["shape"], output["data"]) for output in answer["outputs"]}
        scores = [verdict["scores"][label] for label in LABELS]
        expected = {"label": ("BYTES", [2], ["negative"] * 2), "probabilities": ("FP32", [2, 3], scores * 2)}
        expected["sentiment_score"] = ("FP32", [2], [verdict["sentiment_score"]] * 2)
        equal(f"{path}: outputs", found, expected)
        for lenient in ({"data": NEGATIVE}, {"data": [[NEGATIVE]], "shape": [1, 1]}, {"data": [NEGATIVE], "shape": []}):
            label = post(f"{path}/infer", {"inputs": [{"name": "text", **lenient}], "outputs": [{"name": "label"}]})
            equal(f"{path}: {lenient}", label["outputs"][0]["data"], ["negative"])
        refused(f"{path}/infer", {"inputs": [{**tensor, "shape": [3]}]}, 422, "3", "2")
        refused(f"{path}/infer", {"inputs": [{**tensor, "datatype": "FP32"}]}, 422, "BYTES")
    for path in ("/v2/models/nope", "/v2/models/nope/ready", "/v2/models/mini/versions/2"):
        equal(f"{path}: fields of the error", list(get(path, status=404)), ["error"])


def watching():
    equal("/livez", ask("GET", "/livez", kind="text/plain").text, "ok")
    for path in ("/readyz", "/health"):
        equal(path, get(path), {"status": "ready"})
        equal(f"HEAD {path}", ask("HEAD", path).text, "")
    [model] = get("/v1/models")["models"]
    equal("/v1/models: labels", (model["name"], model["labels"], model["ready"]), ("mini", LABELS, True))
    equal("/v1/models: window", (model["max_input_length"], model["has_sentiment_score"]), (512, True))
    equal("/v1/models: digest", bool(re.fullmatch(r"sha256:[0-9a-f]{64}", model["digest"])), True)
    equal("/v1/models/mini", get("/v1/models/mini"), model)
    get("/v1/models/nope", status=404, kind="application/problem+json")


def series():
    """The text format of Prometheus 0.0.4: each series with its value; the help and the type of each family precede it."""
    answer = ask("GET", "/metrics", kind="text/plain")
    equal("type of the metrics", header(answer, "content-type"), "text/plain; version=0.0.4")
    equal("the end of the metrics", answer.text[-1:], "\n")
    found, kinds, helped = {}, {}, None
    label = r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"'
    sample = re.compile(rf"([a-zA-Z_:][\w:]*)(?:\{{((?:{label},?)*)\}})? (\S+)")
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split()[2]
        elif line.startswith("# TYPE "):
            _, _, family, kind = line.split()
            equal(f"help of the family that `{line}` begins", (helped, family in kinds), (family, False))
            kinds[family] = kind
        else:
            parts = sample.fullmatch(line) or fail(f"no line of metrics: {line!r}")
            name, labels, value = parts[1], tuple(sorted(re.findall(label, parts[2] or ""))), float(parts[5])
            suffixes = ("_bucket", "_sum", "_count") if kinds[helped] == "histogram" else ("",)
            equal(f"family of {line}", name.removeprefix(helped) in suffixes and name.startswith(helped), True)
            equal(f"{line} is there once", (name, labels) in found, False)
            equal(f"{line}: a counter's name", kinds[helped] != "counter" or name.endswith("_total"), True)
            found[name, labels] = value
    for (name, labels), value in found.items():
        if name.endswith("_count") and kinds.get(name.removesuffix("_count")) == "histogram":
            bucket = name.removesuffix("_count") + "_bucket"
            of_it = [(dict(own), n) for (other, own), n in found.items() if other == bucket and set(labels) <= set(own)]
            counts = [n for own, n in sorted(of_it, key=lambda one: float(one[0]["le"]))]
            equal(f"{bucket}{labels}: buckets rise to the count", (counts, counts[-1]), (sorted(counts), value))
    return found


def metrics():
    def requests_of(route, status, model="mini"):
        return "finsent_requests_total", (("model", model), ("route", route), ("status", str(status)))

    counted = {
        requests_of("/v1/sentiment", 200): 2,
        requests_of("/v1/sentiment", 404, ""): 1,
        requests_of("/predict", 200): 1,
        requests_of("/predict", 422): 1,
        requests_of("/v2/models/{model}/infer", 504): 0,
        requests_of("unknown", 404, ""): 1,
        ("finsent_texts_total", (("model", "mini"),)): 4,
        ("finsent_cache_misses_total", (("model", "mini"),)): 2,
        ("finsent_cache_hits_total", (("model", "mini"),)): 2,
        ("finsent_truncated_texts_total", (("model", "mini"),)): 0,
        ("finsent_request_duration_seconds_count", (("model", "mini"), ("route", "/v1/sentiment"))): 2,
        ("finsent_ready", ()): 0,
    }
    before = series()
    new = f"A text that was never sent: {uuid4()}"
    post("/v1/sentiment", {"inputs": [new, ""]})
    post("/v1/sentiment", {"inputs": [new, new + "!"]})
    post("/predict", {"inputs": new})
    refused("/predict", {"inputs": ""}, 422, keys=("error", "error_type"))
    problem("/v1/sentiment", {"inputs": "a", "model": "nope"}, 404)
    problem("/nowhere", {}, 404)
    after = series()
    for name, expected in counted.items():
        for what, of in (("before", before), ("after", after)):
            equal(f"{name} is there {what}", name in of, True)
        equal(f"{name} went up by", after[name] - before[name], expected)
    equal("finsent_ready", after["finsent_ready", ()], 1)


def headers():
    new = {"inputs": f"A text that was never sent: {uuid4()}"}
    answer = ask("POST", "/v1/sentiment", json=new, headers={"x-request-id": "mine-1"})
    equal("x-request-id comes back", header(answer, "x-request-id"), "mine-1")
    times = {name: float(header(answer, f"x-{name}-time")) for name in ("total", "queue", "tokenization", "inference")}
    parts = times["queue"] + times["tokenization"] + times["inference"]
    equal(f"times {times} are of the request", 0 < parts <= times["total"] + 0.01, True)
    made = [header(ask("GET", "/readyz"), "x-request-id") for _ in range(2)]
    equal(f"made ids {made}", (made[0] != made[1], [len(one) for one in made]), (True, [32, 32]))
    unfit = ask("GET", "/readyz", headers={"x-request-id": "two words"})
    equal("an unfit id is replaced", len(header(unfit, "x-request-id")), 32)
    failed = ask("POST", "/v1/sentiment", 422, "application/problem+json", json={}, headers={"x-request-id": "mine-2"})
    equal("x-request-id of an error", header(failed, "x-request-id"), "mine-2")

    body = json.dumps({"inputs": NOT_ASCII}, ensure_ascii=False).encode()
    plain = post("/v1/sentiment", {"inputs": NOT_ASCII})
    for coding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body)), ("identity", body)):
        kind = {"content-type": "application/json; charset=utf-8", "content-encoding": coding}
        equal(f"a body by {coding}", ask("POST", "/v1/sentiment", data=packed, headers=kind).json(), plain)
        chunks = (packed[at : at + 7] for at in range(0, len(packed), 7))
        equal(f"a body by {coding}, in chunks", ask("POST", "/v1/sentiment", data=chunks, headers=kind).json(), plain)
    kind = {"content-type": "application/json", "content-encoding": "gzip"}
    problem("/v1/sentiment", None, 400, "decompress", data=gzip.compress(body)[:-9], headers=kind)
    problem("/v1/sentiment", None, 413, "2000000 bytes", data=gzip.compress(b" " * 3_000_000), headers=kind)
    problem("/v1/sentiment", None, 415, "Content-Encoding: br", data=body, headers={**kind, "content-encoding": "br"})


def connections():
    with requests.Session() as alone:
        for number in range(100):
            path, body = ("/v1/sentiment", {"inputs": NEUTRAL}) if number % 3 else ("/predict", {"inputs": ""})
            equal("a request of many", alone.post(base + path, json=body).status_code, 200 if number % 3 else 422)
        pools = alone.get_adapter(base).poolmanager.pools
        [pool] = [pools[key] for key in pools.keys()]
        equal("connections and requests of a session", (pool.num_connections, pool.num_requests), (1, 100))


def document():
    document = get("/openapi.json")
    equal("version of OpenAPI", document["openapi"][:4], "3.1.")
    versions = "/v2/models/{model}/versions/{version}"
    ends = ("", "/ready", "/infer", "/config", "/stats")
    v2 = [f"{start}{end}" for start in ("/v2/models/{model}", versions) for end in ends]
    v2 += ["/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/stats", "/v2/repository/index"]
    v2 += [f"/v2/repository/models/{{model}}/{verb}" for verb in ("load", "unload")]
    others = "/ /models/{model} /predict /tokenize /info /classify /v1/classify /v1/sentiment"
    watching = "/v1/models /v1/models/{model} /v1/models/{model}:predict /livez /readyz /health /metrics"
    equal("paths of the document", sorted(document["paths"]), sorted([*v2, *others.split(), *watching.split()]))
    for path, operations in document["paths"].items():
        expected = "post" if re.search("^/$|^/models/|predict$|tokenize$|classify$|infer$|index$|load$|sentiment$", path) else "get"
        equal(f"methods of {path}", list(operations), [expected])
        if expected == "get":
            there = session.get(base + path.replace("{model}", "mini").replace("{version}", "1"))
            equal(f"status of {path}", there.status_code, 200)


class Assets(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href")]


def docs():
    page = ask("GET", "/docs", kind="text/html")
    equal("the page of /docs", page.url, base + "/docs/")
    contains("the page", page.text, "<!DOCTYPE html>", 'id="swagger-ui"')
    assets = Assets(page.text).found
    equal("the page's assets", any(asset.endswith("swagger-ui-bundle.js") for asset in assets), True)
    for asset in assets:
        url = urljoin(page.url, asset)
        equal(f"host of {asset}", urlsplit(url).netloc, urlsplit(base).netloc)
        content = session.get(url)
        equal(f"{asset} is there", (content.status_code, len(content.content) > 100), (200, True))
        if asset.endswith(".css"):
            loaded = re.findall(r"(?:url\(|@import)\s*[\"']?(?!data:)([^\"')\s]+)", content.text)
            equal(f"what {asset} loads", loaded, [])
    setup = session.get(urljoin(page.url, "swagger-initializer.js")).text
    contains("the page's document", setup, '"url": "../openapi.json"')
    equal("hosts in the page's setup", re.findall(r"https?://[\w.]+", setup + page.text), [])
    # Without it, a browser that loads the page from another host than localhost calls validator.swagger.io.
    contains("the page's setup", setup, '"validatorUrl": "none"')


at_first = set(series())
verdict = native()
labels = hugging_face(verdict)
text_embeddings(labels, verdict["tokens"])
vllm(verdict)
kserve(verdict)
open_inference(verdict)
watching()
headers()
connections()
document()
metrics()
docs()
equal("series that were not there from the start", set(series()) - at_first, set())
print("requests: all is well")
