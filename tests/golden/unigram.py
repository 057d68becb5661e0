"""Write the golden files of unigram tokenizers: unigram/ and unigram.json. README.md describes them.

Each kind of tokenizer has a small sentencepiece model that is trained on the texts here, and the tokenizer.json that
transformers makes of it. unigram.json has ids by transformers for model directories with these files and with settings
that disagree with each other.

With --texts, the same is done once with large models and sentencepiece's own normalization: they are trained on these
texts, and written to --out with the ids of the texts. The ignored tests read that folder.
"""

import argparse
import copy
import io
import json
import os
import platform
import random
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
os.environ["HF_HUB_OFFLINE"] = "1"

import sentencepiece  # noqa: E402
from transformers import AutoConfig, AutoTokenizer  # noqa: E402

import texts  # noqa: E402
from tokenizer_fields import HERE, added, compact, hash_of, ids, pick, special, truncation  # noqa: E402

SEED = 24
POSITIONS = 300
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"

# Code points that are replaced before a text is split, as nmt_nfkc of sentencepiece does for thousands.
REPLACED = {
    "\t": " ", "\n": " ", "\r": " ", "\x0b": " ", "\x0c": " ", "\x85": " ", "\xa0": " ", "\u200b": " ", "\u2028": " ",
    "\u3000": " ", "\ufeff": " ", "\x01": "", "\x08": "", "\x1b": "", "\x7f": "", "\xad": "", "\u200d": "", "\u200e": "",
    "\u2026": "...", "\u2122": "TM", "\ufb01": "fi", "\xbd": "1\u20442", "\u2160": "I", "\u2126": "\u03a9", "\u212b": "\xc5",
    "\uff11": "1", "\uff12": "2", "\uff05": "%", "\uff21": "A", "\uff42": "b", "\uff0c": ",", "\uff76": "\u30ab",
    "e\u0301": "\xe9", "A\u030a": "\xc5", "o\u0308": "\xf6", "\u1112\u1161": "\ud558", "\u304b\u3099": "\u304c",
}  # fmt: skip

TRAINED_ON = texts.SMALL_ROBERTA + texts.MINI_LONG + ["日本銀行は金利を引き上げ", "股价上涨债务下降", "삼성전자 이익 증가"]
TEXTS = texts.NASTY_BYTE_LEVEL + [
    f"{SPACE}profit {SPACE} loss{SPACE}",
    f"a{SPACE}{SPACE}b",
    "``quoted'' and '' `` again",
    "<ticker> x<ticker>y <TICKER> <ctl>loss<ctl>",
    "<s>NOTUSED text</s>NOTUSED<unk>NOTUSED",
    "[CLS]<s>[SEP]</s>[UNK]<unk>[PAD]<pad>[MASK]<mask>",
    "日本銀行は金利を引き上げ" * 30,
    "[MASK]  profit  [MASK] rose",
    "<0x41> <0xE2><0x82>",
]

# The class, its model_type, the name of its model, and how the model is trained.
KINDS = {
    "xlm-roberta": ("XLMRobertaTokenizer", "sentencepiece.bpe.model", {"user_defined_symbols": ["<ticker>"]}),
    "camembert": ("CamembertTokenizer", "sentencepiece.bpe.model", {"control_symbols": ["<ctl>"]}),
    "deberta-v2": (
        "DebertaV2Tokenizer",
        "spm.model",
        {
            "pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]",
            "eos_piece": "[SEP]", "unk_piece": "[UNK]", "user_defined_symbols": ["[MASK]"],
        },
    ),
    "albert": (
        "AlbertTokenizer",
        "spiece.model",
        {
            "pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": ["[CLS]", "[SEP]"],
            "user_defined_symbols": ["[MASK]"], "byte_fallback": True,
        },
    ),
}  # fmt: skip


def rules():
    """Return REPLACED in the format of sentencepiece."""
    points = lambda text: " ".join(f"{ord(character):X}" for character in text)  # noqa: E731
    return "".join(f"{points(old)}\t{points(new)}\n" for old, new in REPLACED.items())


def train(sentences, size, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    return model.getvalue()


def write_kind(directory, name, model):
    """Write the model of a tokenizer, the tokenizer.json that transformers makes of it, and a config.json."""
    class_, file, _ = KINDS[name]
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / file).write_bytes(model)
    (directory / "config.json").write_text(compact({"model_type": name}), encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(directory)
    assert type(tokenizer).__name__ == class_
    stored = json.loads(tokenizer.backend_tokenizer.to_str())
    (directory / "tokenizer.json").write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
    config = {"model_type": name, "vocab_size": len(tokenizer) + 4, "max_position_embeddings": POSITIONS}
    config |= {"pad_token_id": 1} if name in ("xlm-roberta", "camembert") else {}
    (directory / "config.json").write_text(compact(config) + "\n", encoding="utf-8")


def write_kinds(out):
    tsv = Path(tempfile.mkdtemp()) / "rules.tsv"
    tsv.write_text(rules(), encoding="utf-8")
    for name, (_, _, options) in KINDS.items():
        size = 320 + 256 * options.get("byte_fallback", False)
        write_kind(out / name, name, train(TRAINED_ON * 3, size, normalization_rule_tsv=str(tsv), **options))
    shutil.rmtree(tsv.parent)


# Fields of tokenizer_config.json, of all classes.
CONFIG = {
    "tokenizer_class": [kind[0] for kind in KINDS.values()] + ["XLMRobertaTokenizerFast", "PreTrainedTokenizerFast"],
    "add_prefix_space": [True, False],
    "do_lower_case": [True, False],
    "keep_accents": [True, False],
    "split_by_punct": [True, False],
    "remove_space": [False],
    "sp_model_kwargs": [{}, {"enable_sampling": True}],
    "vocab_type": ["spm"],
    "unk_id": [0, 5],
    "add_bos_token": [True, False],
    "add_eos_token": [True],
    "model_max_length": [16, 1e30],
    "truncation_side": ["left"],
    "additional_special_tokens": [["profit"], ["<s>NOTUSED", "</s>NOTUSED"], []],
    "extra_special_tokens": [["profit"], [], {"ticker_token": "<ticker>"}],
    "mask_token": ["<mask>", "[MASK]", special("<mask>", lstrip=True), dict(special("[MASK]"), __type="AddedToken")],
    "unk_token": ["<unk>", "[UNK]"],
    "cls_token": ["<s>", "[CLS]", "</s>"],
    "sep_token": ["</s>", "[SEP]"],
    "bos_token": ["<s>", "[CLS]", None],
    "eos_token": ["</s>", "<pad>"],
    "split_special_tokens": [True],
    "added_tokens_decoder": [{"4": special("profit")}, {"2": special("</s>", rstrip=True)}],
}
MAP = {
    "mask_token": [special("<mask>", lstrip=True), "<mask>", special("[MASK]", lstrip=True)],
    "additional_special_tokens": [["profit"], ["<s>NOTUSED", "</s>NOTUSED"]],
    "extra_special_tokens": [["profit"]],
    "do_lower_case": [True],
    "unk_token": ["<unk>", "[UNK]"],
}
STORED = [
    lambda stored: stored.update(normalizer=None),
    lambda stored: stored.update(normalizer={"type": "Lowercase"}),
    lambda stored: stored.update(normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, stored["normalizer"]]}),
    lambda stored: stored.update(pre_tokenizer={"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first"}),
    lambda stored: stored.update(post_processor=None),
    lambda stored: stored.update(
        post_processor={"type": "BertProcessing", "sep": ["y", 5], "cls": ["x", 4]},
    ),
    lambda stored: stored.update(truncation=truncation("Left")),
    lambda stored: stored["added_tokens"].append(added("<new>", len(stored["model"]["vocab"]))),
    lambda stored: stored.update(added_tokens=[]),
    lambda stored: stored["model"].update(unk_id=4),
    lambda stored: stored["model"].pop("type"),
    lambda stored: stored["model"].update(byte_fallback=True),
]


def charsmap(sources):
    return sources["xlm-roberta"]["normalizer"]["precompiled_charsmap"]


def abridged(name, stored):
    """Return a tokenizer.json without what all have in common: the pieces and the table of the normalizer."""
    stored["model"]["vocab"] = f"@{name}"
    return re.sub('(?<="precompiled_charsmap":)"[^"]*"', '"@charsmap"', compact(stored))


def case(random_, name, sources):
    _, file, _ = KINDS[name]
    files, form = {}, random_.choice(["model", "model", "json", "json", "both"])
    if form != "json":
        files[file] = f"@{name}/{file}"
    if form != "model":
        stored = copy.deepcopy(sources[name])
        for change in random_.sample(STORED, random_.choice([0, 0, 1, 1, 2])):
            # A change of a part that another one has removed.
            try:
                change(stored)
            except (AttributeError, TypeError, KeyError):
                pass
        files["tokenizer.json"] = abridged(name, stored)
    config = pick(random_, CONFIG, random_.choice([0, 0, 1, 1, 2, 3]))
    if config:
        files["tokenizer_config.json"] = compact(config)
    if random_.random() < 0.3:
        files["special_tokens_map.json"] = compact(pick(random_, MAP, random_.choice([1, 2])))
    if random_.random() < 0.15:
        files["added_tokens.json"] = compact(random_.choice([{"<new>": 400}, {"profit": len(sources[name]["model"]["vocab"])}]))
    model = {"model_type": name, "vocab_size": 700, "max_position_embeddings": POSITIONS}
    model |= {"pad_token_id": 1} if name in ("xlm-roberta", "camembert") else {}
    files["config.json"] = compact(model)
    return files


def write_files(directory, files, out, sources):
    for name, text in files.items():
        if text.startswith("@"):
            shutil.copyfile(out / text[1:], directory / name)
            continue
        for kind, stored in sources.items():
            text = text.replace(f'"@{kind}"', compact(stored["model"]["vocab"]))
        text = text.replace("@charsmap", charsmap(sources))
        (directory / name).write_text(text, encoding="utf-8", newline="")


def window(directory):
    config = AutoConfig.from_pretrained(directory)
    return config.max_position_embeddings - (2 if config.model_type in ("xlm-roberta", "camembert") else 0)


def reference(files, out, sources):
    directory = Path(tempfile.mkdtemp())
    try:
        write_files(directory, files, out, sources)
        rows = AutoConfig.from_pretrained(directory).vocab_size
        tokenizer = AutoTokenizer.from_pretrained(directory)
        of_texts = [ids(tokenizer, window(directory), text) for text in TEXTS]
        # A model cannot read an id that has no row in its table.
        hashes = ["------" if max(row, default=0) >= rows else hash_of(row) for row in of_texts]
        return {"class": type(tokenizer).__name__, "ids": "".join(hashes)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".replace(str(directory), "DIR")[:120]}
    finally:
        shutil.rmtree(directory)


def write_cases(path, out):
    random_ = random.Random(SEED)
    sources = {name: json.loads((out / name / "tokenizer.json").read_text(encoding="utf-8")) for name in KINDS}
    table, cases, seen = [], [], set()
    plain = []
    for name, (_, file, _) in KINDS.items():
        config = (out / name / "config.json").read_text(encoding="utf-8")
        plain.append({file: f"@{name}/{file}", "config.json": config})
        plain.append({"tokenizer.json": abridged(name, copy.deepcopy(sources[name])), "config.json": config})
    for files in plain + [case(random_, name, sources) for name in KINDS for _ in range(40)]:
        if compact(files) in seen:
            continue
        seen.add(compact(files))
        for text in files.values():
            if text not in table:
                table.append(text)
        found = {"files": {name: table.index(text) for name, text in files.items()}} | reference(files, out, sources)
        cases.append(found)
    libraries = ["transformers", "tokenizers", "sentencepiece"]
    header = {
        "computed_with": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "texts": TEXTS,
    }
    rows = [f"{compact(name)}: {compact(value)}" for name, value in header.items()]
    for name, items in [("contents", table), ("cases", cases)]:
        rows.append(f"{compact(name)}: [\n" + ",\n".join(compact(item) for item in items) + "\n]")
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    assert all("ids" in found for found in cases[: len(plain)]), cases[: len(plain)]
    print(f"{len(cases)} cases, of which transformers refuses {sum('error' in found for found in cases)}")


def write_large(path, out):
    """Train large models on the texts of a file of JSON lines, and write the ids of all texts from both forms."""
    all_texts = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()] + TEXTS
    for normalization in ["nmt_nfkc", "identity"]:
        for name, (_, file, options) in KINDS.items():
            directory = out / f"{name}-{normalization}"
            model = train(all_texts, 8000, normalization_rule_name=normalization, **options)
            write_kind(directory, name, model)
            for form, other in [("model", "tokenizer.json"), ("json", file)]:
                with tempfile.TemporaryDirectory() as alone:
                    shutil.copytree(directory, alone, dirs_exist_ok=True)
                    (Path(alone) / other).unlink()
                    tokenizer = AutoTokenizer.from_pretrained(alone)
                    rows = [{"text": text, "ids": ids(tokenizer, window(alone), text)} for text in all_texts]
                lines = "".join(compact(row) + "\n" for row in rows)
                (directory / f"ids-{form}.jsonl").write_text(lines, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    if arguments.texts:
        write_large(arguments.texts, arguments.out)
        return
    write_kinds(HERE / "unigram")
    write_cases(HERE / "unigram.json", HERE / "unigram")


if __name__ == "__main__":
    main()
