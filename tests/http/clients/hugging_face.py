"""Runs huggingface_hub's clients against a finsent service that has the model `mini`: hugging_face.py BASE_URL"""

import asyncio
import sys

from expect import LABELS, NEGATIVE, NEUTRAL, NOT_ASCII, POSITIVE, close, contains, equal, fail, raises
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError

[base] = sys.argv[1:]
base = base.rstrip("/")


def pairs(answer):
    if not all(hasattr(element, "label") for element in answer):
        fail(f"expected labels with scores, found {answer!r}")
    return [(element.label, element.score) for element in answer]


for url in (base, base + "/models/mini"):
    client = InferenceClient(model=url, token="any")
    for label, text in (("positive", POSITIVE), ("negative", NEGATIVE), ("neutral", NEUTRAL), ("neutral", NOT_ASCII)):
        what = f"{url} on {text!r}"
        answer = pairs(client.text_classification(text))
        equal(f"{what}: best label", answer[0][0], label)
        equal(f"{what}: labels", sorted(label for label, _ in answer), sorted(LABELS))
        equal(f"{what}: order", answer, sorted(answer, key=lambda pair: -pair[1]))
        close(f"{what}: sum of the scores", sum(score for _, score in answer), 1.0, 1e-5)

        equal(f"{what}: the best one", pairs(client.text_classification(text, top_k=1)), answer[:1])
        equal(f"{what}: the best two", pairs(client.text_classification(text, top_k=2)), answer[:2])
        equal(f"{what}: more than there are", pairs(client.text_classification(text, top_k=9)), answer)
        softmax = pairs(client.text_classification(text, function_to_apply="softmax"))
        equal(f"{what}: softmax is the default", softmax, answer)

        logits = pairs(client.text_classification(text, function_to_apply="none"))
        sigmoid = pairs(client.text_classification(text, function_to_apply="sigmoid"))
        for name, other in (("logits", logits), ("sigmoid", sigmoid)):
            equal(f"{what}: order of the {name}", [label for label, _ in other], [label for label, _ in answer])
        if abs(sum(score for _, score in logits) - 1) < 1e-3:
            fail(f"{what}: the logits {logits} are probabilities")
        e = 2.718281828459045
        close(f"{what}: sigmoid of the logits", [score for _, score in sigmoid], [1 / (1 + e**-x) for _, x in logits])
        exponentials = [e**x for _, x in logits]
        expected = [one / sum(exponentials) for one in exponentials]
        close(f"{what}: softmax of the logits", [score for _, score in answer], expected)

    # The client sends a list as it is, and returns the labels of the first text only.
    both = client.text_classification([NEGATIVE, POSITIVE])
    equal(f"{url}: the first of two texts", pairs(both), pairs(client.text_classification(NEGATIVE)))

    blank = raises(f"{url}: an empty text", HfHubHTTPError, lambda: client.text_classification(""))
    equal(f"{url}: status of an empty text", blank.response.status_code, 422)
    contains(f"{url}: error of an empty text", blank.response.json()["error"], "empty")
    second = raises(f"{url}: an empty text in a list", HfHubHTTPError, lambda: client.text_classification(["a", " "]))
    contains(f"{url}: error of an empty text in a list", second.response.json()["error"], "inputs[1]")
    zero = raises(f"{url}: top_k=0", HfHubHTTPError, lambda: client.text_classification("a", top_k=0))
    equal(f"{url}: status of top_k=0", zero.response.status_code, 422)

unknown = InferenceClient(model=base + "/models/minj", token="any")
error = raises("an unknown model", HfHubHTTPError, lambda: unknown.text_classification("a"))
equal("status of an unknown model", error.response.status_code, 404)
contains("error of an unknown model", error.response.json()["error"], "minj", "did you mean `mini`?")


async def many():
    async with AsyncInferenceClient(model=base, token="any") as client:
        return await asyncio.gather(*(client.text_classification(text) for text in (POSITIVE, NEGATIVE, NEUTRAL) * 8))


found = [answer[0].label for answer in asyncio.run(many())]
equal("24 texts at a time by the asynchronous client", found, ["positive", "negative", "neutral"] * 8)
print("huggingface_hub: all is well")
