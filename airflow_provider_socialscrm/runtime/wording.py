"""Numbers with their nouns, for log lines and pages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural, as in ``2,400 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
