"""The folder of small files beside a dead letter, in which its rows are while the import is not complete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.paths import OpenablePath, open_to_write

TOKEN_BYTES: Final = 4
"""Random bytes in a part's name, so that two tries at the same time do not overwrite each other's."""

_PART: Final = re.compile(r"\d{8}(-[0-9a-f]+)?\.jsonl")


class DeadLetterEntry(msgspec.Struct):
    """A line of a small file.

    :param row: its columns as text, the reason included.
    :param order: its place in the order of sending; ``None`` if a later try decides on it again.
    """

    row: dict[str, str | None]
    order: int | None

    def __repr__(self) -> str:  # a customer must not show in a log
        return f"DeadLetterEntry(order={self.order})"


class Parts:
    """The small files of a dead letter.

    :param path: of the dead letter.
    """

    def __init__(self, path: OpenablePath) -> None:
        self.folder: Any = path.parent / f"{path.name}.parts"
        self.written: list[Any] = []
        """Those of this try, remembered because object storage may list what it had a while ago."""
        self._number = 0
        self._token = token_hex(TOKEN_BYTES)

    def found(self) -> list[Any]:
        """Return the parts in the folder, and number those of this try after them."""
        files = self.folder.iterdir() if self.folder.exists() else ()
        parts = sorted((part for part in files if _PART.fullmatch(part.name)), key=lambda part: part.name)
        self._number = max((int(part.name[:8]) for part in parts), default=0)
        return parts

    def write(self, entries: Iterable[DeadLetterEntry]) -> None:
        """Write entries to a new part."""
        self._number += 1
        part = self.folder / f"{self._number:08}-{self._token}.jsonl"
        with open_to_write(part) as file:
            file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
        self.written.append(part)

    def delete(self, parts: Sequence[Any]) -> None:
        """Delete parts."""
        for part in parts:
            part.unlink()


def read_part(part: Any) -> list[DeadLetterEntry]:
    """Return the entries of a part. A kill may have cut the last line short: its row is not done.

    :raises CheckpointError: naming the part, if another line is damaged.
    """
    with part.open("rb") as file:
        lines = file.read().split(b"\n")
    return [_entry(line, part, number) for number, line in enumerate(lines[:-1], 1)]


_decoder = msgspec.json.Decoder(DeadLetterEntry)


def _entry(line: bytes, part: Any, number: int) -> DeadLetterEntry:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # whose texts may hold a customer
        raise CheckpointError(
            f"Line {number} of {part} is damaged, so rows that were not accepted would be missing from rejects_path: "
            "restore this file, or delete it, and the next try names the rows that are missing."
        ) from None
