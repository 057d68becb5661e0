"""Write a classifier with FinBERT's shape and labels and random weights, so that nothing needs to be downloaded."""

import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

CLS, SEP = 101, 102
LABELS = ["positive", "negative", "neutral"]
REPOSITORY = Path(__file__).resolve().parents[2]


def build(vocabulary_size, seed):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary_size,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        problem_type="single_label_classification",
    )
    model = BertForSequenceClassification(config).eval()
    spread_labels(model)
    return model


@torch.no_grad()
def spread_labels(model):
    """Initialize the head so that labels and margins vary. By default every text would get the same label."""
    torch.nn.init.normal_(model.classifier.weight, std=1.0)
    torch.nn.init.zeros_(model.classifier.bias)
    texts = torch.randint(1000, model.config.vocab_size, (64, 32))
    texts[:, 0], texts[:, -1] = CLS, SEP
    model.classifier.bias.copy_(-model(texts).logits.mean(dim=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory to write the checkpoint to")
    parser.add_argument("--vocab", type=Path, default=REPOSITORY / "models" / "mini" / "vocab.txt")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    words = args.vocab.read_text(encoding="utf-8").splitlines()
    args.dir.mkdir(parents=True, exist_ok=True)
    build(len(words), args.seed).save_pretrained(args.dir)
    shutil.copyfile(args.vocab, args.dir / "vocab.txt")
    settings = {"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": 512}
    (args.dir / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    print(f"{args.dir}: {sum(file.stat().st_size for file in args.dir.iterdir()) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
