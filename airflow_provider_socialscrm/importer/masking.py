"""Mask texts: their form shows what was changed, and no customer shows."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST_SHOWN: Final = 40
"""Characters of a masked text; longer texts are cut."""

_FULL_WIDTH: Final = range(0xFF10, 0xFF1A)


def masked(text: str | None) -> str:
    """Return a text with ``A``, ``a`` or ``x`` for each letter and ``9`` for each digit, and the other signs as is."""
    if text is None:
        return ""
    shown = "".join(map(_masked_character, text[:LONGEST_SHOWN]))
    return shown if len(text) <= LONGEST_SHOWN else shown[:-1] + "…"


def _masked_character(character: str) -> str:
    kind = unicodedata.category(character)
    if kind.startswith("N"):
        return "\N{FULLWIDTH DIGIT NINE}" if ord(character) in _FULL_WIDTH else "9"
    if kind.startswith(("L", "M")):
        return {"Lu": "A", "Ll": "a"}.get(kind, "x")
    return " " if kind in {"Cc", "Cf", "Zl", "Zp"} else character
