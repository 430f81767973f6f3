"""Numbers with their nouns and verbs, for messages, log lines and pages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural, as in ``2,400 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def was(number: int) -> str:
    """Return ``was`` or ``were``, as it follows a number of things."""
    return "was" if number == 1 else "were"


def have(number: int) -> str:
    """Return ``has`` or ``have``, as it follows a number of things."""
    return "has" if number == 1 else "have"


def are(number: int) -> str:
    """Return ``is`` or ``are``, as it follows a number of things."""
    return "is" if number == 1 else "are"


def them(number: int) -> str:
    """Return ``it`` or ``them``, in place of a number of things."""
    return "it" if number == 1 else "them"


def they(number: int) -> str:
    """Return ``it`` or ``they``, in place of a number of things."""
    return "it" if number == 1 else "they"
