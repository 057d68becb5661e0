"""``finsent.spark`` on a real cluster of two workers."""

import os
import signal
import threading
import time

import finsent
import headlines
import pyarrow.compute
import pytest
from conftest import PRECISION, rows_in_order, run_blocks
from processes import is_alive
from pyspark import TaskContext
from pyspark.errors import PythonException
from spark_cluster import SparkCluster

PREDICTION = ["label", "score", "positive", "negative", "neutral", "sentiment_score", "tokens", "truncated"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with SparkCluster(tmp_path_factory.mktemp("spark") / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def session(cluster):
    session = cluster.session()
    yield session
    session.stop()


def test_a_killed_executor_loses_and_repeats_nothing(cluster, session, news, expected, tmp_path):
    source = session.read.parquet(str(news))
    scorer = finsent.spark("headline", precision=PRECISION)
    scored = source.mapInArrow(scorer, scorer.schema(source))
    assert scored.columns == ["row", "headline", *PREDICTION, "error"]
    failures = []

    def write():
        try:
            scored.write.parquet(str(tmp_path / "scored"))
        except Exception as error:  # Shown by the thread that waits.
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    stage = half_way(session, writer)
    [victim, *_] = cluster.executors()
    os.kill(victim, signal.SIGKILL)
    writer.join()
    assert failures == [] and not is_alive(victim)
    # What ran on the executor ran again, elsewhere.
    assert session.sparkContext.statusTracker().getStageInfo(stage).numFailedTasks > 0

    found = rows_in_order(tmp_path / "scored")
    assert found["row"].to_pylist() == list(range(headlines.ROWS))
    # Bit for bit, and of the same types, so that files of both can be in one data set.
    for name in ["row", "headline", *PREDICTION]:
        assert found[name].type == expected[name].type and found[name].equals(expected[name]), name
    failed = found.filter(pyarrow.compute.is_valid(found["error"]))
    assert failed["row"].to_pylist() == list(range(5_000, headlines.ROWS, 10_000))


def half_way(session, writer):
    """Wait until half of the tasks have ended; returns their stage."""
    tracker = session.sparkContext.statusTracker()
    while writer.is_alive():
        for stage in tracker.getActiveStageIds():
            info = tracker.getStageInfo(stage)
            if info is not None and info.numTasks > 2 and 2 * info.numCompletedTasks >= info.numTasks:
                return stage
        time.sleep(0.05)
    raise AssertionError("the job ended before an executor was killed")


def test_a_worker_keeps_one_model_with_the_threads_of_a_task(session):
    scorer = finsent.spark("headline")

    def places(_):
        model = scorer._worker.model()
        yield os.getpid(), id(model), model.threads, TaskContext.get().cpus()

    found = session.sparkContext.parallelize(range(12), 12).mapPartitions(places).collect()
    assert len(found) == 12 and {(threads, cpus) for _, _, threads, cpus in found} == {(1, 1)}
    assert len({(process, model) for process, model, _, _ in found}) == len({process for process, _, _, _ in found}) <= 2


def test_sql_has_a_function(session):
    texts = ["Orders doubled in March", "Shares plunged 12%", None, ""]
    session.createDataFrame([(text,) for text in texts], "headline string").createOrReplaceTempView("news")
    session.udf.register("finsent", finsent.spark_udf())
    query = "SELECT headline, p.* FROM (SELECT headline, finsent(headline) AS p FROM news)"
    rows = session.sql(query).collect()
    model = finsent.Model()
    for row, expected in zip(rows, model.classify(texts, errors="coerce")):
        if expected is None:
            assert row.label is None and row.score is None and row.tokens is None and row.error
        else:
            assert (row.label, row.score, row.positive) == (expected.label, expected.score, expected.scores["positive"])
            assert (row.tokens, row.truncated, row.error) == (expected.tokens, False, None)
    # The text is scored once, and not once for each field.
    plan = session.sql(query)._jdf.queryExecution().executedPlan().toString()
    assert plan.count("finsent(headline") == 1, plan


def test_columns_keep_their_types_and_names(session):
    frame = session.sql(
        "SELECT map('a', array(1, 2)) AS nested, DATE'2026-03-09' AS day, 'Orders doubled' AS title, 'x' AS label"
    )
    scorer = finsent.spark("title", threads=2)
    scored = frame.mapInArrow(scorer, scorer.schema(frame))
    [row] = scored.collect()
    assert (row.nested, str(row.day), row.label, row.finsent_label) == ({"a": [1, 2]}, "2026-03-09", "x", "positive")
    assert [field.dataType.simpleString() for field in scored.schema.fields[-3:]] == ["bigint", "boolean", "string"]
    # A schema may be written by hand.
    by_hand = frame.select("title").mapInArrow(
        finsent.spark("title"),
        "title string, label string, score float, positive float, negative float, neutral float, "
        "sentiment_score float, tokens long, truncated boolean, error string",
    )
    assert by_hand.first().label == "positive"
    assert finsent.score(frame.select("title").limit(0)).collect() == []


def test_what_is_wrong_is_an_error_on_the_driver_if_it_can_be(session):
    frame = session.sql("SELECT 1 AS number, 'a' AS one, 'b' AS two")
    with pytest.raises(finsent.ModelError):
        finsent.spark("one", model="/nowhere")
    with pytest.raises(TypeError, match="Did you mean `threads`"):
        finsent.spark("one", thread=1)
    with pytest.raises(KeyError, match="the columns are number, one, two"):
        finsent.score(frame, "three")
    with pytest.raises(TypeError, match="holds int, not strings"):
        finsent.score(frame, "number")
    with pytest.raises(ValueError, match="cannot tell which column"):
        finsent.score(frame)
    with pytest.raises(TypeError, match="cannot go to the executors"):
        finsent.score(frame, "one", model=finsent.Model())
    stale = finsent.spark("one")
    stale._worker._version = "0.0.1"
    with pytest.raises(PythonException, match="install the same on both"):
        frame.mapInArrow(stale, stale.schema(frame)).collect()


def test_the_examples_of_the_page_run(session):
    run_blocks("docs/spark.md")
