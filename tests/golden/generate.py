"""Write the golden files into this folder. README.md describes each file."""

import argparse
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy
import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

import texts

HERE = Path(__file__).resolve().parent
SEED = 22
WINDOW = 48
LABELS = ["positive", "negative", "neutral"]
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
PUNCTUATION = ".,$%-'!():&"
SUFFIXES = ["##ing", "##ed", "##er", "##able"]
LIBRARIES = ["torch", "transformers", "tokenizers", "safetensors", "huggingface_hub", "numpy"]
SHARD_BYTES = 24_000

COMPUTED_WITH = {
    "method": "transformers BertForSequenceClassification, eager attention, float64, one text at a time",
    "python": platform.python_version(),
    **{library: version(library) for library in LIBRARIES},
}

QUANTIZATION = {
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "quantization_status": "compressed",
    "config_groups": {
        "group_0": {
            "targets": ["Linear", "Embedding"],
            "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"},
            "input_activations": None,
            "output_activations": None,
            # Without this, transformers reads the weights as floats.
            "format": "int-quantized",
        }
    },
    "ignore": [
        "bert.embeddings.position_embeddings",
        "bert.embeddings.token_type_embeddings",
        "bert.pooler.dense",
        "classifier",
    ],
}


def small_vocabulary():
    characters = list(LETTERS + DIGITS)
    continuations = [f"##{character}" for character in characters]
    return SPECIAL_TOKENS + characters + continuations + list(PUNCTUATION) + SUFFIXES + texts.SMALL_VOCABULARY_WORDS


def small_config(vocabulary_size):
    return {
        "architectures": ["BertForSequenceClassification"],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 32,
        "id2label": {str(index): label for index, label in enumerate(LABELS)},
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "label2id": {label: index for index, label in enumerate(LABELS)},
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": WINDOW,
        "model_type": "bert",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "problem_type": "single_label_classification",
        "type_vocab_size": 2,
        "vocab_size": vocabulary_size,
    }


def small_tokenizer_config():
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "tokenize_chinese_chars": True,
        "strip_accents": None,
        "model_max_length": WINDOW,
    }


def random_tensor(name, shape, generator):
    if name.endswith("LayerNorm.weight"):
        values = 1 + generator.uniform(-0.2, 0.2, shape)
    elif name.endswith("bias"):
        values = generator.uniform(-0.2, 0.2, shape)
    else:
        values = generator.normal(0, 0.7 if name.startswith("classifier") else 0.3, shape)
    return torch.from_numpy(values.astype(numpy.float32))


def random_weights(config):
    generator = numpy.random.default_rng(SEED)
    shapes = {name: tensor.shape for name, tensor in empty_model(config).state_dict().items()}
    return {name: random_tensor(name, shapes[name], generator) for name in sorted(shapes)}


def is_quantized(name):
    encoder_matrix = name.startswith("bert.encoder.") and name.endswith(".weight") and "LayerNorm" not in name
    return encoder_matrix or name == "bert.embeddings.word_embeddings.weight"


def quantize(weights):
    stored = {}
    for name, weight in weights.items():
        if is_quantized(name):
            scale = weight.abs().amax(dim=1, keepdim=True) / 127
            stored[name] = torch.round(weight / scale).to(torch.int8)
            stored[f"{name}_scale"] = scale
        else:
            stored[name] = weight
    return stored


def expand(stored):
    """Convert stored weights to float64. int8 weights are first multiplied by their scale in float32, as a loader does."""
    weights = {}
    for name, tensor in stored.items():
        if name.endswith("_scale"):
            continue
        if tensor.dtype == torch.int8:
            tensor = tensor.to(torch.float32) * stored[f"{name}_scale"]
        weights[name] = tensor.to(torch.float64)
    return weights


def convert(weights, dtype):
    return {name: tensor.to(dtype) for name, tensor in weights.items()}


def empty_model(config):
    settings = {key: value for key, value in config.items() if key != "quantization_config"}
    return BertForSequenceClassification(BertConfig(**settings, attn_implementation="eager"))


def reference_model(config, stored):
    model = empty_model(config).double().eval()
    model.load_state_dict(expand(stored), strict=True)
    return model


def probabilities(logits, problem_type):
    if problem_type == "multi_label_classification":
        return torch.sigmoid(logits)
    return torch.softmax(logits, dim=-1)


@torch.no_grad()
def case(text, tokenizer, model):
    window = model.config.max_position_embeddings
    encoding = tokenizer(text, truncation=True, max_length=window, return_tensors="pt")
    logits = model(**encoding).logits[0]
    assert logits.dtype == torch.float64
    return {
        "text": text,
        "truncated": len(tokenizer(text, verbose=False)["input_ids"]) > window,
        "input_ids": encoding["input_ids"][0].tolist(),
        "logits": logits.tolist(),
        "probabilities": probabilities(logits, model.config.problem_type).tolist(),
    }


def cases(case_texts, tokenizer, config, stored):
    model = reference_model(config, stored)
    return [case(text, tokenizer, model) for text in case_texts]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def one_per_line(items):
    return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"


def fields(rendered):
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {value}" for name, value in rendered.items()) + "\n}"


def write_golden(path, model_name, **rendered):
    header = {"model": model_name, "labels": LABELS, "computed_with": COMPUTED_WITH}
    document = {name: json.dumps(value) for name, value in header.items()} | rendered
    path.write_text(fields(document) + "\n", encoding="utf-8")


def write_weights(path, stored):
    save_file(stored, path, metadata={"format": "pt"})


def read_shards(directory):
    index = json.loads((directory / "model.safetensors.index.json").read_text(encoding="utf-8"))
    shards = sorted(set(index["weight_map"].values()))
    return {name: tensor for shard in shards for name, tensor in load_file(directory / shard).items()}


def write_small_model(directory):
    (directory / "sharded").mkdir(parents=True, exist_ok=True)
    vocabulary = small_vocabulary()
    config = small_config(len(vocabulary))
    weights = random_weights(config)
    half = convert(weights, torch.float16)
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_json(directory / "config.json", config)
    write_json(directory / "int8.config.json", config | {"quantization_config": QUANTIZATION})
    write_json(directory / "tokenizer_config.json", small_tokenizer_config())
    write_weights(directory / "f32.safetensors", weights)
    write_weights(directory / "f16.safetensors", half)
    write_weights(directory / "bf16.safetensors", convert(weights, torch.bfloat16))
    write_weights(directory / "int8.safetensors", quantize(weights))
    save_torch_state_dict(half, directory / "sharded", max_shard_size=SHARD_BYTES)


def small_variants(directory):
    tokenizer = BertTokenizerFast.from_pretrained(directory)
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    stored = {name: load_file(directory / f"{name}.safetensors") for name in ["f32", "f16", "bf16", "int8"]}
    stored["sharded"] = read_shards(directory / "sharded")
    variants = {name: cases(texts.SMALL, tokenizer, config, weights) for name, weights in stored.items()}
    multi_label = config | {"problem_type": "multi_label_classification"}
    variants["multi_label"] = cases(texts.SMALL, tokenizer, multi_label, stored["f32"])
    return variants


def mini_cases(directory):
    tokenizer = BertTokenizerFast.from_pretrained(directory)
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    return cases(texts.MINI_LONG, tokenizer, config, load_file(directory / "model.safetensors"))


def nasty_ids(mini, tone):
    """Return the ids of the difficult texts in two vocabularies whose special tokens have different ids."""
    finbert = BertTokenizerFast.from_pretrained(mini)
    finbert_tone = BertTokenizerFast.from_pretrained(tone)
    ids = lambda tokenizer, text: tokenizer(text, verbose=False)["input_ids"]
    return [{"text": text, "finbert": ids(finbert, text), "finbert_tone": ids(finbert_tone, text)} for text in texts.NASTY]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mini", type=Path, default=HERE.parent.parent / "models" / "mini", metavar="DIR")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)
    write_small_model(arguments.out / "small")
    variants = {name: one_per_line(found) for name, found in small_variants(arguments.out / "small").items()}
    write_golden(arguments.out / "small.json", "small", variants=fields(variants))
    write_golden(arguments.out / "mini_long.json", "finsent-mini", cases=one_per_line(mini_cases(arguments.mini)))
    nasty = one_per_line(nasty_ids(arguments.mini, HERE / "finbert-tone"))
    (arguments.out / "nasty.json").write_text(nasty + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
