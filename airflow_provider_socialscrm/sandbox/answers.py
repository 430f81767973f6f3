"""The envelope every call is answered with, and what an import's answer says about its rows (contract 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from .codes import SUCCESS, TEXTS, Refused

if TYPE_CHECKING:
    from .rows import Row
    from .settings import SandboxSettings

STRANGER = "10000000000"
"""A number nobody sends, which ``strangers="extra"`` names all the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The envelope ``{"code", "message", "data"}``; ``data`` is an empty text unless the call has something to say."""

    code: int = SUCCESS
    message: str = TEXTS[SUCCESS]
    data: Any = ""

    @classmethod
    def of(cls, refused: Refused) -> Answer:
        """Return the answer to a refused call: the code, its text and an empty ``data`` (contract 2.8)."""
        return cls(refused.code, refused.message)

    def encoded(self) -> bytes:
        """Return the envelope as JSON."""
        return msgspec.json.encode(self)


def settle(rows: Sequence[Row], settings: SandboxSettings) -> tuple[list[Row], Answer]:
    """Decide what an import stores and what it answers.

    Whether a refused row takes the others with it, and whether an answer names rows, is unknown (contract 2.8): the
    settings ``refusal``, ``failures`` and ``strangers`` choose one of our assumptions.

    :return: the rows to store, and the answer
    """
    good = [row for row in rows if row.refused is None]
    first = next((row.refused for row in rows if row.refused is not None), None)
    if first is not None and settings.refusal == "atomic":
        return [], Answer.of(first)
    if settings.failures != "unnamed":
        return good, Answer(data=_named(rows, settings))
    return good, Answer() if first is None else Answer.of(first)


def _named(rows: Sequence[Row], settings: SandboxSettings) -> dict[str, Any]:
    passed = [row.whatsapp for row in rows if row.refused is None]
    failed = [row.whatsapp for row in rows if row.refused is not None]
    is_all_ok = not failed
    if settings.strangers == "extra":
        failed.append(STRANGER)
    elif settings.strangers == "missing":
        (failed or passed).pop()
    if settings.failures == "lists":
        return {"success": passed, "fail": failed}
    return {"isAllOk": is_all_ok, "total": len(rows), "successWhatsIds": passed, "failWhatsIds": failed}
