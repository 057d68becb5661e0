"""Export a checkpoint for ONNX Runtime and OpenVINO, in f32 and int8, into the folder of the checkpoint."""

import argparse
import sys
import tempfile
from pathlib import Path

import nncf
import onnx
import openvino
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoModelForSequenceClassification

from inputs import FUSED, FUSED_INT8, OPENVINO, OPENVINO_INT8, encode, input_names, padded, read_sentences

# The architectures whose attention ONNX Runtime's optimizer knows. Of the others it fuses the rest.
FUSIBLE = {"bert", "roberta"}


def to_onnx(model, file):
    """Trace the model into an ONNX graph with dynamic batch size and length."""
    ids = torch.full((2, 9), min(2000, model.config.vocab_size - 1))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    inputs = {name: inputs[name] for name in input_names(model)}
    axes = {0: "batch", 1: "length"}
    torch.onnx.export(
        model,
        kwargs=inputs,
        f=str(file),
        input_names=list(inputs),
        output_names=["logits"],
        dynamic_axes={name: axes for name in inputs},
        opset_version=17,
        dynamo=False,
    )


def to_fused(source, config, file):
    """Apply ONNX Runtime's fusions for BERT: attention, GELU, embeddings, residual with layer normalization."""
    fused = optimizer.optimize_model(
        str(source), model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size
    )
    counts = {name: count for name, count in fused.get_fused_operator_statistics().items() if count}
    print(f"fused: {counts}")
    if config.model_type in FUSIBLE and counts.get("Attention", 0) != config.num_hidden_layers:
        sys.exit("the optimizer did not fuse the attention of every layer, so ONNX Runtime would not run at its best")
    fused.save_model_to_file(str(file))


def to_dynamic_int8(source, file, reduce_range):
    """Quantize weights to int8 with one scale per output channel. Activations are quantized at run time."""
    quantize_dynamic(
        str(source),
        str(file),
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def to_static_int8(model, texts, names, file):
    """Quantize weights and activations to int8. The ranges of the activations come from the calibration sentences."""
    batches = [padded([ids]) for ids in texts]
    dataset = nncf.Dataset([{name: batch[name] for name in names} for batch in batches])
    quantized = nncf.quantize(model, dataset, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(texts))
    openvino.save_model(quantized, str(file), compress_to_fp16=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint")
    parser.add_argument("--sentences", type=Path, required=True, help="a file with one sentence per line")
    parser.add_argument(
        "--reduce-range",
        action="store_true",
        help="limit ONNX Runtime's int8 weights to 7 bits, as its documentation advises for CPUs without VNNI",
    )
    args = parser.parse_args()

    _, calibration = read_sentences(args.sentences)
    # Eager attention, because the optimizer does not recognize the graph of PyTorch's fused attention.
    model = AutoModelForSequenceClassification.from_pretrained(args.dir, attn_implementation="eager").eval()
    with tempfile.TemporaryDirectory(dir=args.dir) as scratch:
        traced = Path(scratch) / "traced.onnx"
        to_onnx(model, traced)
        to_fused(traced, model.config, args.dir / FUSED)
        to_dynamic_int8(args.dir / FUSED, args.dir / FUSED_INT8, args.reduce_range)
        converted = openvino.convert_model(str(traced))
        openvino.save_model(converted, str(args.dir / OPENVINO), compress_to_fp16=False)
        to_static_int8(converted, encode(args.dir, calibration), input_names(model), args.dir / OPENVINO_INT8)
    for file in sorted(args.dir.iterdir()):
        print(f"{file.name}  {file.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
