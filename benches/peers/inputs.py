"""What the scripts share: names of the exported files, and sentences as padded arrays of token ids."""

from pathlib import Path

import numpy as np
from tokenizers import BertWordPieceTokenizer

WINDOW = 512
MEASURED = 256
"""Sentences that are measured, from the top of the file."""
CALIBRATION = 200
"""Sentences behind those, on which the static int8 export finds its ranges."""

FUSED = "fused.onnx"
FUSED_INT8 = "fused-int8.onnx"
OPENVINO = "openvino.xml"
OPENVINO_INT8 = "openvino-int8.xml"


def read_sentences(file):
    """The measured sentences and those for calibration."""
    lines = [line.strip() for line in Path(file).read_text(encoding="utf-8").split("\n")]
    sentences = [line for line in lines if line]
    wanted = MEASURED + CALIBRATION
    if len(sentences) < wanted:
        raise SystemExit(f"{file}: {len(sentences)} sentences, expected {wanted} or more, one a line")
    return sentences[:MEASURED], sentences[MEASURED:wanted]


def load_tokenizer(checkpoint):
    """FinBERT's tokenizer, which cuts at the model's window."""
    tokenizer = BertWordPieceTokenizer(str(Path(checkpoint) / "vocab.txt"), lowercase=True)
    tokenizer.enable_truncation(WINDOW)
    return tokenizer


def encode(checkpoint, sentences):
    """Token ids of each sentence, [CLS] and [SEP] included."""
    return [encoding.ids for encoding in load_tokenizer(checkpoint).encode_batch(sentences)]


def full_window(texts):
    """One text that fills the window: the sentences' tokens end to end, between one [CLS] and one [SEP]."""
    body = [token for ids in texts for token in ids[1:-1]]
    if len(body) < WINDOW - 2:
        raise SystemExit(f"the sentences have {len(body)} tokens, expected {WINDOW - 2} or more")
    return [texts[0][0], *body[: WINDOW - 2], texts[0][-1]]


def padded(texts):
    """A batch as the rivals take it: every row as wide as the longest text."""
    width = max(len(ids) for ids in texts)
    rows = np.array([ids + [0] * (width - len(ids)) for ids in texts], dtype=np.int64)
    lengths = np.array([len(ids) for ids in texts])
    mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
    return {"input_ids": rows, "attention_mask": mask, "token_type_ids": np.zeros_like(rows)}
