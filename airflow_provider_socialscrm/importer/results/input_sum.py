"""A sum over a whole input, by which a retry sees whether rows were added or changed since the import was complete.

The rows that are sent are in the checkpoint's own sum; this one has how many there are, and the content of the others.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.importer.results.saved_values import Count, Sum, as_hex
from airflow_provider_socialscrm.importer.rows import PreparedBatch

_MODULUS: Final = 2**64


class SavedInput(msgspec.Struct, frozen=True):
    """The sum, as it is saved."""

    rows: Count
    sendable: Count
    unsent: Sum


@dataclass(slots=True)
class InputSum:
    """Sum up what an input consists of.

    :param rows: all of its rows.
    :param sendable: those that can be sent.
    :param unsent: a sum over the content of the others, and over why they are not sent.
    """

    rows: int = 0
    sendable: int = 0
    unsent: int = 0

    @classmethod
    def resumed(cls, saved: SavedInput) -> InputSum:
        """Return a sum that was saved."""
        return cls(saved.rows, saved.sendable, int(saved.unsent, 16))

    def add(self, prepared: PreparedBatch) -> None:
        """Add a batch."""
        self.rows += prepared.size
        self.sendable += len(prepared.rows)
        if prepared.size > len(prepared.rows):
            self.unsent = (self.unsent + _unsent_content(prepared)) % _MODULUS

    def state(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {"rows": self.rows, "sendable": self.sendable, "unsent": as_hex(self.unsent)}


def _unsent_content(prepared: PreparedBatch) -> int:
    invalid = [*prepared.invalid, *prepared.held]
    why: list[Any] = [(row.position, [(each.code, each.meaning) for each in row.reasons]) for row in invalid]
    why += [(row.position, row.winner) for row in prepared.superseded]
    why += prepared.blank
    digest = blake2b(msgspec.json.encode(why), digest_size=8)
    positions = [row.position for row in invalid] + [row.position for row in prepared.superseded]
    places = sorted(position - prepared.batch.start for position in positions)
    with suppress(pa.ArrowException):  # a type whose rows cannot be picked: then their reasons have to do
        digest.update(prepared.batch.records.take(pa.array(places, pa.int64())).serialize())
    return int.from_bytes(digest.digest(), "big")
