"""Columns and data frames of pandas, polars and pyarrow."""

import finsent
import pandas
import polars
import pyarrow
import pytest

TEXTS = ["Orders doubled in March", "Shares plunged 12%", "The board meets on Monday"]
ADDED = ["label", "score", "positive", "negative", "neutral", "sentiment_score", "tokens", "truncated", "error"]


@pytest.fixture(scope="module")
def model():
    return finsent.Model()


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array(TEXTS),
        pyarrow.array(TEXTS, pyarrow.large_string()),
        pyarrow.array(TEXTS, pyarrow.string_view()),
        pyarrow.array(TEXTS).dictionary_encode(),
        pyarrow.array(["", *TEXTS, ""])[1:4],
        pyarrow.chunked_array([TEXTS[:1], [], TEXTS[1:]]),
        polars.Series(TEXTS),
        polars.Series(TEXTS, dtype=polars.Categorical),
        pandas.Series(TEXTS, index=[7, 7, 9]),
        pandas.Series(TEXTS, dtype=object),
        pandas.Series(TEXTS, dtype="category"),
        pandas.Index(TEXTS),
    ],
    ids=lambda column: type(column).__name__,
)
def test_columns_of_any_library_are_lists_of_texts(model, column):
    assert model.classify(column) == model.classify(TEXTS)


def test_arrow_gives_columns_of_predictions(model):
    batch = pyarrow.record_batch({"id": [1, 2, 3, 4], "headline": [*TEXTS, None]})
    found = model.classify_arrow(batch, "headline")
    assert isinstance(found, pyarrow.RecordBatch) and found.schema.names == ADDED
    assert found.column("label").to_pylist() == ["positive", "negative", "neutral", None]
    assert found.column("error").to_pylist() == [None, None, None, "expected a string, found null"]
    assert found.column("score")[0].as_py() == pytest.approx(model.classify(TEXTS[0]).score)
    assert model.classify_arrow(batch["headline"]).equals(found)
    assert model.classify_arrow(pyarrow.table(batch), "headline").equals(found)


def test_a_column_of_nothing_but_nulls_has_an_error_in_each_row(model):
    found = model.classify_arrow(pyarrow.nulls(2))
    assert found.column("error").to_pylist() == ["expected a string, found null"] * 2
    assert found.schema.names == ADDED and found.column("label").type == pyarrow.string()


@pytest.mark.parametrize(
    ("source", "column", "error", "words"),
    [
        (pyarrow.record_batch({"a": [1]}), "b", KeyError, "the columns are a"),
        (pyarrow.record_batch({"a": [1]}), "a", TypeError, "holds Int64, not strings"),
        (pyarrow.record_batch({"a": ["x"]}), None, TypeError, "choose a column"),
        (pyarrow.array([1.5]), None, TypeError, "not strings"),
    ],
)
def test_what_is_no_column_of_strings_is_refused(model, source, column, error, words):
    with pytest.raises(error, match=words):
        model.classify_arrow(source, column)


def test_a_table_is_no_column(model):
    for frame in pandas.DataFrame({"text": TEXTS}), polars.DataFrame({"text": TEXTS}):
        with pytest.raises(TypeError, match="choose"):
            model.classify(frame)


def test_pandas_keeps_its_rows_and_index(model):
    frame = pandas.DataFrame({"ticker": ["A", "B", "C", "D"], "headline": [*TEXTS, None]}, index=[3, 3, 8, 9])
    scored = finsent.score(frame, "headline", model=model)
    assert list(scored.columns) == ["ticker", "headline", *ADDED] and list(scored.index) == [3, 3, 8, 9]
    assert list(scored["label"])[:3] == ["positive", "negative", "neutral"] and scored["label"].isna().iloc[3]
    assert scored["error"].iloc[3].startswith("expected str, found") and scored["score"].isna().iloc[3]
    assert str(scored["score"].dtype) == "float32" and list(frame.columns) == ["ticker", "headline"]
    again = finsent.score(scored, "headline", model=model)
    assert "finsent_label" in again and again["finsent_label"].equals(again["label"].rename("finsent_label"))
    assert finsent.score(frame.iloc[:0], "headline", model=model).shape == (0, 11)


def test_polars_and_pyarrow_have_the_same_predictions(model):
    expected = finsent.score(pandas.DataFrame({"text": TEXTS}), model=model)
    frame = finsent.score(polars.DataFrame({"text": TEXTS}), model=model)
    table = finsent.score(pyarrow.table({"text": TEXTS}), model=model)
    assert frame.columns == table.schema.names == list(expected.columns)
    assert frame["positive"].to_list() == table["positive"].to_pylist() == list(expected["positive"])
    assert finsent.score(frame, model=model).columns[-1] == "finsent_error"


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"text": TEXTS, "title": TEXTS}, "text"),
        ({"n": [1, 2, 3], "words": TEXTS}, "words"),
        ({"Headline": TEXTS, "source": ["a", "b", "c"]}, "Headline"),
    ],
)
def test_the_column_of_texts_is_found_as_the_command_finds_it(model, columns, chosen):
    for make in pandas.DataFrame, polars.DataFrame, pyarrow.table:
        labels = finsent.score(make(columns), model=model)["label"]
        assert list(labels.to_pylist() if hasattr(labels, "to_pylist") else labels) == ["positive", "negative", "neutral"]
    assert chosen in columns


def test_a_column_that_cannot_be_told_is_refused(model):
    with pytest.raises(ValueError, match="choose one of a, b"):
        finsent.score(pandas.DataFrame({"a": TEXTS, "b": TEXTS}), model=model)
    with pytest.raises(KeyError, match="the columns are a, b"):
        finsent.score(polars.DataFrame({"a": TEXTS, "b": TEXTS}), "c", model=model)
    with pytest.raises(TypeError, match="not builtins.list"):
        finsent.score(TEXTS)
