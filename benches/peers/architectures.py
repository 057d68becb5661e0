"""Compare finsent with ONNX Runtime and OpenVINO on random models of other architectures, one after the other.

For each model, writes a checkpoint with random weights, exports it, and runs compare.py. Existing checkpoints and exports
are used again. Prints the tables of compare.py under a heading for each model.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, DebertaV2Config, ModernBertConfig, RobertaConfig

from inputs import FUSED, FUSED_INT8, OPENVINO, OPENVINO_INT8, WINDOW

HERE = Path(__file__).resolve().parent
LABELS = ["positive", "negative", "neutral"]
EXPORTS = [FUSED, FUSED_INT8, OPENVINO, OPENVINO_INT8]
TOKENS = 8000
"""Tokens of the tokenizers, which are trained on the sentences. The tables have as many rows as those of published models."""
TINY = {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128}


def roberta_large(sizes):
    sizes = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096} | sizes
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    return RobertaConfig(
        vocab_size=50265, max_position_embeddings=WINDOW + 2, type_vocab_size=1, layer_norm_eps=1e-5, **ids, **sizes
    )


def deberta_v3_base(sizes):
    sizes = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072} | sizes
    return DebertaV2Config(
        **({"vocab_size": 128100} | sizes),
        max_position_embeddings=WINDOW,
        type_vocab_size=0,
        layer_norm_eps=1e-7,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        max_relative_positions=-1,
        position_biased_input=False,
        pooler_hidden_act="gelu",
        pooler_dropout=0,
    )


def modernbert_base(sizes):
    ids = {"pad_token_id": 3, "bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
    return ModernBertConfig(**ids, **sizes)


MODELS = {"roberta-large": roberta_large, "deberta-v3-base": deberta_v3_base, "modernbert-base": modernbert_base}
# The tokens of start, padding, end, unknown and mask, in the order of their ids.
SPECIAL = {
    "roberta-large": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    "deberta-v3-base": ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"],
    "modernbert-base": ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"],
}


def named(special, word):
    """Return the special token whose name has this word."""
    return next(token for token in special if word in token.lower())


def train_tokenizer(name, sentences):
    """Train a tokenizer of the model's kind: unigram for DeBERTa, byte-level BPE for the others."""
    special = SPECIAL[name]
    if name == "deberta-v3-base":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=TOKENS, special_tokens=special, unk_token=named(special, "unk"), show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=TOKENS,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    tokenizer.train_from_iterator(sentences, trainer)
    start, end = (("<s>", "</s>") if name == "roberta-large" else ("[CLS]", "[SEP]"))
    ids = [(token, tokenizer.token_to_id(token)) for token in (start, end)]
    if name == "roberta-large":
        tokenizer.post_processor = processors.RobertaProcessing(ids[1], ids[0], add_prefix_space=False)
    else:
        pair = f"{start} $A {end} $B:1 {end}:1"
        tokenizer.post_processor = processors.TemplateProcessing(f"{start} $A {end}", pair=pair, special_tokens=ids)
    return tokenizer


def write_tokenizer(name, sentences, directory):
    special = SPECIAL[name]
    tokenizer = train_tokenizer(name, sentences)
    tokenizer.save(str(directory / "tokenizer.json"))
    # With a class of its own, a tokenizer would be changed when it is loaded.
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": WINDOW}
    settings |= {f"{word}_token": named(special, word) for word in ["pad", "unk", "mask"]}
    start, end = ("<s>", "</s>") if name == "roberta-large" else ("[CLS]", "[SEP]")
    settings |= {"bos_token": start, "cls_token": start, "eos_token": end, "sep_token": end}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


@torch.no_grad()
def write_checkpoint(name, sentences, directory, tiny, seed):
    """Write a checkpoint whose labels and margins vary: by default every text would get the same label."""
    torch.manual_seed(seed)
    config = MODELS[name](TINY if tiny else {})
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: index for index, label in enumerate(LABELS)}
    config.problem_type = "single_label_classification"
    model = AutoModelForSequenceClassification.from_config(config).eval()
    head = getattr(model.classifier, "out_proj", model.classifier)
    torch.nn.init.normal_(head.weight, std=1.0)
    texts = torch.randint(5, TOKENS // 2, (16, 32))
    head.bias.copy_(-model(input_ids=texts, attention_mask=torch.ones_like(texts)).logits.mean(dim=0))
    directory.mkdir(parents=True, exist_ok=True)
    write_tokenizer(name, sentences, directory)
    model.save_pretrained(directory)


def run(*command):
    subprocess.run([sys.executable, *map(str, command)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog="Further arguments go to compare.py.")
    parser.add_argument("dir", type=Path, help="a folder for the checkpoints and exports: about 8 GB")
    parser.add_argument("--sentences", type=Path, required=True, help="a file with one sentence per line")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--tiny", action="store_true", help="two small layers, to try the script")
    parser.add_argument("--reduce-range", action="store_true", help="as in export.py")
    parser.add_argument("--seed", type=int, default=0)
    args, further = parser.parse_known_args()

    sentences = args.sentences.read_text(encoding="utf-8").split("\n")
    for name in args.models:
        directory = args.dir / (f"{name}-tiny" if args.tiny else name)
        if not (directory / "model.safetensors").exists():
            write_checkpoint(name, sentences, directory, args.tiny, args.seed)
        if not all((directory / export).exists() for export in EXPORTS):
            reduced = ["--reduce-range"] if args.reduce_range else []
            run(HERE / "export.py", directory, "--sentences", args.sentences, *reduced)
        print(f"\n## {directory.name}\n", flush=True)
        run(HERE / "compare.py", directory, "--sentences", args.sentences, *further)


if __name__ == "__main__":
    main()
