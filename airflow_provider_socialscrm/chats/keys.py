"""What makes two records of a list the same message, and a set of such keys that needs eight bytes for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

KEY_BYTES: Final = 8
"""Of a million messages, two have the same key by chance once in some forty million exports."""

MOST_RECENT: Final = 50_000
"""Keys that are held one by one until they are merged into the array; together they take about 5 MB."""

_IDENTITY: Final = ("msgId", "whatsId", "friendWhatsId", "actionType")
"""Fields that make a message, since two of the tenant's numbers in one chat may each have a record of one ``msgId``."""


def key_of(record: Mapping[str, Any]) -> int:
    """Return a message's key: equal for the same message on two pages; without an id all of its fields count."""
    named = [record.get(name) for name in _IDENTITY]
    identity: Any = named if named[0] not in (None, "") else sorted(record.items())
    return int.from_bytes(blake2b(as_json(identity), digest_size=KEY_BYTES).digest(), "big")


def as_json(value: Any) -> bytes:
    """Return a value of a response as JSON, also if a text has half of an emoji, as one that was cut may."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value).encode()


class Keys:
    """A set of keys that grows."""

    def __init__(self) -> None:
        self._sorted: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._recent: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._recent)

    def add(self, keys: Sequence[int]) -> list[bool]:
        """Add keys, and return of each whether it was new; of equal ones the first is."""
        known = self._in_array(keys)
        is_new = []
        for key, is_known in zip(keys, known, strict=True):
            is_new.append(not is_known and key not in self._recent)
            if is_new[-1]:
                self._recent.add(key)
        if len(self._recent) > MOST_RECENT:
            self._merge()
        return is_new

    def _in_array(self, keys: Sequence[int]) -> list[bool]:
        if not len(self._sorted):
            return [False] * len(keys)
        wanted = np.array(keys, np.uint64)
        places = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        found: list[bool] = (self._sorted[places] == wanted).tolist()
        return found

    def _merge(self) -> None:
        recent = np.fromiter(self._recent, np.uint64, len(self._recent))
        self._sorted = np.concatenate([self._sorted, recent])
        self._sorted.sort(kind="stable")  # which merges what is sorted already
        self._recent.clear()
