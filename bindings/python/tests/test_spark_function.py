"""The function for Spark's ``mapInArrow``, without Spark. The tests in ``cluster_tests`` run it on a cluster."""

import pickle

import finsent
import pyarrow
import pytest

TEXTS = ["Orders doubled in March", "Shares plunged 12%", None]


def test_batches_come_back_with_predictions_after_a_trip_to_another_process():
    scorer = pickle.loads(pickle.dumps(finsent.spark("headline", threads=1)))
    batch = pyarrow.record_batch({"headline": TEXTS, "label": [1, 2, 3]})
    [scored, empty] = scorer(iter([batch, batch.slice(0, 0)]))
    assert isinstance(scored, pyarrow.RecordBatch)
    assert scored.schema.names[:4] == ["headline", "label", "finsent_label", "finsent_score"]
    assert empty.schema == scored.schema and empty.num_rows == 0
    # Spark has no unsigned integers.
    assert scored.schema.field("finsent_tokens").type == pyarrow.int64()
    expected = finsent.score(batch, "headline")
    for name in expected.schema.names:
        assert scored.column(name).to_pylist() == expected.column(name).to_pylist()


def test_one_model_is_kept_in_a_process():
    worker = finsent.spark("headline", threads=1)._worker
    assert worker.model() is worker.model() is finsent.spark("other", threads=1)._worker.model()
    assert finsent.spark("headline", threads=2)._worker.model() is not worker.model()
    named = finsent.spark("headline", threads=1, label_aliases={"positive": "up"})._worker
    assert "up" in named.columns and "up" in named.model().labels


def test_what_differs_on_an_executor_is_refused():
    with pytest.raises(finsent.ModelError):
        finsent.spark("headline", model="/nowhere")
    with pytest.raises(TypeError, match="cannot go to the executors"):
        finsent.spark("headline", model=finsent.Model(threads=1))
    worker = finsent.spark("headline", threads=1)._worker
    worker._version = "0.0.1"
    with pytest.raises(finsent.ModelError, match="install the same on both"):
        worker.model()
    worker = finsent.spark("headline", threads=1)._worker
    worker._labels = ["bad", "good"]
    with pytest.raises(finsent.ModelError, match="bad, good on the driver"):
        worker.model()
