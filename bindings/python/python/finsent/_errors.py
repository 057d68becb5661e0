"""What can go wrong."""

from __future__ import annotations

from typing import Optional


class FinsentError(Exception):
    """An error of finsent."""


class ModelError(FinsentError):
    """The model does not exist, or its files are missing, damaged or of a kind that finsent does not compute."""


class NetworkError(FinsentError, ConnectionError):
    """The model is not on this machine and could not be downloaded. The same call may succeed later."""


class TextError(FinsentError, ValueError):
    """A text cannot be scored. ``index`` is its place if there are several texts, else None."""

    def __init__(self, message: str, index: Optional[int] = None) -> None:
        super().__init__(message, index)
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])
