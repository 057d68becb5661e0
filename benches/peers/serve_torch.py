"""Serve FinBERT in the usual way: FastAPI, uvicorn, and the pipeline of transformers on PyTorch in f32."""

import argparse
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline


class Question(BaseModel):
    inputs: str


def service(checkpoint, threads):
    torch.set_num_threads(threads)
    classify = pipeline(
        "text-classification", model=str(checkpoint), device="cpu", dtype=torch.float32, top_k=None, truncation=True
    )
    app = FastAPI()

    # Not `async`, so that FastAPI calls it in its thread pool and the event loop stays free for connections.
    @app.post("/")
    def sentiment(question: Question):
        return classify([question.inputs])

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    uvicorn.run(service(args.dir, args.threads), host="127.0.0.1", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
