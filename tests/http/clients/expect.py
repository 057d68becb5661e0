"""Shared by the client scripts: the texts, and checks that end a script at the first failure."""

import math
import sys

POSITIVE = "Quarterly revenue rose 20% and beat estimates."
NEGATIVE = "Shares plunged 12% after the profit warning."
NEUTRAL = "The annual meeting is on Tuesday."
NOT_ASCII = "Löhne steigen um 3 % – 利益が増加 📈"
LABELS = ["positive", "negative", "neutral"]


def fail(message):
    sys.exit(f"WRONG: {message}")


def equal(what, found, expected):
    if found != expected:
        fail(f"{what}: expected {expected!r}, found {found!r}")


def close(what, found, expected, tolerance=1e-6):
    """Numbers, or equally long lists of them."""
    pairs = list(zip(found, expected, strict=True)) if isinstance(expected, (list, tuple)) else [(found, expected)]
    if not all(math.isclose(one, other, rel_tol=0, abs_tol=tolerance) for one, other in pairs):
        fail(f"{what}: expected {expected!r}, found {found!r}")


def contains(what, found, *parts):
    for part in parts:
        if part not in found:
            fail(f"{what}: expected {part!r} in {found!r}")


def raises(what, error, act):
    """Checks that `act` raises this kind of error, and returns the error."""
    try:
        found = act()
    except error as raised:
        return raised
    fail(f"{what}: expected {error.__name__}, found {found!r}")
