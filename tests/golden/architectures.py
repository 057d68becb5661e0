"""Write the golden files of the other architectures into this folder. README.md describes each file."""

import argparse
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy
import torch
from safetensors.torch import load_file
from tokenizers import ByteLevelBPETokenizer, Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

import generate
import texts
from generate import HERE, WINDOW, one_per_line, write_json, write_weights

SEED = 23
LABELS = {
    "distilbert": ["Positive", "Negative", "Neutral"],
    "roberta": ["bearish", "neutral", "bullish"],
    "xlm-roberta": ["negative", "neutral", "positive"],
    "camembert": ["négatif", "positif"],
    "electra": ["down", "flat", "up"],
}
VOCABULARY_SIZE = 400
COMPUTED_WITH = generate.COMPUTED_WITH | {
    "method": "transformers AutoModelForSequenceClassification, eager attention, float64, one text at a time"
}


def labels(name):
    return {
        "id2label": {str(index): label for index, label in enumerate(LABELS[name])},
        "label2id": {label: index for index, label in enumerate(LABELS[name])},
        "problem_type": "single_label_classification",
    }


def distilbert_config(vocabulary_size):
    return {
        "activation": "gelu",
        "architectures": ["DistilBertForSequenceClassification"],
        "attention_dropout": 0.1,
        "dim": 32,
        "dropout": 0.1,
        "hidden_dim": 48,
        "initializer_range": 0.02,
        "max_position_embeddings": WINDOW,
        "model_type": "distilbert",
        "n_heads": 4,
        "n_layers": 2,
        "pad_token_id": 0,
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "sinusoidal_pos_embds": False,
        "tie_weights_": True,
        "vocab_size": vocabulary_size,
    } | labels("distilbert")


def roberta_config(vocabulary_size):
    return {
        "architectures": ["RobertaForSequenceClassification"],
        "attention_probs_dropout_prob": 0.1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": WINDOW + 2,
        "model_type": "roberta",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 1,
        "position_embedding_type": "absolute",
        "type_vocab_size": 1,
        "vocab_size": vocabulary_size,
    } | labels("roberta")


def xlm_roberta_config(vocabulary_size):
    return roberta_config(vocabulary_size) | {
        "architectures": ["XLMRobertaForSequenceClassification"],
        "hidden_size": 24,
        "intermediate_size": 40,
        "model_type": "xlm-roberta",
        "num_attention_heads": 3,
        "output_past": True,
    } | labels("xlm-roberta")


def camembert_config(vocabulary_size):
    """Return the configuration of an odd model: its padding id is that of the unknown token, which texts have."""
    return roberta_config(vocabulary_size) | {
        "architectures": ["CamembertForSequenceClassification"],
        "hidden_size": 20,
        "intermediate_size": 36,
        "max_position_embeddings": WINDOW + 4,
        "model_type": "camembert",
        "num_attention_heads": 2,
        "num_hidden_layers": 3,
        "pad_token_id": 3,
        "type_vocab_size": 2,
    } | labels("camembert")


def electra_config(vocabulary_size):
    return {
        "architectures": ["ElectraForSequenceClassification"],
        "embedding_size": 20,
        "hidden_act": "gelu",
        "hidden_size": 32,
        "intermediate_size": 48,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": WINDOW,
        "model_type": "electra",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "summary_activation": "gelu",
        "summary_type": "first",
        "summary_use_proj": True,
        "type_vocab_size": 2,
        "vocab_size": vocabulary_size,
    } | labels("electra")


def write_electra_tokenizer(directory):
    """Write what fine-tuned ELECTRAs on the hub have: vocab.txt and tokenizer_config.json."""
    vocabulary = generate.small_vocabulary()
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    settings = generate.small_tokenizer_config() | {"tokenizer_class": "ElectraTokenizer"}
    write_json(directory / "tokenizer_config.json", settings)
    return len(vocabulary)


def write_xlm_roberta_tokenizer(directory):
    """Write what a fine-tuned xlm-roberta-base on the hub has without tokenizer.json."""
    shutil.copyfile(HERE / "unigram/xlm-roberta/sentencepiece.bpe.model", directory / "sentencepiece.bpe.model")
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>"}
    mask = {"content": "<mask>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False}
    write_json(directory / "special_tokens_map.json", names | {"cls_token": "<s>", "mask_token": mask})
    write_json(directory / "config.json", {"model_type": "xlm-roberta"})
    return len(AutoTokenizer.from_pretrained(directory))


def write_camembert_tokenizer(directory):
    """Write what a fine-tuned camembert-base on the hub has: tokenizer.json and its settings."""
    shutil.copyfile(HERE / "unigram/camembert/tokenizer.json", directory / "tokenizer.json")
    further = {"additional_special_tokens": ["<s>NOTUSED", "</s>NOTUSED"]}
    settings = {"tokenizer_class": "CamembertTokenizer", "model_max_length": 512, "sp_model_kwargs": {}} | further
    write_json(directory / "tokenizer_config.json", settings)
    write_json(directory / "config.json", {"model_type": "camembert"})
    return len(AutoTokenizer.from_pretrained(directory))


def write_distilbert_tokenizer(directory):
    """Write what fine-tuned DistilBERTs on the hub have: vocab.txt and tokenizer_config.json."""
    vocabulary = generate.small_vocabulary()
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    settings = generate.small_tokenizer_config() | {"tokenizer_class": "DistilBertTokenizer"}
    write_json(directory / "tokenizer_config.json", settings)
    return len(vocabulary)


def write_roberta_tokenizer(directory):
    """Write what a fine-tuned distilroberta-base on the hub has: vocab.json, merges.txt, and both again as tokenizer.json."""
    trainer = ByteLevelBPETokenizer()
    corpus = texts.SMALL_ROBERTA + texts.MINI_LONG + ["\n\n  \n\n  a\n\n b"] * 4
    special_tokens = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer.train_from_iterator(corpus, vocab_size=VOCABULARY_SIZE - 1, special_tokens=special_tokens, show_progress=False)
    trainer.save_model(str(directory))
    vocabulary = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    vocabulary["<mask>"] = len(vocabulary)
    (directory / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    mask = {"content": "<mask>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False}
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>"}
    names |= {"cls_token": "<s>"}
    write_json(directory / "special_tokens_map.json", names | {"mask_token": mask})
    # 512 is the window of distilroberta-base. This model has a smaller one, which follows from config.json.
    settings = {"add_prefix_space": False, "errors": "replace", "trim_offsets": True, "model_max_length": 512}
    settings |= names | {"mask_token": "<mask>", "special_tokens_map_file": None, "tokenizer_class": "RobertaTokenizer"}
    write_json(directory / "tokenizer_config.json", {key: settings[key] for key in sorted(settings)})
    write_tokenizer_json(directory)
    return len(vocabulary)


def write_tokenizer_json(directory):
    """Write tokenizer.json as the tokenizers library did when roberta-base was published, with merges as strings."""
    (directory / "tokenizer.json").unlink(missing_ok=True)
    with TemporaryDirectory() as bare:
        for name in ["vocab.json", "merges.txt", "special_tokens_map.json"]:
            (Path(bare) / name).write_bytes((directory / name).read_bytes())
        write_json(Path(bare) / "config.json", {"model_type": "roberta"})
        tokenizer = json.loads(AutoTokenizer.from_pretrained(bare).backend_tokenizer.to_str())
    tokenizer["model"]["merges"] = [" ".join(merge) for merge in tokenizer["model"]["merges"]]
    for token in tokenizer["added_tokens"]:
        token["normalized"] = token["content"] != "<mask>"
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def random_tensor(name, shape, generator):
    if "norm.weight" in name.lower():
        values = 1 + generator.uniform(-0.2, 0.2, shape)
    elif name.endswith("bias"):
        values = generator.uniform(-0.2, 0.2, shape)
    else:
        values = generator.normal(0, {"classifier.weight": 0.15, "classifier.out_proj.weight": 0.7}.get(name, 0.3), shape)
    return torch.from_numpy(values.astype(numpy.float32))


def empty_model(directory):
    return AutoModelForSequenceClassification.from_config(
        AutoConfig.from_pretrained(directory), attn_implementation="eager"
    )


def write_model(directory, config):
    write_json(directory / "config.json", config)
    generator = numpy.random.default_rng(SEED)
    shapes = {name: tensor.shape for name, tensor in empty_model(directory).state_dict().items()}
    weights = {name: random_tensor(name, shapes[name], generator) for name in sorted(shapes)}
    write_weights(directory / "model.safetensors", weights)


@torch.no_grad()
def case(text, tokenizer, model):
    encoding = tokenizer(text, truncation=True, max_length=WINDOW, return_tensors="pt")
    logits = model(input_ids=encoding["input_ids"], attention_mask=encoding["attention_mask"]).logits[0]
    assert logits.dtype == torch.float64
    return {
        "text": text,
        "truncated": len(tokenizer(text, verbose=False)["input_ids"]) > WINDOW,
        "input_ids": encoding["input_ids"][0].tolist(),
        "logits": logits.tolist(),
        "probabilities": torch.softmax(logits, dim=-1).tolist(),
    }


def cases(directory, case_texts):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = empty_model(directory).double().eval()
    stored = load_file(directory / "model.safetensors")
    model.load_state_dict({name: tensor.to(torch.float64) for name, tensor in stored.items()}, strict=True)
    return [case(text, tokenizer, model) for text in case_texts]


def nasty_ids(directory):
    """Return the ids that transformers computes. They must be the same as those of the tokenizers library."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    from_file = Tokenizer.from_file(str(directory / "tokenizer.json"))
    items = [{"text": text, "ids": tokenizer(text, verbose=False)["input_ids"]} for text in texts.NASTY_BYTE_LEVEL]
    assert all(from_file.encode(item["text"]).ids == item["ids"] for item in items)
    return items


def write_cases(path, name, found):
    header = {"model": name, "labels": LABELS[name], "computed_with": COMPUTED_WITH}
    document = {key: json.dumps(value) for key, value in header.items()} | {"cases": one_per_line(found)}
    path.write_text(generate.fields(document) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    for name, write_tokenizer, config, case_texts in [
        ("distilbert", write_distilbert_tokenizer, distilbert_config, texts.SMALL),
        ("roberta", write_roberta_tokenizer, roberta_config, texts.SMALL_ROBERTA),
        ("xlm-roberta", write_xlm_roberta_tokenizer, xlm_roberta_config, texts.SMALL_UNIGRAM),
        ("camembert", write_camembert_tokenizer, camembert_config, texts.SMALL_UNIGRAM),
        ("electra", write_electra_tokenizer, electra_config, texts.SMALL),
    ]:
        (out / name).mkdir(parents=True, exist_ok=True)
        write_model(out / name, config(write_tokenizer(out / name)))
        write_cases(out / f"{name}.json", name, cases(out / name, case_texts))
    nasty = one_per_line(nasty_ids(out / "roberta"))
    (out / "nasty_byte_level.json").write_text(nasty + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
