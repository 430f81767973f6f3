"""Keys of customers in a ledger: the number, with the agent where each agent has customers of their own, or a hash."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.importer.changes.hashing import fine_buckets
from airflow_provider_socialscrm.importer.errors import UnusableLedgerError

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Numbers

AGENT_BITS: Final = 13
"""Bits of a key for the agent: a number has at most 15 digits, which take 50 of 63 bits."""

MOST_WORDS: Final = 2**AGENT_BITS - 1
"""Different agents, or codes, in a ledger."""

_CHECKED: Final = b"airflow-provider-socialscrm ledger"


class KeyKind(StrEnum):
    """Kinds of keys."""

    NUMBER = "number"
    HMAC = "hmac"  # 63 bits of HMAC-SHA-256, where nobody shall read numbers from the ledger


class Words:
    """Texts that repeat, each with a small number in this process; 0 means none."""

    def __init__(self) -> None:
        self.texts = [""]
        self._places = {"": 0}

    def place(self, text: str | None) -> int:
        """Return the number of a text.

        :raises UnusableLedgerError: when there are too many.
        """
        place = self._places.get(text or "")
        if place is None:
            place = self._places[text or ""] = len(self.texts)
            self.texts.append(text or "")
            if place > MOST_WORDS:
                raise UnusableLedgerError(f"The ledger has more than {MOST_WORDS:,} different agents or codes.")
        return place

    def places(self, texts: Iterable[str | None]) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
        """Return the numbers of texts."""
        return np.fromiter(map(self.place, texts), np.uint16)

    def places_in(self, column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
        """Return the numbers of a column that is a dictionary; its indices may be null."""
        places = np.append(self.places(column.dictionary.to_pylist()), np.uint16(0))
        chosen: np.ndarray[tuple[int], np.dtype[np.uint16]] = places[
            column.indices.fill_null(len(places) - 1).to_numpy(zero_copy_only=False)
        ]
        return chosen

    def column(self, places: np.ndarray[tuple[int], np.dtype[np.uint16]]) -> pa.Array:
        """Return the texts of numbers as a dictionary, null for none."""
        indices = pa.array(places.astype(np.int32) - 1, mask=places == 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(self.texts[1:], pa.string()))


class Keyring:
    """Makes the keys of a ledger: integers of 63 bits, equal for equal customers in this process.

    A hash of 63 bits is shared by some two of 10 million customers with a probability of 1 to 180,000, of 100 million
    with 1 to 1,800. The two are then compared as one, and none is left out, since the payloads have the numbers; but a
    field that goes once goes to one of them only.

    :param kind: what the ledger has instead of numbers, if anything.
    :param by_agent: whether each agent has customers of their own.
    :param secret: the key of the hash.
    :param check: what :meth:`check_value` returns where the secret is not known, which is enough to read hashes and to
        write them back.
    """

    def __init__(
        self,
        kind: KeyKind = KeyKind.NUMBER,
        *,
        by_agent: bool = False,
        secret: str | None = None,
        check: str | None = None,
    ) -> None:
        self.kind = kind
        self.by_agent = by_agent
        self._secret = (secret or "").encode()
        self._check = check if secret is None else None
        self._shift = AGENT_BITS if by_agent and kind is KeyKind.NUMBER else 0
        self.agents = Words()

    def keys(self, numbers: Numbers, agents: Sequence[str | None] | None = None) -> Numbers:
        """Return the keys of customers.

        :param agents: of the rows; ``None`` where no row has one.
        """
        if self.kind is KeyKind.HMAC:
            owners = agents if self.by_agent and agents is not None else [None] * len(numbers)
            return np.fromiter(map(self._hash, numbers.tolist(), owners), np.int64, len(numbers))
        return self.with_agents(numbers, self.agents.places(agents or [None] * len(numbers)) if self._shift else None)

    def with_agents(self, numbers: Numbers, agents: np.ndarray[tuple[int], np.dtype[np.uint16]] | None) -> Numbers:
        """Return the keys of what a ledger's file has, given the agents by their places in :attr:`agents`."""
        if not self._shift or agents is None:
            return numbers
        keys: Numbers = (numbers << self._shift) | agents.astype(np.int64)
        return keys

    def numbers(self, keys: Numbers) -> Numbers:
        """Return the numbers of keys, or the hashes that a ledger has instead."""
        numbers: Numbers = keys >> self._shift
        return numbers

    @property
    def has_secret(self) -> bool:
        """Whether hashes can be made."""
        return bool(self._secret)

    def hidden(self, numbers: Numbers) -> Numbers:
        """Return what a ledger has for numbers: themselves, or their hashes with each agent that was read so far.

        :raises UnusableLedgerError: when the secret of the hashes is not known.
        """
        if self.kind is KeyKind.NUMBER:
            return numbers
        if not self.has_secret:
            raise UnusableLedgerError("The ledger has hashes instead of numbers: finding one needs the ledger_secret.")
        owners = [text or None for text in self.agents.texts] if self.by_agent else [None]
        return np.concatenate([self.keys(numbers, [owner] * len(numbers)) for owner in owners])

    def agent_places(self, keys: Numbers) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
        """Return the places of the agents that keys have, 0 where keys have none."""
        return (keys & ((1 << self._shift) - 1)).astype(np.uint16)

    def buckets(self, keys: Numbers) -> Bytes:
        """Return the fine bucket of each key."""
        return fine_buckets(self.numbers(keys))

    def check_value(self) -> str | None:
        """Return a text that shows whether a secret is the same, or ``None`` if there is no secret."""
        if self.kind is KeyKind.NUMBER or self._check:
            return self._check
        return hmac.digest(self._secret, _CHECKED, "sha256")[:8].hex()

    def _hash(self, number: int, agent: str | None) -> int:
        message = str(number) if agent is None else f"{number} {agent}"
        return int.from_bytes(hmac.digest(self._secret, message.encode(), "sha256")[:8], "little") >> 1
