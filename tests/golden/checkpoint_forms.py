"""Write checkpoint_forms.json: what transformers predicts for odd but legal forms of the model `small`.

A form is a list of edits to config.json and to the tensors of f32.safetensors. README.md describes the output.
"""

import copy
import json
import os
import platform
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer  # noqa: E402

HERE = Path(__file__).resolve().parent
SMALL = HERE / "small"
TEXTS = ["profit rose", "net loss of the group", "shares fell 12 % , the company said"]

IDS = {"0": "positive", "1": "negative", "2": "neutral"}
BACK = {label: int(index) for index, label in IDS.items()}
LAYER = "bert.encoder.layer.0."


def config(**fields):
    return [["set", name, value] for name, value in fields.items()]


def without(*fields):
    return [["remove", name] for name in fields]


def labels(count):
    names = {str(index): f"LABEL_{index}" for index in range(count)}
    return config(id2label=names, label2id={name: int(index) for index, name in names.items()})


def head(count):
    return labels(count) + [["resize", "classifier.weight", count], ["resize", "classifier.bias", count]]


FORMS = {
    "as it is": [],
    # Labels.
    "no labels": without("id2label", "label2id"),
    "only id2label": without("label2id"),
    "only label2id": without("id2label"),
    "label2id in another order": config(label2id={"neutral": 0, "negative": 1, "positive": 2}),
    "label2id of strings": config(label2id={label: str(index) for label, index in BACK.items()}),
    "id2label in another order": config(id2label={"2": "neutral", "0": "positive", "1": "negative"}),
    "id2label with spaces": config(id2label={" 0": "positive", "1 ": "negative", "2": "neutral"}),
    "id2label of numbers": config(id2label={"0": 1, "1": -1, "2": 0}),
    "id2label of fractions": config(id2label={"0": 1.0, "1": -1.5, "2": 0.0}),
    "id2label of booleans": config(id2label={"0": True, "1": False, "2": "neutral"}),
    "id2label of null": config(id2label={"0": None, "1": "negative", "2": "neutral"}),
    "id2label twice the same": config(id2label={"0": "a", "1": "a", "2": "b"}),
    "id2label empty names": config(id2label={"0": "", "1": "negative", "2": "neutral"}),
    "id2label as a list": config(id2label=["positive", "negative", "neutral"]),
    "id2label from one": config(id2label={"1": "positive", "2": "negative", "3": "neutral"}),
    "id2label too short": config(id2label={"0": "positive", "1": "negative"}),
    "id2label too long": config(id2label={**IDS, "3": "mixed"}),
    "id2label empty": config(id2label={}, label2id={}),
    "num_labels beside id2label": config(num_labels=3),
    "num_labels alone": without("id2label", "label2id") + config(num_labels=3),
    "num_labels of another": config(num_labels=2),
    "_num_labels": config(_num_labels=3),
    "upper case": config(id2label={"0": "POSITIVE", "1": "NEGATIVE", "2": "NEUTRAL"}),
    "bullish": config(id2label={"0": "Bullish", "1": "Bearish", "2": "Neutral"}),
    "LABEL_n": labels(3),
    "not ASCII": config(id2label={"0": "positiv \N{CHART WITH UPWARDS TREND}", "1": "négatif", "2": "中性"}),
    # Heads.
    "one label": head(1),
    "one label, multi": head(1) + config(problem_type="multi_label_classification"),
    "one label, regression": head(1) + config(problem_type="regression"),
    "one label, no type": head(1) + without("problem_type"),
    "one label, null type": head(1) + config(problem_type=None),
    "two labels": head(2),
    "two labels, no type": head(2) + without("problem_type"),
    "five labels": head(5),
    "three, multi": config(problem_type="multi_label_classification"),
    "three, regression": config(problem_type="regression"),
    "three, no type": without("problem_type"),
    "three, null type": config(problem_type=None),
    "a type that is none": config(problem_type="ranking"),
    # Fields of the architecture.
    "no architectures": without("architectures"),
    "another head's name": config(architectures=["BertModel"]),
    "two architectures": config(architectures=["BertForSequenceClassification", "BertForMaskedLM"]),
    "no model_type": without("model_type"),
    "model_type in upper case": config(model_type="BERT"),
    "epsilon 1e-5": config(layer_norm_eps=1e-5),
    "epsilon 0.1": config(layer_norm_eps=0.1),
    "epsilon as a string": config(layer_norm_eps="1e-12"),
    "no epsilon": without("layer_norm_eps"),
    "no activation": without("hidden_act"),
    "activation gelu_python": config(hidden_act="gelu_python"),
    "activation gelu_new": config(hidden_act="gelu_new"),
    "activation gelu_fast": config(hidden_act="gelu_fast"),
    "activation gelu_pytorch_tanh": config(hidden_act="gelu_pytorch_tanh"),
    "activation quick_gelu": config(hidden_act="quick_gelu"),
    "activation relu": config(hidden_act="relu"),
    "activation silu": config(hidden_act="silu"),
    "activation swish": config(hidden_act="swish"),
    "activation tanh": config(hidden_act="tanh"),
    "activation null": config(hidden_act=None),
    "no positions' type": without("position_embedding_type"),
    "relative positions": config(position_embedding_type="relative_key"),
    "relative positions, both": config(position_embedding_type="relative_key_query"),
    "decoder": config(is_decoder=True),
    "decoder false": config(is_decoder=False, add_cross_attention=False),
    "cross attention": config(add_cross_attention=True),
    "encoder-decoder": config(is_encoder_decoder=True),
    "chunked": config(chunk_size_feed_forward=2),
    "pruned heads": config(pruned_heads={"0": [1]}),
    "no pruned heads": config(pruned_heads={}),
    "two heads": config(num_attention_heads=2),
    "32 heads": config(num_attention_heads=32),
    "heads that do not divide": config(num_attention_heads=5),
    "no heads": without("num_attention_heads"),
    "one layer": config(num_hidden_layers=1),
    "no layers": config(num_hidden_layers=0),
    "more layers than there are": config(num_hidden_layers=3),
    "sizes as fractions": config(hidden_size=32.0, num_hidden_layers=2.0),
    "sizes as strings": config(hidden_size="32"),
    "no pad token": without("pad_token_id"),
    "null pad token": config(pad_token_id=None),
    "pad token 5": config(pad_token_id=5),
    "dropout null": config(hidden_dropout_prob=0.0, classifier_dropout=None),
    "classifier dropout": config(classifier_dropout=0.5),
    "no training fields": without(
        "attention_probs_dropout_prob", "hidden_dropout_prob", "initializer_range", "architectures"
    ),
    "torch_dtype half": config(torch_dtype="float16"),
    "dtype bfloat16": config(dtype="bfloat16"),
    "fields of old versions": config(
        finetuning_task=None, output_past=True, torchscript=False, gradient_checkpointing=False, use_bfloat16=False
    ),
    "fields of outputs": config(output_attentions=True, output_hidden_states=True, return_dict=False),
    "fields of generation": config(top_k=50, do_sample=False, bos_token_id=None, num_beams=1, temperature=1.0),
    "fields of others": config(
        _name_or_path="C:\\models\\x", transformers_version="2.3.0", adapters={"x": 1}, custom=[1, {"a": None}]
    ),
    "task parameters": config(task_specific_params={"text-classification": {"top_k": 1}}),
    "larger vocabulary": config(vocab_size=200),
    "smaller vocabulary": config(vocab_size=60),
    "larger window": config(max_position_embeddings=512),
    "smaller window": config(max_position_embeddings=16),
    "one type of token": config(type_vocab_size=1),
    "tied": config(tie_word_embeddings=True),
    # Tensors.
    "prefix module": [["prefix", "", "module."]],
    "prefix _orig_mod": [["prefix", "", "_orig_mod."]],
    "both prefixes": [["prefix", "", "module._orig_mod."]],
    "prefix model": [["prefix", "", "model."]],
    "no prefix": [["prefix", "bert.", ""]],
    "gamma and beta": [["rename", "LayerNorm.weight", "LayerNorm.gamma"], ["rename", "LayerNorm.bias", "LayerNorm.beta"]],
    "position_ids": [["add", "bert.embeddings.position_ids", [1, 48]]],
    "no pooler": [["drop", "bert.pooler.dense.weight"], ["drop", "bert.pooler.dense.bias"]],
    "no classifier": [["drop", "classifier.weight"], ["drop", "classifier.bias"]],
    "no bias of the classifier": [["drop", "classifier.bias"]],
    "no bias of a layer": [["drop", LAYER + "output.dense.bias"]],
    "no layer norm": [["drop", LAYER + "output.LayerNorm.weight"]],
    "head of a language model": [["add", "cls.predictions.bias", [110]], ["add", "cls.seq_relationship.weight", [2, 32]]],
    "a second head": [["add", "classifier2.weight", [2, 32]]],
    "a third layer": [["add", "bert.encoder.layer.2.output.dense.bias", [32]]],
    "longer vocabulary": config(vocab_size=128) + [["resize", "bert.embeddings.word_embeddings.weight", 128]],
    "longer vocabulary, old size": [["resize", "bert.embeddings.word_embeddings.weight", 128]],
    "longer positions": config(max_position_embeddings=64)
    + [["resize", "bert.embeddings.position_embeddings.weight", 64]],
    "one type of token, with its tensor": config(type_vocab_size=1)
    + [["resize", "bert.embeddings.token_type_embeddings.weight", 1]],
    "wide classifier": [["resize", "classifier.weight", 4], ["resize", "classifier.bias", 4]],
    "half": [["cast", "", "F16"]],
    "bfloat16": [["cast", "", "BF16"]],
    "double": [["cast", "", "F64"]],
    "half classifier": [["cast", "classifier", "F16"]],
    "mixed": [["cast", "encoder", "BF16"], ["cast", "embeddings", "F16"]],
    "double classifier": [["cast", "classifier", "F64"]],
}

DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}


def apply(edits, fields, tensors):
    for edit in edits:
        match edit:
            case ["set", name, value]:
                fields[name] = value
            case ["remove", name]:
                fields.pop(name, None)
            case ["prefix", old, new]:
                for name in [name for name in tensors if name.startswith(old)]:
                    tensors[new + name.removeprefix(old)] = tensors.pop(name)
            case ["rename", old, new]:
                for name in [name for name in tensors if old in name]:
                    tensors[name.replace(old, new)] = tensors.pop(name)
            case ["drop", name]:
                del tensors[name]
            case ["add", name, shape]:
                tensors[name] = torch.zeros(shape)
            case ["resize", name, rows]:
                old = tensors[name]
                new = torch.zeros([rows, *old.shape[1:]])
                new[: min(rows, old.shape[0])] = old[:rows]
                tensors[name] = new
            case ["cast", part, dtype]:
                for name in [name for name in tensors if part in name]:
                    tensors[name] = tensors[name].to(DTYPES[dtype])
            case _:
                raise ValueError(edit)


def predict(directory):
    """The scores of each text by their label, as transformers' pipeline for text classification applies them."""
    settings = AutoConfig.from_pretrained(directory)
    # Modules whose weights are missing would get random ones, and none are to be made up here.
    model, report = AutoModelForSequenceClassification.from_pretrained(
        directory, output_loading_info=True, dtype=torch.float32, attn_implementation="eager"
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(f"random weights for {missing}")
    model = model.double().eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    predictions = []
    for text in TEXTS:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=48)
        with torch.no_grad():
            output = model(**tokens)
        logits = (output[0] if isinstance(output, tuple) else output.logits)[0]
        if settings.problem_type == "regression":
            scores = logits
        elif settings.problem_type == "multi_label_classification" or settings.num_labels == 1:
            scores = torch.sigmoid(logits)
        else:
            scores = torch.softmax(logits, dim=-1)
        predictions.append([score.item() for score in scores])
    return predictions


def main():
    base, forms = load_file(SMALL / "f32.safetensors"), []
    for name, edits in FORMS.items():
        fields = json.loads((SMALL / "config.json").read_text())
        tensors = {name: tensor.clone() for name, tensor in base.items()}
        apply(copy.deepcopy(edits), fields, tensors)
        form = {"name": name, "edits": edits}
        with tempfile.TemporaryDirectory() as directory:
            for file in ["vocab.txt", "tokenizer_config.json"]:
                shutil.copy(SMALL / file, directory)
            Path(directory, "config.json").write_text(json.dumps(fields))
            save_file(tensors, Path(directory, "model.safetensors"), {"format": "pt"})
            try:
                form["scores"] = predict(directory)
            except Exception as error:  # Whatever it is, transformers does not load the model.
                form["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:160].replace(directory, "DIR")
        forms.append(form)
        print(f"{name:36} {form.get('error', 'ok')}")
    computed = {name: version(name) for name in ["torch", "transformers", "tokenizers", "safetensors"]}
    output = {"computed_with": {"python": platform.python_version(), **computed}, "texts": TEXTS, "forms": forms}
    lines = ",\n".join(json.dumps(form, ensure_ascii=False) for form in forms)
    rest = json.dumps({**output, "forms": "@"}, ensure_ascii=False, indent=1)
    (HERE / "checkpoint_forms.json").write_text(rest.replace('"@"', f"[\n{lines}\n]") + "\n")


main()
