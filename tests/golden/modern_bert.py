"""Write the golden files of ModernBERT into this folder. README.md describes each file."""

import argparse
import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

import architectures
import texts
from architectures import COMPUTED_WITH, case, empty_model, labels, random_tensor
from generate import HERE, WINDOW, one_per_line, write_json, write_weights

architectures.LABELS["modernbert"] = ["negative", "neutral", "positive"]
VOCABULARY_SIZE = 420
SPECIAL_TOKENS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
# The numbers of tokens of the texts of the forms.
LENGTHS = [1, 2, 7, 33, 120]
LONG = 2500


def config(vocabulary_size):
    """Return a config.json with the fields of answerdotai/ModernBERT-base, and some that transformers ignores."""
    return {
        "architectures": ["ModernBertForSequenceClassification"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "classifier_activation": "gelu",
        "classifier_bias": False,
        "classifier_dropout": 0.0,
        "classifier_pooling": "mean",
        "cls_token_id": 1,
        "decoder_bias": True,
        "deterministic_flash_attn": False,
        "embedding_dropout": 0.0,
        "eos_token_id": 2,
        "global_attn_every_n_layers": 2,
        "global_rope_theta": 160000.0,
        "gradient_checkpointing": False,
        "hidden_activation": "gelu",
        "hidden_size": 32,
        "initializer_cutoff_factor": 2.0,
        "initializer_range": 0.02,
        "intermediate_size": 20,
        "layer_norm_eps": 1e-05,
        "local_attention": 16,
        "local_rope_theta": 10000.0,
        "max_position_embeddings": WINDOW,
        "mlp_bias": False,
        "mlp_dropout": 0.0,
        "model_type": "modernbert",
        "norm_bias": False,
        "norm_eps": 1e-05,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "pad_token_id": 3,
        "position_embedding_type": "absolute",
        "reference_compile": True,
        "sep_token_id": 2,
        "vocab_size": vocabulary_size,
    } | labels("modernbert")


def write_tokenizer(directory):
    """Write what ModernBERT-base has: a byte-level BPE like that of GPT-NeoX, with tokens for runs of spaces."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
    added = [AddedToken(token, special=True, lstrip=token == "[MASK]", normalized=False) for token in SPECIAL_TOKENS]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - 12,
        special_tokens=added,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts.SMALL + texts.MINI_LONG, trainer)
    tokenizer.add_tokens([AddedToken(" " * spaces, normalized=True) for spaces in range(12, 1, -1)])
    tokenizer.add_tokens([AddedToken("[unused0]", normalized=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    (directory / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    decoder = {
        str(index): {
            "content": token.content,
            "lstrip": token.lstrip,
            "normalized": token.normalized,
            "rstrip": token.rstrip,
            "single_word": token.single_word,
            "special": token.special,
        }
        for index, token in sorted(tokenizer.get_added_tokens_decoder().items())
    }
    settings = {
        "added_tokens_decoder": decoder,
        "clean_up_tokenization_spaces": True,
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 8192,
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "[UNK]",
    }
    write_json(directory / "tokenizer_config.json", settings)
    return tokenizer.get_vocab_size()


def nasty_ids(directory):
    """Return the ids that transformers computes. They must be the same as those of the tokenizers library."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    from_file = Tokenizer.from_file(str(directory / "tokenizer.json"))
    strings = [text.replace("<mask>", "[MASK]") for text in texts.NASTY_BYTE_LEVEL]
    strings += ["a" + " " * spaces + "b" for spaces in range(1, 30)] + ["e\u0301 \u00e9", "[unused0] [CLS]x[SEP]", " [MASK]"]
    items = [{"text": text, "ids": tokenizer(text, verbose=False)["input_ids"]} for text in strings]
    assert all(from_file.encode(item["text"]).ids == item["ids"] for item in items)
    return items


def write_model(directory, vocabulary_size):
    write_json(directory / "config.json", config(vocabulary_size))
    generator = numpy.random.default_rng(architectures.SEED)
    shapes = {name: tensor.shape for name, tensor in empty_model(directory).state_dict().items()}
    write_weights(
        directory / "model.safetensors", {name: random_tensor(name, shapes[name], generator) for name in sorted(shapes)}
    )


# A small model whose fields the forms change.
FORM = {
    "architectures": ["ModernBertForSequenceClassification"],
    "hidden_size": 32,
    "id2label": {"0": "a", "1": "b", "2": "c"},
    "intermediate_size": 48,
    "local_attention": 8,
    "model_type": "modernbert",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "pad_token_id": 0,
    "vocab_size": 90,
}


def rope(**bases):
    return {name: {"rope_type": "default", "rope_theta": base} for name, base in bases.items()}


def forms():
    """Yield the changes to FORM. A field that is None is written as null."""
    sliding, full = "sliding_attention", "full_attention"
    yield {}
    yield from ({"classifier_pooling": pooling, "num_hidden_layers": layers} for pooling in ("cls", "mean") for layers in (1, 2, 5))
    yield from ({"global_attn_every_n_layers": n} for n in (1, 2, 4, 9))
    for local in (0, 1, 2, 7, 9, 64, 1000):
        yield {"local_attention": local, "classifier_pooling": "mean", "global_attn_every_n_layers": 2}
    yield {"global_rope_theta": 500.0, "local_rope_theta": 20}
    yield {"rope_parameters": rope(full_attention=70.0, sliding_attention=9000)}
    yield {"rope_parameters": rope(full_attention=70.0), "local_rope_theta": 40.0}
    yield {"rope_parameters": rope(sliding_attention=70.0), "global_rope_theta": 400.0, "local_rope_theta": 3.0}
    yield {"rope_parameters": {full: {"type": "default"}, sliding: {}}, "rope_theta": 5.0, "rope_scaling": None}
    yield {"rope_parameters": None, "layer_types": None}
    yield {"layer_types": [sliding, full, sliding, sliding]}
    yield {"layer_types": [sliding] * 4, "classifier_pooling": "mean", "global_attn_every_n_layers": 1}
    yield {"layer_types": [full, sliding, full, sliding], "rope_parameters": rope(full_attention=80.0, sliding_attention=9.0)}
    yield {"layer_types": ["attention", sliding, sliding, full]}
    for bias in ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"):
        yield {bias: True}
    yield {"attention_bias": True, "mlp_bias": True, "norm_bias": True, "classifier_bias": True, "classifier_pooling": "mean"}
    yield from ({"classifier_activation": activation} for activation in ("gelu", "relu", "tanh"))
    yield from ({"id2label": {str(label): f"L{label}" for label in range(count)}} for count in (1, 2, 5))
    for hidden, heads, intermediate in ((24, 3, 37), (30, 5, 1), (66, 3, 20), (6, 3, 5), (128, 2, 40), (40, 1, 40)):
        sizes = {"hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": intermediate}
        yield sizes | {"classifier_pooling": "mean"}
    yield from ({"norm_eps": eps} for eps in (1e-12, 0.1))
    yield {
        "hidden_act": "relu",
        "is_decoder": None,
        "layer_norm_eps": 0.5,
        "position_embedding_type": "relative_key",
        "reference_compile": True,
        "tie_word_embeddings": False,
        "type_vocab_size": 0,
        "decoder_bias": False,
        "sparse_prediction": True,
    }


def seed(name):
    """Return the 64-bit FNV-1a hash of a name."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return state | 1


def uniform(name, count):
    """Return numbers in -1..1: xorshift64 from the seed of the name. The tests in Rust compute the same."""
    state, numbers = seed(name), numpy.empty(count, numpy.float32)
    for index in range(count):
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        numbers[index] = (state >> 40) / 2**23 - 1
    return numbers


def form_tensor(name, shape):
    numbers = uniform(name, math.prod(shape))
    if name.endswith("norm.weight"):
        numbers = 1 + numpy.float32(0.25) * numbers
    else:
        numbers = numpy.float32(0.25 if name.endswith("bias") else 0.375) * numbers
    return torch.from_numpy(numbers.reshape(shape))


def form_ids(length, vocabulary_size):
    return [(17 * index * index + 31 * index + length) % vocabulary_size for index in range(length)]


@torch.no_grad()
def form(change, lengths):
    fields = FORM | change
    with TemporaryDirectory() as directory:
        write_json(Path(directory) / "config.json", fields)
        model = empty_model(directory).double().eval()
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    tensors = {name: form_tensor(name, shape).to(torch.float64) for name, shape in shapes.items()}
    model.load_state_dict(tensors, strict=True)
    batch = (torch.tensor([form_ids(length, fields["vocab_size"])]) for length in lengths)
    logits = [model(input_ids=ids).logits[0].tolist() for ids in batch]
    return {"change": change, "lengths": lengths, "shapes": {name: list(shape) for name, shape in shapes.items()}, "logits": logits}


def all_forms():
    found = [form(change, LENGTHS) for change in forms()]
    # A long text, in which the angles of the rotary positions are large.
    long = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "local_attention": 128}
    found += [form(long | {"classifier_pooling": pooling}, [LONG]) for pooling in ("cls", "mean")]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    directory = out / "modernbert"
    directory.mkdir(parents=True, exist_ok=True)
    write_model(directory, write_tokenizer(directory))
    strings = texts.SMALL + ["Net loss [MASK] fell, [PAD] and[PAD]record [SEP] sales", "  the bank's debt:\n\n\n it'll  rise      again   "]
    architectures.write_cases(out / "modernbert.json", "modernbert", architectures.cases(directory, strings))
    nasty = one_per_line(nasty_ids(directory))
    (out / "nasty_modern_bert.json").write_text(nasty + "\n", encoding="utf-8")
    header = {"form": FORM, "computed_with": COMPUTED_WITH}
    document = {key: json.dumps(value) for key, value in header.items()} | {"forms": one_per_line(all_forms())}
    (out / "modern_bert_forms.json").write_text(architectures.generate.fields(document) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
