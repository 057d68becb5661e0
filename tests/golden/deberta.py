"""Write the golden files of DeBERTa-v2 and v3 into this folder. README.md describes each file."""

import argparse
import json
import math
import os
from collections import Counter
from itertools import groupby
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors  # noqa: E402
from tokenizers.models import Unigram  # noqa: E402
from transformers import AutoTokenizer, DebertaV2Config, DebertaV2ForSequenceClassification  # noqa: E402
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position  # noqa: E402

import generate  # noqa: E402
import texts  # noqa: E402
from generate import HERE, WINDOW, one_per_line, write_json, write_weights  # noqa: E402

NAME = "deberta-v2"
LABELS = ["negative", "neutral", "positive"]
SPECIAL_TOKENS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
VOCABULARY_SIZE = 260
LONGEST = 24_576
COMPUTED_WITH = generate.COMPUTED_WITH | {
    "method": "transformers DebertaV2ForSequenceClassification, eager attention, float64, one text at a time"
}

# The fields of microsoft/deberta-v3-base, smaller.
V3 = {
    "architectures": ["DebertaV2ForSequenceClassification"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-07,
    "max_position_embeddings": WINDOW,
    "max_relative_positions": -1,
    "model_type": "deberta-v2",
    "norm_rel_ebd": "layer_norm",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "pooler_dropout": 0,
    "pooler_hidden_act": "gelu",
    "pooler_hidden_size": 32,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
    "position_buckets": 16,
    "relative_attention": True,
    "share_att_key": True,
    "type_vocab_size": 0,
    "vocab_size": VOCABULARY_SIZE,
    "id2label": {str(index): label for index, label in enumerate(LABELS)},
    "label2id": {label: index for index, label in enumerate(LABELS)},
    "problem_type": "single_label_classification",
}

# A form is a config.json; None removes a field. Its weights follow from the names of the tensors (`weights`).
BASE = {
    key: value for key, value in V3.items() if key not in ["id2label", "label2id", "problem_type", "pooler_hidden_size"]
} | {"hidden_size": 24, "intermediate_size": 40, "num_attention_heads": 3, "max_position_embeddings": 64, "vocab_size": 60}
FORMS = {
    "v3": {},
    "v3, 256 buckets": {"position_buckets": 256, "max_position_embeddings": 512},
    "v2: own projections of positions": {"share_att_key": False, "position_biased_input": True},
    "a list of types": {"pos_att_type": ["c2p", "p2c"], "share_att_key": False},
    "types in capitals, with spaces": {"pos_att_type": " P2C | C2P "},
    "c2p only": {"pos_att_type": ["c2p"], "share_att_key": False},
    "c2p only, shared keys": {"pos_att_type": "c2p"},
    "p2c only": {"pos_att_type": ["p2c"], "share_att_key": False},
    "p2c only, shared keys": {"pos_att_type": "p2c"},
    "no types": {"pos_att_type": []},
    "no field for types": {"pos_att_type": None},
    "no relative attention, but types": {"relative_attention": False, "norm_rel_ebd": None},
    "no relative attention": {"relative_attention": None, "pos_att_type": None, "share_att_key": None},
    "no norm of positions": {"norm_rel_ebd": "none"},
    "no field for the norm of positions": {"norm_rel_ebd": None},
    "a norm in capitals": {"norm_rel_ebd": "none | LAYER_NORM"},
    "no buckets": {"position_buckets": -1},
    "no field for buckets": {"position_buckets": None},
    "no buckets, few positions": {"position_buckets": -1, "max_relative_positions": 12},
    "8 buckets": {"position_buckets": 8},
    "32 buckets, few positions": {"position_buckets": 32, "max_relative_positions": 24},
    "an odd number of buckets": {"position_buckets": 7, "max_relative_positions": 30},
    "2 buckets": {"position_buckets": 2},
    "more positions than the window": {"position_buckets": 16, "max_relative_positions": 700},
    "heads of an odd size": {"hidden_size": 21, "intermediate_size": 33},
    "one head": {"num_attention_heads": 1, "num_hidden_layers": 1},
    "embeddings of another size": {"embedding_size": 16, "position_biased_input": True},
    "embeddings of another size, token types": {"embedding_size": 31, "position_biased_input": True, "type_vocab_size": 2},
    "token types": {"type_vocab_size": 2},
    "tanh in the pooler": {"pooler_hidden_act": "tanh", "num_labels": 5},
    "relu in the pooler": {"pooler_hidden_act": "relu", "num_labels": 4},
    "a long text": {"position_buckets": 64, "max_position_embeddings": 1_300, "hidden_size": 16, "num_attention_heads": 2},
}
LENGTHS = {"v3, 256 buckets": [3, 140, 512], "a long text": [200, 1_300]}
DEFAULT_LENGTHS = [1, 3, 18, 64]

PAIRS = [(256, 512), (256, 1_024), (512, 4_096), (128, 384), (64, 512), (32, 64), (32, 24), (8, 512), (7, 30), (2, 64)]


def fnv(name):
    """Return the 64-bit FNV-1a hash of a name."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def numbers(name, count):
    """Return numbers in -1..1 that follow from a name: SplitMix64, the upper 24 bits."""
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(fnv(name)) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    return (z >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1


def tensor(name, shape):
    values = numbers(name, int(numpy.prod(shape))).reshape(shape)
    if name.endswith("LayerNorm.weight"):
        values = 1 + values / 4
    elif name.endswith("bias"):
        values = values / 4
    else:
        values = values * (1 if "classifier" in name else 0.5)
    return torch.from_numpy(values.astype(numpy.float32))


def empty_model(config):
    return DebertaV2ForSequenceClassification(DebertaV2Config(**config, attn_implementation="eager")).double().eval()


@torch.no_grad()
def logits(model, ids):
    found = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).logits[0]
    assert found.dtype == torch.float64
    return found


def result(found):
    return {"logits": found.tolist(), "probabilities": torch.softmax(found, dim=-1).tolist()}


def form_ids(length, vocabulary_size):
    return [int((number + 1) / 2 * vocabulary_size) for number in numbers(f"ids {length}", length)]


def form(name):
    config = {key: value for key, value in (BASE | FORMS[name]).items() if value is not None}
    model = empty_model(config)
    weights = {key: tensor(key, value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({key: value.double() for key, value in weights.items()}, strict=True)
    cases = []
    for length in LENGTHS.get(name, DEFAULT_LENGTHS):
        cases.append({"tokens": length} | result(logits(model, form_ids(length, config["vocab_size"]))))
    if "num_labels" in config:
        count = config.pop("num_labels")
        config["id2label"] = {str(index): f"LABEL_{index}" for index in range(count)}
    # All layers have the same tensors.
    is_told = {key: ".layer." not in key or ".layer.0." in key for key in weights}
    shapes = {key: list(value.shape) for key, value in weights.items() if is_told[key]}
    return {"form": name, "config": config, "shapes": shapes, "cases": cases}


def vocabulary(corpus):
    """Return pieces with the logarithms of their shares: all characters, then the substrings of words that cover most."""
    words = [f"▁{word}" for text in corpus for word in text.split()]
    counts = Counter(word[start:end] for word in words for start in range(len(word)) for end in range(start + 1, len(word) + 1))
    order = sorted(counts, key=lambda piece: (len(piece) > 1, -counts[piece] * len(piece), piece))
    pieces = order[: VOCABULARY_SIZE - len(SPECIAL_TOKENS) - 1]
    total = sum(counts[piece] for piece in pieces)
    return [(token, 0.0) for token in SPECIAL_TOKENS] + [(piece, math.log(counts[piece] / total)) for piece in pieces]


def tokenizer():
    """Return a small tokenizer that is built like that of DeBERTa-v3."""
    corpus = texts.SMALL_ROBERTA + texts.MINI_LONG + texts.SMALL
    pieces = vocabulary([text for text in corpus if "\0" not in text])
    found = Tokenizer(Unigram(pieces, unk_id=SPECIAL_TOKENS.index("[UNK]")))
    found.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), normalizers.NFC(), normalizers.Strip(left=False, right=True)]
    )
    found.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    found.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    found.add_special_tokens([*SPECIAL_TOKENS, "[MASK]"])
    found.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", found.token_to_id("[CLS]")), ("[SEP]", found.token_to_id("[SEP]"))],
    )
    return found


def write_tokenizer(directory):
    found = tokenizer()
    found.save(str(directory / "tokenizer.json"), pretty=False)
    settings = {
        "tokenizer_class": "DebertaV2Tokenizer",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
        "model_max_length": WINDOW,
    }
    write_json(directory / "tokenizer_config.json", settings)
    return found.get_vocab_size()


def write_model(directory):
    directory.mkdir(parents=True, exist_ok=True)
    config = V3 | {"vocab_size": write_tokenizer(directory)}
    write_json(directory / "config.json", config)
    shapes = empty_model(config).state_dict()
    write_weights(directory / "model.safetensors", {name: tensor(name, shapes[name].shape) for name in sorted(shapes)})


def case(text, from_files, model):
    ids = from_files(text, truncation=True, max_length=WINDOW)["input_ids"]
    truncated = len(from_files(text, verbose=False)["input_ids"]) > WINDOW
    return {"text": text, "truncated": truncated, "input_ids": ids} | result(logits(model, ids))


def cases(directory):
    from_files = AutoTokenizer.from_pretrained(directory)
    model = empty_model(json.loads((directory / "config.json").read_text(encoding="utf-8")))
    stored = load_file(directory / "model.safetensors")
    model.load_state_dict({name: value.double() for name, value in stored.items()}, strict=True)
    return [case(text, from_files, model) for text in texts.SMALL_ROBERTA]


def rows(buckets, positions):
    """Return the row of each distance from -LONGEST to LONGEST, as runs of a row and a count."""
    distances = torch.arange(-LONGEST, LONGEST + 1)
    found = make_log_bucket_position(distances, buckets, positions).long()
    found = torch.clamp(found + buckets, 0, 2 * buckets - 1).tolist()
    runs = [[row, len(list(run))] for row, run in groupby(found)]
    return {"position_buckets": buckets, "max_relative_positions": positions, "rows": runs}


def write(path, rendered):
    header = {"computed_with": json.dumps(COMPUTED_WITH)}
    path.write_text(generate.fields(header | rendered) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    write_model(out / NAME)
    write(out / f"{NAME}.json", {"labels": json.dumps(LABELS), "cases": one_per_line(cases(out / NAME))})
    write(out / f"{NAME}_forms.json", {"forms": one_per_line([form(name) for name in FORMS])})
    write(out / "relative_positions.json", {"pairs": one_per_line([rows(*pair) for pair in PAIRS])})


if __name__ == "__main__":
    main()
