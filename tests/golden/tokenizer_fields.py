"""Write tokenizer_fields.json: ids by transformers for model directories whose settings disagree with each other.

Each case is a directory with some of tokenizer.json, vocab.txt, tokenizer_config.json, special_tokens_map.json,
added_tokens.json and config.json. It has no weights. README.md describes the output.
"""

import copy
import json
import os
import platform
import random
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
os.environ["HF_HUB_OFFLINE"] = "1"

from transformers import AutoConfig, AutoTokenizer  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 18
POSITIONS = 40
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MARKS = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~€£"
ACCENTED = "éèüöäßñçÉÜ"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = (
    "profit loss shares rose fell Profit Shares Apple apple the The net sales tesla TSLA Loss guidance cafe Cafe café "
    "Nestle nestle new york"
).split()
VOCAB = (
    SPECIAL
    + ["[TICKER]", "[URL]"]
    + list(LETTERS)
    + list(MARKS)
    + list(ACCENTED)
    + [f"##{letter}" for letter in LETTERS + ACCENTED]
    + WORDS
    + list("利益増株価")
)
NEXT = len(VOCAB)
ROWS = NEXT + 4

TEXTS = [
    "Profit rose, Shares fell 12%",
    "Apple loss: the guidance",
    "Café Nestlé sales",
    "CAFÉ NESTLÉ SALES",
    "cafe\u0301 nestle\u0301",
    "[TICKER] TSLA rose [URL]",
    "[ticker] tsla rose [url]",
    "[TICKER]tesla",
    "tesla[TICKER]  tesla",
    "teslatesla tesla, Tesla TESLA",
    "PROFIT UP",
    "naïve Übernahme",
    "株価 利益 増",
    "株価利益増a株",
    "a" * 150,
    "b" * 100 + " " + "b" * 101,
    "profit " * 40,
    "shares fell " * 20 + "profit rose " * 20,
    "[CLS] first [SEP] second [SEP] " * 9,
    "$TSLA 🚀🚀 @user #apple",
    "It's <pad> [MASK] [SEP] [PAD]",
    "[mask] [sep] [pad] [cls] [unk]",
    "[MASK]profit[MASK] [MASK]",
    "profit\u200brose \u00a0 loss",
    "１２３ ＡＢＣ",
    "[NEW] and [new] and[NEW]and",
    "New York, new york, NEW YORK and new  york",
    "<ticker> <TICKER> x<ticker>x",
    "</s> <s> <unk> <mask> <pad>",
    "  <mask>  profit <mask>",
    "word<mask>",
    "\tthe\r\nnet\nsales ",
    "e-mail: a@b.co; http://x.io/?q=1&r=2",
    "İstanbul ıslak ŞİŞLİ",
    "straße STRASSE",
    "한국 주식 상승",
    "прибыль выросла",
    "กำไร เพิ่มขึ้น",
    "الأرباح ترتفع",
    "x\u0000y\ufffdz",
    "½ ² Ⅻ № ™ ©",
    "—–-‐‑‒",
    "“quoted” ‘single’ «guillemets»",
    "1,234.56 -7.8% 3x 10k",
    "a\u0300\u0301\u0302b",
    "profit[MA SK] [ MASK ]",
    "loss" * 30,
    "it'll we've I'm he'd",
    "[unused1] [UNK] [TICKERS] [TICKER]]",
    "the end 🏦 of the net sales",
]

NEW = {"content": "[NEW]", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
WORD = {"content": "tesla", "lstrip": False, "normalized": True, "rstrip": False, "single_word": True, "special": False}
SPACED = {"content": "[URL]", "lstrip": True, "normalized": False, "rstrip": True, "single_word": False, "special": True}
ACCENT = {"content": "Café", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": False}
TICKER = dict(NEW, content="[TICKER]")


def special(content, **changes):
    return dict(NEW, content=content, **changes)


def decoder(*tokens):
    entries = {str(index): special(content) for index, content in enumerate(SPECIAL)}
    for token in tokens:
        index = VOCAB.index(token["content"]) if token["content"] in VOCAB else NEXT
        entries[str(index)] = token
    return entries


NAMES = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
ABSENT = object()

TOKENIZER_CONFIG = {
    "tokenizer_class": [
        "BertTokenizer",
        "BertTokenizerFast",
        "DistilBertTokenizer",
        "DistilBertTokenizerFast",
        "PreTrainedTokenizerFast",
        "TokenizersBackend",
        "BertJapaneseTokenizer",
        "RobertaTokenizer",
        "ElectraTokenizer",
        "UnheardOfTokenizer",
    ],
    "do_lower_case": [True, False],
    "strip_accents": [None, True, False],
    "tokenize_chinese_chars": [True, False],
    "model_max_length": [16, 1e30, None, 512],
    "max_len": [12, 1000],
    "truncation_side": ["left", "right"],
    "additional_special_tokens": [["[TICKER]", "[URL]"], ["[NEW]"], ["New York"], [], [dict(NEW, __type="AddedToken")]],
    "extra_special_tokens": [["[TICKER]"], {"ticker_token": "[TICKER]"}, ["<ticker>", "[URL]"]],
    "added_tokens_decoder": [{}, decoder(), decoder(TICKER, SPACED), decoder(NEW), decoder(WORD), decoder(ACCENT, NEW)],
    "split_special_tokens": [True],
    "mask_token": ["[URL]", None, dict(special("[MASK]", lstrip=True), __type="AddedToken")],
    "pad_token": ["[TICKER]", None],
    "cls_token": ["[URL]", "[NEW]"],
    "sep_token": ["[MASK]", "[TICKER]"],
    "unk_token": ["[PAD]", "[NEW]"],
    "bos_token": ["[TICKER]", "<s>"],
    "ticker_token": ["[TICKER]", "<ticker>"],
    "do_basic_tokenize": [False],
    "never_split": [["Apple"]],
    "clean_up_tokenization_spaces": [True],
    "add_prefix_space": [True],
    "padding_side": ["left"],
    "vocab_file": [None, "elsewhere/vocab.txt"],
    "tokenizer_file": [None, "elsewhere/tokenizer.json"],
    "special_tokens_map_file": ["elsewhere/special_tokens_map.json"],
    "name_or_path": ["bert-base-cased"],
    "do_lowercase": [False],
}
SPECIAL_MAP = {
    "sep_token": ["[MASK]", "[SEP]", special("[SEP]", rstrip=True)],
    "cls_token": ["[CLS]", "[URL]"],
    "mask_token": [special("[MASK]", lstrip=True), "[TICKER]"],
    "unk_token": ["[UNK]", "[PAD]"],
    "pad_token": ["[PAD]"],
    "additional_special_tokens": [["[TICKER]", "[URL]"], ["[NEW]"], [special("[URL]", lstrip=True)], []],
    "extra_special_tokens": [["[URL]"], ["<ticker>"]],
    "ticker_token": ["[TICKER]"],
    "max_len": [9],
}
ADDED = [
    {"[NEW]": NEXT},
    {"[TICKER]": 5},
    {"New York": NEXT},
    {"[NEW]": NEXT, "<ticker>": NEXT + 1},
    {"[NEW]": NEXT + 1},
    {"[NEW]": NEXT + 4},
    {},
]
CONFIG = {
    "tokenizer_class": [
        "BertTokenizer",
        "BertTokenizerFast",
        "PreTrainedTokenizerFast",
        "BertJapaneseTokenizer",
        "DistilBertTokenizer",
        None,
    ],
    "model_type": ["bert", "distilbert"],
    "vocab_size": [NEXT, NEXT + 200],
}


def added(content, index, **changes):
    return dict(special(content, **changes), id=index)


def tokenizer_json():
    """A tokenizer.json for VOCAB, which stands in the output as `"@vocab"`."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(content, index) for index, content in enumerate(SPECIAL)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                content: {"id": content, "ids": [SPECIAL.index(content)], "tokens": [content]}
                for content in ["[CLS]", "[SEP]"]
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": "@vocab",
        },
    }


def truncation(direction):
    return {"direction": direction, "max_length": 16, "strategy": "LongestFirst", "stride": 0}


JSON_CHANGES = [
    lambda json_: json_["normalizer"].update(lowercase=False),
    lambda json_: json_["normalizer"].update(strip_accents=False),
    lambda json_: json_["normalizer"].update(strip_accents=True, lowercase=False),
    lambda json_: json_["normalizer"].update(handle_chinese_chars=False),
    lambda json_: json_["normalizer"].update(clean_text=False),
    lambda json_: json_.update(normalizer=None),
    lambda json_: json_.update(normalizer={"type": "Lowercase"}),
    lambda json_: json_.update(pre_tokenizer={"type": "Whitespace"}),
    lambda json_: json_.update(truncation=truncation("Right")),
    lambda json_: json_.update(truncation=truncation("Left")),
    lambda json_: json_.update(
        padding={
            "strategy": {"Fixed": 24},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        }
    ),
    lambda json_: json_["model"].update(max_input_chars_per_word=8),
    lambda json_: json_["model"].pop("type"),
    lambda json_: json_["added_tokens"].append(added("[TICKER]", 5)),
    lambda json_: json_["added_tokens"].append(added("[NEW]", NEXT)),
    lambda json_: json_["added_tokens"].append(dict(WORD, id=VOCAB.index("tesla"))),
    lambda json_: json_["added_tokens"].append(added("[NEW]", NEXT, normalized=True, special=False)),
    lambda json_: json_.update(added_tokens=[]),
    lambda json_: json_.update(post_processor={"type": "BertProcessing", "sep": ["[MASK]", 4], "cls": ["[CLS]", 2]}),
    lambda json_: json_.update(post_processor=None),
]


def pick(random_, options, count):
    fields = random_.sample(sorted(options), min(count, len(options)))
    return {field: copy.deepcopy(random_.choice(options[field])) for field in fields}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def bert_case(random_):
    files = {}
    form = random_.choice(["vocab", "vocab", "json", "json", "both"])
    if form != "json":
        end = random_.choice(["\n", "\n", "", "\n\n"])
        files["vocab.txt"] = "@vocab" + end
    if form != "vocab":
        stored = tokenizer_json()
        for change in random_.sample(JSON_CHANGES, random_.choice([0, 1, 1, 2, 3])):
            # A change of a part that another one has removed.
            try:
                change(stored)
            except (AttributeError, TypeError, KeyError):
                pass
        files["tokenizer.json"] = compact(stored)
    config = pick(random_, TOKENIZER_CONFIG, random_.choice([0, 1, 1, 2, 2, 3, 4]))
    # Most people's files name a class that exists.
    if random_.random() < 0.4:
        config["tokenizer_class"] = random_.choice(["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer"])
    if config or random_.random() < 0.5:
        files["tokenizer_config.json"] = compact(config)
    if random_.random() < 0.4:
        names = NAMES if random_.random() < 0.5 else {}
        files["special_tokens_map.json"] = compact(names | pick(random_, SPECIAL_MAP, random_.choice([1, 1, 2])))
    if random_.random() < 0.25:
        files["added_tokens.json"] = compact(random_.choice(ADDED))
    model = {"model_type": "bert", "vocab_size": ROWS, "max_position_embeddings": POSITIONS}
    if random_.random() < 0.3:
        model |= pick(random_, CONFIG, 1)
    files["config.json"] = compact(model)
    return files


ROBERTA = HERE / "roberta"
ROBERTA_CONFIG = {
    "tokenizer_class": ["RobertaTokenizer", "RobertaTokenizerFast", "PreTrainedTokenizerFast", "GPT2Tokenizer"],
    "add_prefix_space": [True, False],
    "model_max_length": [16, 1e30],
    "max_len": [12],
    "truncation_side": ["left"],
    "additional_special_tokens": [["profit"], ["<ticker>"]],
    "extra_special_tokens": [["profit"]],
    "added_tokens_decoder": [{"399": dict(special("<mask>"), lstrip=True)}, {"400": special("<ticker>")}],
    "mask_token": ["<mask>", dict(special("<mask>", lstrip=True), __type="AddedToken"), None],
    "cls_token": ["<mask>"],
    "sep_token": ["<pad>"],
    "split_special_tokens": [True],
    "do_lower_case": [True],
    "trim_offsets": [False],
    "errors": ["strict"],
}
ROBERTA_JSON = [
    lambda json_: json_["pre_tokenizer"].update(add_prefix_space=True),
    lambda json_: json_.update(truncation=truncation("Left")),
    lambda json_: json_["added_tokens"].append(added("<ticker>", 400)),
    lambda json_: json_["added_tokens"][-1].update(lstrip=False),
    lambda json_: json_.update(added_tokens=json_["added_tokens"][:4]),
    lambda json_: json_.update(normalizer={"type": "Lowercase"}),
    lambda json_: json_.update(post_processor=None),
    lambda json_: json_["model"].update(unk_token="<unk>"),
]


def roberta_case(random_):
    files = {}
    form = random_.choice(["vocab", "vocab", "json", "both"])
    if form != "json":
        files |= {"vocab.json": "@vocab.json", "merges.txt": "@merges.txt"}
    if form != "vocab":
        stored = json.loads((ROBERTA / "tokenizer.json").read_text(encoding="utf-8"))
        stored["model"] |= {"vocab": "@vocab.json", "merges": "@merges.txt"}
        for change in random_.sample(ROBERTA_JSON, random_.choice([0, 1, 1, 2])):
            try:
                change(stored)
            except (AttributeError, TypeError, KeyError):
                pass
        files["tokenizer.json"] = compact(stored)
    config = pick(random_, ROBERTA_CONFIG, random_.choice([0, 1, 2, 3]))
    if config:
        files["tokenizer_config.json"] = compact(config)
    if random_.random() < 0.4:
        named = (ROBERTA / "special_tokens_map.json").read_text(encoding="utf-8")
        options = [json.loads(named), {"additional_special_tokens": ["profit"]}, {"mask_token": "<mask>"}]
        files["special_tokens_map.json"] = compact(random_.choice(options))
    if random_.random() < 0.2:
        files["added_tokens.json"] = compact(random_.choice([{"<ticker>": 400}, {"profit": 400}]))
    files["config.json"] = compact(
        {"model_type": "roberta", "vocab_size": 404, "max_position_embeddings": POSITIONS + 2, "pad_token_id": 1}
    )
    return files


def contents(name, text):
    """The real contents of a file, without the placeholders."""
    if name == "vocab.txt":
        return text.replace("@vocab", "\n".join(VOCAB))
    if name == "vocab.json" or name == "merges.txt":
        return (ROBERTA / name).read_text(encoding="utf-8")
    text = text.replace('"@vocab"', compact({token: index for index, token in enumerate(VOCAB)}))
    text = text.replace('"@vocab.json"', (ROBERTA / "vocab.json").read_text(encoding="utf-8"))
    lines = (ROBERTA / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [line for line in lines if line and not line.startswith("#version")]
    return text.replace('"@merges.txt"', compact(merges))


def hash_of(ids):
    """The low 24 bits of FNV-1a over the ids as little-endian numbers of 4 bytes."""
    state = 0xCBF29CE484222325
    for byte in b"".join(number.to_bytes(4, "little") for number in ids):
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state & 0xFFFFFF:06x}"


def ids(tokenizer, window, text):
    options = {"truncation": True}
    if (tokenizer.model_max_length or 1e30) > window:
        options["max_length"] = window
    return tokenizer(text, **options)["input_ids"]


def reference(files):
    directory = Path(tempfile.mkdtemp())
    try:
        for name, text in files.items():
            (directory / name).write_text(contents(name, text), encoding="utf-8", newline="")
        rows = AutoConfig.from_pretrained(directory).vocab_size
        tokenizer = AutoTokenizer.from_pretrained(directory)
        of_texts = [ids(tokenizer, POSITIONS, text) for text in TEXTS]
        # A model cannot read an id that has no row in its table.
        hashes = ["------" if max(row, default=0) >= rows else hash_of(row) for row in of_texts]
        return {"class": type(tokenizer).__name__, "ids": "".join(hashes)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".replace(str(directory), "DIR")[:120]}
    finally:
        shutil.rmtree(directory)


def main():
    random_ = random.Random(SEED)
    table, cases = [], []
    makers = [bert_case] * 320 + [roberta_case] * 100
    seen = set()
    for maker in makers:
        files = maker(random_)
        if compact(files) in seen:
            continue
        seen.add(compact(files))
        for text in files.values():
            if text not in table:
                table.append(text)
        cases.append({"files": {name: table.index(text) for name, text in files.items()}} | reference(files))
    libraries = ["transformers", "tokenizers"]
    header = {
        "computed_with": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "vocab": VOCAB,
        "texts": TEXTS,
    }
    rows = [f"{compact(name)}: {compact(value)}" for name, value in header.items()]
    for name, items in [("contents", table), ("cases", cases)]:
        rows.append(f"{compact(name)}: [\n" + ",\n".join(compact(item) for item in items) + "\n]")
    (HERE / "tokenizer_fields.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    failed = sum("error" in case for case in cases)
    print(f"{len(cases)} cases, of which transformers refuses {failed}")


if __name__ == "__main__":
    main()
