"""Mask texts: their form shows what was changed, and no customer shows."""

from __future__ import annotations

import unicodedata
from typing import Final

from airflow_provider_socialscrm.api.redaction import is_personal

LONGEST_SHOWN: Final = 40
"""Characters of a masked text; longer texts are cut."""

SHOWN_LOGINS: Final = 10
"""Agents that a line of the log names; the dead letter has that of each row."""

_FULL_WIDTH: Final = range(0xFF10, 0xFF1A)


def masked(text: str | None) -> str:
    """Return a text with ``A``, ``a`` or ``x`` for each letter and ``9`` for each digit, and the other signs as is."""
    if text is None:
        return ""
    shown = "".join(map(_masked_character, text[:LONGEST_SHOWN]))
    return shown if len(text) <= LONGEST_SHOWN else shown[:-1] + "…"


def shown_login(login: str) -> str:
    """Return an agent's login for the log, quoted.

    One that looks like a customer's number or address shows its form only: it may come from a wrong column.
    """
    return f"'{masked(login) if is_personal(login) else login}'"


def _masked_character(character: str) -> str:
    kind = unicodedata.category(character)
    if kind.startswith("N"):
        return "\N{FULLWIDTH DIGIT NINE}" if ord(character) in _FULL_WIDTH else "9"
    if kind.startswith(("L", "M")):
        return {"Lu": "A", "Ll": "a"}.get(kind, "x")
    return " " if kind in {"Cc", "Cf", "Zl", "Zp"} else character
