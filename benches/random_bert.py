"""Write a BERT classifier of random weights whose labels vary and whose probabilities look like a trained classifier's.

All matrices and embeddings are normal with one standard deviation. The head is fitted to the texts of files, of which
finsent computes the features: as a trained one would, it reads the two directions in which they differ most. It is scaled
and shifted until the labels have the given shares and the largest probability the given mean. Needs numpy, safetensors and
finsent.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy
from agreement import classify, read_texts
from safetensors.numpy import save_file

LABELS = ["positive", "negative", "neutral"]
REPOSITORY = Path(__file__).resolve().parents[1]
WINDOW = 512


def weights(rng, vocabulary, hidden, layers, std):
    """Return the tensors, with a head that has a label for each feature of the pooler."""
    tensors = {}

    def normal(name, *shape):
        tensors[name] = rng.normal(0, std, shape).astype(numpy.float32)

    def linear(name, outputs, inputs):
        normal(f"{name}.weight", outputs, inputs)
        normal(f"{name}.bias", outputs)

    def norm(name):
        tensors[f"{name}.weight"] = rng.normal(1, 0.1, hidden).astype(numpy.float32)
        normal(f"{name}.bias", hidden)

    for table, rows in [("word", vocabulary), ("position", WINDOW), ("token_type", 2)]:
        normal(f"bert.embeddings.{table}_embeddings.weight", rows, hidden)
    norm("bert.embeddings.LayerNorm")
    for layer in range(layers):
        at = f"bert.encoder.layer.{layer}."
        for module in ["self.query", "self.key", "self.value", "output.dense"]:
            linear(f"{at}attention.{module}", hidden, hidden)
        linear(f"{at}intermediate.dense", 4 * hidden, hidden)
        linear(f"{at}output.dense", hidden, 4 * hidden)
        norm(f"{at}attention.output.LayerNorm")
        norm(f"{at}output.LayerNorm")
    linear("bert.pooler.dense", hidden, hidden)
    tensors["classifier.weight"] = numpy.eye(hidden, dtype=numpy.float32)
    tensors["classifier.bias"] = numpy.zeros(hidden, numpy.float32)
    return tensors


def spread_head(features):
    """Return rows for the labels, which are as far as possible from each other in the plane of the largest differences."""
    plane = numpy.linalg.svd(features - features.mean(axis=0), full_matrices=False)[2][:2]
    angles = numpy.arange(len(LABELS)) * 2 * numpy.pi / len(LABELS)
    return numpy.stack([numpy.cos(angles), numpy.sin(angles)], axis=1) @ plane


def fit_head(logits, shares, confidence):
    """Return the scale and the biases with which these logits get labels in `shares`, and a mean largest probability."""
    centred = logits - logits.mean(axis=0)

    def biases(scale):
        bias = numpy.zeros(len(shares))
        for step in range(2000):
            found = numpy.bincount((scale * centred + bias).argmax(axis=1), minlength=len(shares)) / len(logits)
            bias += scale * centred.std() * 0.5 / (1 + step / 50) * (shares - found)
        return bias

    def mean_largest(scale):
        scores = scale * centred + biases(scale)
        powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        return (1 / powers.sum(axis=1)).mean()

    low, high = 1e-3, 1e4
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if mean_largest(middle) < confidence else (low, middle)
    return low, biases(low) - low * logits.mean(axis=0)


def write(directory, tensors, config, labels):
    config = config | {"id2label": dict(enumerate(labels))}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory to write the checkpoint to")
    parser.add_argument("texts", type=Path, nargs="+", help="files of JSON lines with a field `text`")
    parser.add_argument("--finsent", default="target/release/finsent")
    parser.add_argument("--every", type=int, default=80, help="fit the head to every N-th text")
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--std", type=float, default=0.04)
    parser.add_argument("--shares", type=float, nargs=3, default=[0.2, 0.3, 0.5])
    parser.add_argument("--confidence", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    source = REPOSITORY / "models" / "mini"
    vocabulary = len((source / "vocab.txt").read_text(encoding="utf-8").splitlines())
    args.dir.mkdir(parents=True, exist_ok=True)
    for name in ["vocab.txt", "tokenizer_config.json", "special_tokens_map.json"]:
        shutil.copyfile(source / name, args.dir / name)
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": args.hidden,
        "num_hidden_layers": args.layers,
        "num_attention_heads": args.hidden // 64,
        "intermediate_size": 4 * args.hidden,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": WINDOW,
        "type_vocab_size": 2,
        "vocab_size": vocabulary,
        "pad_token_id": 0,
        "problem_type": "single_label_classification",
    }
    tensors = weights(numpy.random.default_rng(args.seed), vocabulary, args.hidden, args.layers, args.std)
    write(args.dir, tensors, config, [f"feature {index}" for index in range(args.hidden)])
    # Logarithms of the probabilities are the features, but for a number that is the same for all of a text.
    features = numpy.log(classify(args.finsent, args.dir, read_texts(args.texts, args.every), "f32"))
    head = spread_head(features - features.mean(axis=1, keepdims=True))
    scale, bias = fit_head(features @ head.T, numpy.array(args.shares), args.confidence)
    tensors["classifier.weight"] = (scale * head).astype(numpy.float32)
    tensors["classifier.bias"] = bias.astype(numpy.float32)
    write(args.dir, tensors, config, LABELS)
    print(f"{args.dir}: {sum(file.stat().st_size for file in args.dir.iterdir()) / 1e6:.0f} MB, head times {scale:.1f}")


if __name__ == "__main__":
    main()
