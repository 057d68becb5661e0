"""Serve FinBERT in a common faster way: FastAPI, uvicorn, and ONNX Runtime in dynamic int8."""

import argparse
import json
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from compare import onnxruntime_rival
from inputs import FUSED_INT8, load_tokenizer, padded


class Question(BaseModel):
    inputs: str


def service(checkpoint, threads):
    tokenizer = load_tokenizer(checkpoint)
    run = onnxruntime_rival(FUSED_INT8)(checkpoint, threads).run
    names = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))["id2label"]
    app = FastAPI()

    # Not `async`, as in serve_torch.py: the call is long, and ONNX Runtime releases the GIL meanwhile.
    @app.post("/")
    def sentiment(question: Question):
        logits = run(padded([tokenizer.encode(question.inputs).ids]))[0]
        powers = np.exp(logits - logits.max())
        scores = (powers / powers.sum()).tolist()
        order = sorted(range(len(scores)), key=lambda index: -scores[index])
        return [[{"label": names[str(index)], "score": scores[index]} for index in order]]

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint and its exports")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    uvicorn.run(service(args.dir, args.threads), host="127.0.0.1", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
