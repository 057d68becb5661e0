"""Names of the exported files, and input sentences as padded arrays of token ids."""

from pathlib import Path

import numpy as np
from tokenizers import BertWordPieceTokenizer, Tokenizer

WINDOW = 512
MEASURED = 256
"""The number of measured sentences, from the start of the file."""
CALIBRATION = 200
"""The number of sentences after those, with which the static int8 export is calibrated."""

FUSED = "fused.onnx"
FUSED_INT8 = "fused-int8.onnx"
OPENVINO = "openvino.xml"
OPENVINO_INT8 = "openvino-int8.xml"


def read_sentences(file):
    """Return the measured sentences and those for calibration."""
    lines = [line.strip() for line in Path(file).read_text(encoding="utf-8").split("\n")]
    sentences = [line for line in lines if line]
    required = MEASURED + CALIBRATION
    if len(sentences) < required:
        raise SystemExit(f"{file} has {len(sentences)} sentences; it needs at least {required}, one per line")
    return sentences[:MEASURED], sentences[MEASURED:required]


def load_tokenizer(checkpoint):
    """Return the tokenizer of tokenizer.json, or FinBERT's. It truncates to the window."""
    file = Path(checkpoint) / "tokenizer.json"
    if file.exists():
        tokenizer = Tokenizer.from_file(str(file))
    else:
        tokenizer = BertWordPieceTokenizer(str(Path(checkpoint) / "vocab.txt"), lowercase=True)
    tokenizer.enable_truncation(WINDOW)
    return tokenizer


def encode(checkpoint, sentences):
    """Return the token ids of each sentence, including those of its start and end."""
    return [encoding.ids for encoding in load_tokenizer(checkpoint).encode_batch(sentences)]


def input_names(model):
    """Return which arrays of a batch a model of transformers takes. Not all models know token types."""
    config = model.config
    takes_types = config.model_type != "modernbert" and getattr(config, "type_vocab_size", 0) > 0
    return ["input_ids", "attention_mask", *(["token_type_ids"] if takes_types else [])]


def full_window(texts):
    """Return the token ids of one text that fills the window: the sentences' tokens between one [CLS] and one [SEP]."""
    body = [token for ids in texts for token in ids[1:-1]]
    if len(body) < WINDOW - 2:
        raise SystemExit(f"the sentences have {len(body)} tokens; at least {WINDOW - 2} are needed")
    return [texts[0][0], *body[: WINDOW - 2], texts[0][-1]]


def padded(texts):
    """Return a batch for the other engines, padded to the longest text. The id of the padding does not matter: it is
    masked, and follows the text."""
    width = max(len(ids) for ids in texts)
    rows = np.array([ids + [0] * (width - len(ids)) for ids in texts], dtype=np.int64)
    lengths = np.array([len(ids) for ids in texts])
    mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
    return {"input_ids": rows, "attention_mask": mask, "token_type_ids": np.zeros_like(rows)}
