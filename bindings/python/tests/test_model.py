"""Loading models and classifying texts, sentences and documents."""

import json
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import finsent
import pytest

TEXTS = ["Orders doubled in March", "Shares plunged 12% after the profit warning", "The board meets on Monday"]


@pytest.fixture(scope="module")
def model():
    return finsent.Model()


def test_a_text_has_a_prediction(model):
    prediction = model.classify(TEXTS[1])
    assert prediction.label == "negative"
    assert prediction.score == prediction.scores["negative"] == max(prediction.scores.values())
    assert math.isclose(sum(prediction.scores.values()), 1, abs_tol=1e-6)
    assert prediction.sentiment_score == pytest.approx(prediction.scores["positive"] - prediction.scores["negative"])
    assert prediction.tokens > 5 and not prediction.truncated
    assert repr(prediction) == f"Prediction(negative, {prediction.score:.4f})"


def test_many_texts_have_the_predictions_that_each_has_alone(model):
    texts = [f"{text} in {year}" for text in TEXTS for year in range(1700, 2020)]
    assert model.classify(texts) == [model.classify(text) for text in texts]
    assert model.classify(iter(texts[:3])) == model.classify(tuple(texts[:3])) == model.classify(texts[:3])
    assert model.classify([]) == []


def test_predictions_are_those_of_the_command(model):
    command = [sys.executable, "-m", "finsent", "classify", "--format", "jsonl", *TEXTS]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    for line, prediction in zip(lines, model.classify(TEXTS)):
        expected, found = json.loads(line), prediction.to_dict()
        assert expected.keys() == found.keys()
        # The command writes the shortest decimals of a 32-bit float.
        assert found["score"] == pytest.approx(expected["score"], abs=1e-7)
        assert found["label"] == expected["label"] and found["tokens"] == expected["tokens"]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, TypeError, "expected str, found None"),
        (3.5, TypeError, "expected str, found float"),
        (b"Profit rose", TypeError, "decode it first"),
        ({"text": "Profit rose"}, TypeError, "pass its values"),
        ("", finsent.TextError, "the text is empty"),
        (" \n", finsent.TextError, "the text is empty"),
        ("\ud800", finsent.TextError, "half of a surrogate pair"),
        ("x" * (32 * 2**20 + 1), finsent.TextError, "the limit is"),
    ],
)
def test_what_is_no_text_is_refused(model, text, error, words):
    with pytest.raises(error, match=words):
        model.classify(text)


@pytest.mark.parametrize("bad", [None, float("nan"), 7, b"x", "", "\udfff"])
def test_a_bad_text_is_named_by_its_place_or_becomes_none(model, bad):
    with pytest.raises(finsent.TextError, match="text 1: ") as raised:
        model.classify(["Profit rose", bad, "Profit fell"])
    assert raised.value.index == 1
    results = model.classify(["Profit rose", bad, "Profit fell"], errors="coerce")
    assert [result and result.label for result in results] == ["positive", None, "negative"]
    assert model.classify("", errors="coerce") is None
    with pytest.raises(ValueError, match="coerce"):
        model.classify("Profit rose", errors="ignore")


def test_a_long_text_is_marked_and_a_document_reads_all_of_it(model):
    text = "Profit rose. " * 400
    assert model.classify(text).truncated
    document = model.classify_document(text)
    assert len(document.sentences) == 400 and document.label == "positive"
    assert document.label_counts == {"positive": 400, "negative": 0, "neutral": 0}


def test_sentences_have_places_in_characters(model):
    text = "Größe zählt: € 5 Gewinn. Shares of Löwenbräu plunged 🚀 12 %. The board meets."
    document = model.classify_document(text)
    assert [text[sentence.start : sentence.end] for sentence in document.sentences] == [
        sentence.text for sentence in document.sentences
    ]
    assert document.sentences[-1].text == "The board meets."
    assert [s.to_dict() for s in model.classify_sentences(text)] == document.to_dict()["sentences"]
    assert model.classify_document(text, aggregate="mean").scores != document.scores
    with pytest.raises(ValueError, match="polar"):
        model.classify_document(text, aggregate="median")


def test_an_explanation_names_the_words_and_adds_up(model):
    text = "Größe: shares of Löwenbräu plunged 12%"
    explanation = model.explain(text)
    strongest = max(explanation.words, key=lambda word: word.weight)
    assert (explanation.label, strongest.text, explanation.method) == ("negative", "plunged", "shapley")
    assert all(text[word.start : word.end] == word.text for word in explanation.words)
    added = sum(word.weight for word in explanation.words)
    assert added == pytest.approx(explanation.score - explanation.base, abs=1e-5)
    assert explanation.score == pytest.approx(model.classify(text).scores["negative"], abs=1e-6)
    occlusion = model.explain(text, method="occlusion", label="positive").to_dict()
    assert (occlusion["label"], occlusion["method"], len(occlusion["words"])) == ("positive", "occlusion", 6)
    document = model.explain("Profit rose. Größe € fell. The board meets.", granularity="document")
    assert [sentence.text for sentence in document.sentences] == ["Profit rose.", "Größe € fell.", "The board meets."]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"method": "lime"}, ValueError, "shapley"),
        ({"label": "bullish"}, finsent.TextError, "positive"),
        ({"passes": 1}, finsent.TextError, "pass"),
        ({"granularity": "sentence"}, ValueError, "document"),
    ],
)
def test_what_cannot_be_explained_is_refused(model, settings, error, words):
    with pytest.raises(error, match=words):
        model.explain("Profit rose 12 %", **settings)


def test_pickles_hold_predictions_and_reload_models(model):
    prediction = model.classify(TEXTS[0])
    copy = pickle.loads(pickle.dumps(prediction))
    assert copy == prediction and hash(copy) == hash(prediction) and copy.to_dict() == prediction.to_dict()
    small = finsent.Model(threads=1, max_length=16)
    again = pickle.loads(pickle.dumps(small))
    assert (again.threads, again.max_length, again.labels) == (1, 16, small.labels)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "words"),
    [
        (["finbrt"], {}, finsent.ModelError, "Did you mean `finbert`"),
        (["/nowhere/at/all"], {}, finsent.ModelError, "no directory"),
        (["finbert"], {"offline": True, "model_dir": "/nowhere"}, finsent.FinsentError, "finbert|ProsusAI"),
        ([], {"threads": 0}, ValueError, "at least 1 thread"),
        ([], {"threads": "two"}, TypeError, "threads: "),
        ([], {"precision": "fp16"}, ValueError, "choose \"f32\", \"bf16\" or \"int8\""),
        ([], {"precison": "f32"}, TypeError, "Did you mean `precision`"),
        ([], {"label_aliases": {"positve": "up"}}, finsent.ModelError, "no label `positve`"),
        ([7], {}, TypeError, "int"),
    ],
)
def test_what_is_no_model_is_refused(arguments, settings, error, words):
    with pytest.raises(error, match=words):
        finsent.Model(*arguments, **settings)


def test_settings_are_those_of_the_command():
    model = finsent.Model("mini", precision="int8", threads=1, max_length=16, label_aliases={"positive": "up"})
    assert (model.name, model.precision, model.threads, model.max_length) == ("mini", "int8", 1, 16)
    assert model.labels == ["up", "negative", "neutral"]
    assert model.classify("Orders doubled " * 20).truncated


def _in_child(model, queue):
    try:
        model.classify("Profit rose")
        queue.put("classified")
    except RuntimeError as error:
        queue.put(str(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_refused_and_not_left_waiting(model):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(model, queue))
    child.start()
    assert "load the model in the child" in queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0


def test_other_threads_run_meanwhile(model):
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    started = time.monotonic()
    model.classify([f"Orders doubled in {year}" for year in range(2000)])
    ended = time.monotonic()
    done.set()
    thread.join()
    # With the lock of the interpreter held, there would be one tick per 512 texts.
    assert sum(started < at < ended for at in ticks) > 10


def test_ctrl_c_ends_a_long_call(model):
    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        # Some minutes of work.
        model.classify(f"Orders doubled in {year}" for year in range(10**6))
