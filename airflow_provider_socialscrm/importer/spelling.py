"""Names that are alike, so that a misspelt one is pointed out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

LIKENESS: Final = 0.75
"""Share of matching letters, as ``difflib`` counts, that makes a name a misspelt other: freindName has 0.9."""


def alike(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like another, if one is."""
    by_folded = {_folded(other): other for other in known}
    found = get_close_matches(_folded(name), by_folded, 1, LIKENESS)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question whether another name is meant, to append to what is wrong; nothing where none is alike."""
    found = alike(name, known)
    return f" (is it '{found}'?)" if found else ""


def _folded(name: str) -> str:
    """Return a name without case and separators, by which spellings differ that mean the same: whats-app."""
    return "".join(filter(str.isalnum, str(name))).casefold()
