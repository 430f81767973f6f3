"""Messages as Arrow columns: which there are, and what becomes of the texts in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import pyarrow as pa

from airflow_provider_socialscrm.api.chats import time_of
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.chats.keys import as_json
from airflow_provider_socialscrm.chats.options import CONTENT, DOCUMENTED, OTHER_FIELDS, TIME

HASH_BYTES: Final = 16
"""Of a content's hash; two different texts have the same one as good as never."""

_TYPES: Final = {TIME: pa.timestamp("ms", tz="UTC")}


@dataclass(frozen=True, slots=True)
class ChatColumns:
    """Makes batches of messages.

    :param names: of the columns, in order.
    :param content: ``keep``, ``hash`` or ``drop``.
    :param secret: what the hashes of contents are made with, so that nobody without it can try texts.
    """

    names: Sequence[str]
    content: str
    secret: bytes

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types: texts, but for the time."""
        return pa.schema([(name, _TYPES.get(name, pa.string())) for name in self.names])

    def batch(self, records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Return messages as a batch."""
        return pa.RecordBatch.from_arrays([self._column(name, records) for name in self.names], schema=self.schema)

    def _column(self, name: str, records: Sequence[Mapping[str, Any]]) -> pa.Array:
        if name == TIME:
            return pa.array([time_of(record) for record in records], _TYPES[TIME])
        if name == OTHER_FIELDS:
            return _texts(map(_others, records))
        texts = (_text(record.get(name)) for record in records)
        if name == CONTENT and self.content == "hash":
            texts = (None if text is None else self._hash(text) for text in texts)
        return _texts(texts)

    def _hash(self, text: str) -> str:
        return blake2b(_encoded(text), key=self.secret, digest_size=HASH_BYTES).hexdigest()


def secret_of(settings: Settings) -> bytes:
    """Return what a tenant's contents are hashed with: the same as long as its ApiKey is."""
    return blake2b(f"chats {settings.tenant_id}".encode(), key=blake2b(settings.api_key.encode()).digest()).digest()


def _text(value: Any) -> str | None:
    """Return a field as text: as it came, and anything but a text as JSON."""
    if value is None or isinstance(value, str):
        return value
    return as_json(value).decode()


def _others(record: Mapping[str, Any]) -> str | None:
    """Return the fields that have no column, as JSON."""
    others = {name: value for name, value in record.items() if name not in DOCUMENTED}
    if record.get(TIME) is not None and time_of(record) is None:  # a time that cannot be read is not lost
        others[TIME] = record[TIME]
    return as_json(others).decode() if others else None


def _texts(values: Iterable[str | None]) -> pa.Array:
    listed = list(values)
    try:
        return pa.array(listed, pa.string())
    except UnicodeEncodeError:  # half of an emoji, in a text that was cut; the error would show it
        return pa.array([None if text is None else _encoded(text).decode() for text in listed], pa.string())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
