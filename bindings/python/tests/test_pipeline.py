"""The shapes of transformers' pipeline."""

import finsent
import pytest

TEXTS = ["Orders doubled in March", "Shares plunged 12%"]


@pytest.fixture(scope="module")
def pipe():
    return finsent.pipeline("text-classification", model="mini")


def test_one_text_gives_a_list_and_several_give_a_list_of_dicts(pipe):
    (one,) = pipe(TEXTS[0])
    assert one["label"] == "positive" and 0.5 < one["score"] < 1
    assert pipe(TEXTS) == [one, *pipe(TEXTS[1])]
    assert pipe({"text": TEXTS[0]}) == one
    assert list(pipe(iter(TEXTS), batch_size=1)) == pipe(TEXTS)


def test_top_k_gives_the_best_labels(pipe):
    everything = pipe(TEXTS[0], top_k=None)
    assert [entry["label"] for entry in everything][0] == "positive" and len(everything) == 3
    assert [entry["score"] for entry in everything] == sorted((e["score"] for e in everything), reverse=True)
    assert pipe(TEXTS[0], top_k=1) == everything[:1] and pipe(TEXTS, top_k=2)[0] == everything[:2]
    assert finsent.pipeline(model=pipe.model, top_k=2)(TEXTS[0]) == [everything[:2]]


def test_the_function_can_be_chosen(pipe):
    scores = {entry["label"]: entry["score"] for entry in pipe(TEXTS[0], top_k=None, function_to_apply="none")}
    assert max(scores.values()) > 1
    assert sum(entry["score"] for entry in pipe(TEXTS[0], top_k=None, function_to_apply="softmax")) == pytest.approx(1)
    with pytest.raises(ValueError, match="choose softmax, sigmoid or none"):
        pipe(TEXTS[0], function_to_apply="relu")


def test_a_long_text_is_an_error_unless_it_may_be_cut(pipe):
    with pytest.raises(finsent.TextError, match="pass truncation=True"):
        pipe("Orders doubled. " * 400)
    assert pipe("Orders doubled. " * 400, truncation=True)[0]["label"] == pipe.model.classify("Orders doubled. " * 400).label


def test_what_only_pytorch_needs_is_ignored_and_mistakes_are_told():
    assert finsent.pipeline("sentiment-analysis", device=0, torch_dtype="auto")(TEXTS, batch_size=8, padding=True)
    with pytest.raises(ValueError, match="no task 'summarization'"):
        finsent.pipeline("summarization")
    with pytest.raises(TypeError, match="no argument `precison`"):
        finsent.pipeline(precison="int8")
    pipe = finsent.pipeline()
    with pytest.raises(TypeError, match="'topk'"):
        pipe(TEXTS, topk=2)
    with pytest.raises(ValueError, match="found the keys text, text_pair"):
        pipe({"text": "a", "text_pair": "b"})
