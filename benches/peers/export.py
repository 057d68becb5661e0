"""Writes a checkpoint in the forms that ONNX Runtime and OpenVINO read, f32 and int8, beside the checkpoint itself."""

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
from transformers import BertForSequenceClassification

from inputs import FUSED, FUSED_INT8, OPENVINO, OPENVINO_INT8, encode, padded, read_sentences


def to_onnx(model, file):
    """The graph as traced, batch and length left open."""
    ids = torch.full((2, 9), 2000)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
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
    """ONNX Runtime's own fusions for BERT: attention, GELU, embeddings, residual with normalisation."""
    fused = optimizer.optimize_model(
        str(source), model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size
    )
    counts = {name: count for name, count in fused.get_fused_operator_statistics().items() if count}
    print(f"fused: {counts}")
    if counts.get("Attention", 0) != config.num_hidden_layers:
        sys.exit("the optimizer did not fuse every layer's attention: the rival would run below its best")
    fused.save_model_to_file(str(file))


def to_dynamic_int8(source, file, reduce_range):
    """Weights as int8 with a scale for each output channel; activations quantised as they come."""
    quantize_dynamic(
        str(source),
        str(file),
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def to_static_int8(model, texts, file):
    """Weights and activations as int8, the activations' ranges found on the calibration sentences."""
    dataset = nncf.Dataset([padded([ids]) for ids in texts])
    quantised = nncf.quantize(model, dataset, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(texts))
    openvino.save_model(quantised, str(file), compress_to_fp16=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="directory of the checkpoint")
    parser.add_argument("--sentences", type=Path, required=True, help="one sentence a line")
    parser.add_argument(
        "--reduce-range",
        action="store_true",
        help="ONNX Runtime's weights in 7 bits: what its documentation advises for CPUs without VNNI",
    )
    args = parser.parse_args()

    _, calibration = read_sentences(args.sentences)
    # Attention written out: of the graph that PyTorch's fused attention leaves, the optimizer recognises nothing.
    model = BertForSequenceClassification.from_pretrained(args.dir, attn_implementation="eager").eval()
    with tempfile.TemporaryDirectory(dir=args.dir) as scratch:
        traced = Path(scratch) / "traced.onnx"
        to_onnx(model, traced)
        to_fused(traced, model.config, args.dir / FUSED)
        to_dynamic_int8(args.dir / FUSED, args.dir / FUSED_INT8, args.reduce_range)
        converted = openvino.convert_model(str(traced))
        openvino.save_model(converted, str(args.dir / OPENVINO), compress_to_fp16=False)
        to_static_int8(converted, encode(args.dir, calibration), args.dir / OPENVINO_INT8)
    for file in sorted(args.dir.iterdir()):
        print(f"{file.name}  {file.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
