"""Files of entries as they are read: complete, or damaged."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_socialscrm.importer.changes.generation import File, damaged

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.entries import Codec
    from airflow_provider_socialscrm.importer.changes.table import Table


def decoded(file: File, content: bytes, codec: Codec, wanted: Collection[str] | None = None) -> Table:
    """Return the entries of a file.

    :raises LedgerError: when it is damaged.
    """
    try:
        entries = codec.decode(content, wanted)
    except (pa.ArrowException, OSError, KeyError, ValueError):
        raise damaged(file.name) from None
    if len(entries) != file.rows:
        raise damaged(file.name)
    return entries


def file_of(name: str, content: bytes) -> File:
    """Return the file of some entries.

    :raises LedgerError: when it is damaged.
    """
    return File.of(name, content, rows_in(name, content))


def rows_in(name: str, content: bytes) -> int:
    """Return how many entries a file has.

    :raises LedgerError: when it is damaged.
    """
    try:
        return int(pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError):
        raise damaged(name) from None
