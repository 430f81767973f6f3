"""The rows that did not go in, written as they happen, each with why and what to mend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol, Self

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.report import Bucket, Cause
from airflow_provider_socialscrm.importer.source import Batch, OpenablePath
from airflow_provider_socialscrm.importer.text import as_text

OWN_COLUMNS: Final = tuple(
    f"socialscrm_{name}" for name in ("position", "bucket", "code", "meaning", "hint", "attempts", "time")
)
"""What is added to the row's own columns; left out again when the file is given back as data."""

FLUSH_ROWS: Final = 1_000
"""Rows gathered before they are written together: a few hundred kilobytes."""


class _Writer(Protocol):
    def write(self, rows: pa.Table) -> Any: ...

    def close(self) -> Any: ...


class DeadLetter:
    """Writes refused rows to a file. It is there from the start, so that an empty one says that no row was refused.

    The row's own columns are written as text, in the form the API takes, so the file can be mended and given back.

    :param path: ends in ``.parquet``, ``.csv`` or ``.jsonl``.
    :param columns: names of the row's own columns.
    :raises InputError: when the path's ending says no format, or the file cannot be written.
    """

    def __init__(self, path: OpenablePath, columns: Sequence[str]) -> None:
        names = [*(name for name in columns if name not in OWN_COLUMNS), *OWN_COLUMNS]
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._rows: list[dict[str, Any]] = []
        self._file = _open(path)
        self._writer = _WRITERS[path.suffix.lower()](self._file, self._schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, batch: Batch, position: int, bucket: Bucket, cause: Cause, attempts: int) -> None:
        """Write one row.

        :param batch: where the row is.
        :param position: its place in the input.
        :param attempts: calls that carried it; 0 where it was not sent.
        """
        own = (position, bucket, cause.code, cause.meaning, cause.hint, attempts, datetime.now(UTC).isoformat())
        self._rows.append(_as_texts(batch, position) | dict(zip(OWN_COLUMNS, map(str, own), strict=True)))
        if len(self._rows) >= FLUSH_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._flush()
        self._writer.close()
        self._file.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write(pa.Table.from_pylist(self._rows, self._schema))
            self._rows.clear()


def _as_texts(batch: Batch, position: int) -> dict[str, str | None]:
    row = batch.records.slice(position - batch.start, 1)
    return {name: as_text(column)[0].as_py() for name, column in zip(row.schema.names, row.columns, strict=True)}


def _open(path: OpenablePath) -> Any:
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"rejects_path {path} says no format: let its name end in {', '.join(_WRITERS)}.")
    try:
        try:
            return path.open("wb")
        except FileNotFoundError:  # of the folder, which object storage does not have
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("wb")
    except OSError as failure:
        reason = failure.strerror or failure  # object storage gives no strerror
        raise InputError(f"rejects_path {path} cannot be written ({reason}): no call was made.") from None


def _parquet(file: Any, schema: pa.Schema) -> _Writer:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only those who write Parquet pay for it

    writer: _Writer = pq.ParquetWriter(file, schema)
    return writer


def _csv(file: Any, schema: pa.Schema) -> _Writer:
    from pyarrow import csv  # noqa: PLC0415

    writer: _Writer = csv.CSVWriter(file, schema)
    return writer


class _JsonLines:
    def __init__(self, file: Any, schema: pa.Schema) -> None:  # noqa: ARG002 - all writers are made alike
        self._file = file

    def write(self, rows: pa.Table) -> None:
        self._file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows.to_pylist()))

    def close(self) -> None:
        """Nothing is held back."""


_WRITERS: Final[dict[str, Callable[[Any, pa.Schema], _Writer]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _JsonLines,
}
