"""Score a file of texts, one per line, in a common Python way: the pipeline of transformers on PyTorch in f32, or ONNX Runtime
in dynamic int8. Prints one line of JSON per text, in order. Standard error ends with the number of texts and the seconds that
scoring took, without loading."""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

BATCH = 32


def torch_scores(checkpoint, threads):
    import torch
    from transformers import pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    classify = pipeline(
        "text-classification", model=str(checkpoint), device="cpu", dtype=torch.float32, top_k=None, truncation=True
    )
    return lambda texts: classify(texts, batch_size=BATCH)


def onnxruntime_scores(checkpoint, threads):
    from compare import onnxruntime_rival
    from inputs import FUSED_INT8, load_tokenizer, padded

    tokenizer = load_tokenizer(checkpoint)
    run = onnxruntime_rival(FUSED_INT8)(checkpoint, threads).run
    names = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))["id2label"]

    def scores(texts):
        rows = []
        for start in range(0, len(texts), BATCH):
            encodings = tokenizer.encode_batch(texts[start : start + BATCH])
            powers = np.exp(run(padded([encoding.ids for encoding in encodings])))
            for row in powers / powers.sum(axis=1, keepdims=True):
                rows.append([{"label": names[str(label)], "score": float(row[label])} for label in range(len(row))])
        return rows

    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["torch", "ort"])
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("file", type=Path, help="a file with one text per line")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    texts = [line for line in args.file.read_text(encoding="utf-8").split("\n") if line.strip()]
    scores = {"torch": torch_scores, "ort": onnxruntime_scores}[args.engine](args.dir, args.threads)
    start = time.perf_counter()
    # Sort by length, so that batches need little padding.
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    answers = [None] * len(texts)
    for index, answer in zip(order, scores([texts[index] for index in order])):
        answers[index] = answer
    for answer in answers:
        print(json.dumps(answer))
    print(json.dumps({"texts": len(texts), "seconds": time.perf_counter() - start}), file=sys.stderr)


if __name__ == "__main__":
    main()
