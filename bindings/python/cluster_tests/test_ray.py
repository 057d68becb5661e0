"""``finsent.Ray`` on a cluster of two nodes, both on this machine."""

import os
import signal
import threading
import time
import uuid
from pathlib import Path

import finsent
import headlines
import pyarrow.compute
import pytest
import ray
import ray.data
from conftest import PRECISION, rows_in_order, run_blocks
from processes import descendants, is_alive
from ray.cluster_utils import Cluster

STORE = 200 << 20
COLUMNS = ["row", "headline", "label", "score", "positive", "negative", "neutral", "sentiment_score", "truncated"]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    node = {"num_cpus": 2, "object_store_memory": STORE}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    ray.init(address=cluster.address)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def actors():
    """The processes of the actors that score."""
    names = {process: Path(f"/proc/{process}/cmdline").read_bytes() for process in descendants(os.getpid())}
    return [process for process, name in names.items() if b"MapBatches(Noted)" in name]


def test_a_killed_actor_loses_and_repeats_nothing(news, expected, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()

    class Noted(finsent.Ray):
        def __call__(self, batch):
            scored = super().__call__(batch)
            (notes / uuid.uuid4().hex).touch()
            return scored

    # Ray reads many small files as one block, which a single actor would score.
    scored = ray.data.read_parquet(str(news)).repartition(headlines.FILES).map_batches(
        Noted,
        fn_constructor_kwargs={"column": "headline", "precision": PRECISION},
        batch_format="pyarrow",
        concurrency=2,
        num_cpus=1,
    )
    failures = []

    def write():
        try:
            scored.write_parquet(str(tmp_path / "scored"))
        except Exception as error:  # Shown by the thread that waits.
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    while len(list(notes.iterdir())) < headlines.FILES / 2:
        assert writer.is_alive(), failures
        time.sleep(0.05)
    [victim, other] = actors()
    os.kill(victim, signal.SIGKILL)
    writer.join()
    assert failures == [] and not is_alive(victim) and victim != other

    found = rows_in_order(tmp_path / "scored")
    assert found["row"].to_pylist() == list(range(headlines.ROWS))
    for name in COLUMNS:
        assert found[name].equals(expected[name]), name
    assert found["tokens"].cast("int64").equals(expected["tokens"])
    failed = found.filter(pyarrow.compute.is_valid(found["error"]))
    assert failed["row"].to_pylist() == list(range(5_000, headlines.ROWS, 10_000))


@pytest.mark.parametrize("batch_format", ["pyarrow", "pandas", "numpy"])
def test_batches_have_the_format_that_was_asked_for(batch_format):
    texts = ["Orders doubled in March", "Shares plunged 12%", None]
    scored = ray.data.from_items([{"title": text, "label": "x"} for text in texts]).map_batches(
        finsent.Ray, batch_format=batch_format, concurrency=1, fn_constructor_kwargs={"column": "title"}
    )
    rows = scored.take_all()
    assert [row["label"] for row in rows] == ["x"] * 3
    expected = finsent.Model().classify(texts, errors="coerce")
    for row, prediction in zip(rows, expected):
        if prediction is None:
            assert row["finsent_label"] is None and row["finsent_error"]
        else:
            found = (row["finsent_label"], row["finsent_score"], row["finsent_tokens"])
            assert found == (prediction.label, prediction.score, prediction.tokens)


@pytest.mark.parametrize(("cpus", "threads"), [(1, 1), (1.5, 2), (2, 2), (0, 1)])
def test_an_actor_has_the_threads_of_its_cpus(cpus, threads):
    scorer = ray.remote(finsent.Ray).options(num_cpus=cpus).remote("title")
    model = ray.get(scorer.__ray_call__.remote(lambda scorer: scorer._model.threads))
    assert model == threads


def test_the_examples_of_the_page_run():
    run_blocks("docs/ray.md")
