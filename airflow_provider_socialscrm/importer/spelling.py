"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

LIKENESS: Final = 0.75
"""Share of matching letters, as ``difflib`` counts, from which a name counts as misspelt: freindName has 0.9."""


def alike(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to a name, or ``None`` if none is similar."""
    by_folded = {_folded(other): other for other in known}
    found = get_close_matches(_folded(name), by_folded, 1, LIKENESS)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a suggestion to append to an error, such as " (is it 'friendName'?)"; empty if no name is similar."""
    found = alike(name, known)
    return f" (is it '{found}'?)" if found else ""


def _folded(name: str) -> str:
    """Return a name without case and separators, so that whats-app and whatsApp are equal."""
    return "".join(filter(str.isalnum, str(name))).casefold()
