"""The dead letter at ``rejects_path``: rows that were not accepted, each with its reason and how to fix it."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.errors import CheckpointError, ImporterError, InputError
from airflow_provider_socialscrm.importer.paths import OpenablePath, open_to_write
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS, Bucket, Reason
from airflow_provider_socialscrm.importer.rows import OwnColumns

TEMPORARY: Final = frozenset({errno.EAGAIN, errno.EBUSY, errno.EIO})
"""Errors of a storage that is unavailable for a while; fsspec uses them for object storage."""

FLUSH_ROWS: Final = 10_000
"""Rows in memory after which they are written: a few megabytes."""


class _Writer(Protocol):
    def write(self, rows: pa.Table) -> Any: ...

    def close(self) -> Any: ...


class DeadLetter:
    """Write the rows that were not imported to a file, which leaving the block completes.

    While the import runs, the rows are in small files in a folder beside the file, ``<path>.parts``. Each is written as
    a whole, so that no kill loses a row, on any storage. At the end their rows become the one file, which also exists
    if no row was rejected. The row's own columns are text in the form the API takes, so that a person can fix the file
    and import it.

    :param path: ends in ``.parquet``, ``.csv`` or ``.jsonl``.
    :param columns: names of the row's own columns.
    :param is_done: returns, for a place in the order of sending, whether the row there is done. Such rows that an
        earlier try left in the folder are copied; its others are deleted, since this try decides on them again.
    :param flush_rows: rows in memory after which they are written.
    :raises InputError: if the path's ending is not that of a format, or the file cannot be written.
    :raises CheckpointError: if it cannot be written at the moment, or an earlier try's rows cannot be read.
    """

    def __init__(
        self,
        path: OpenablePath,
        columns: Sequence[str],
        is_done: Callable[[int], bool],
        *,
        flush_rows: int = FLUSH_ROWS,
    ) -> None:
        if path.suffix.lower() not in _WRITERS:
            raise InputError(f"rejects_path {path} has an unknown format: let its name end in {', '.join(_WRITERS)}.")
        names = [*(name for name in columns if name not in OWN_COLUMNS), *OWN_COLUMNS]
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._path = path
        self._flush_rows = flush_rows
        self._folder = _folder(path)
        self._pending: list[DeadLetterEntry] = []
        self._number = 0
        self._written: list[Any] = []  # remembered, because object storage may list what it had a while ago
        self._is_closed = False
        self._batch: OwnColumns | None = None
        self._texts: dict[str, pa.Array] = {}
        try:
            self._write_file(())  # before any call, so that a path that cannot be written is found in time
        except OSError as failure:
            raise self._error_before_any_call(failure) from None
        with self._named_errors():
            self._resume(is_done)

    def __enter__(self) -> Self:
        """Return the dead letter."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the one file, unless that is done."""
        if not self._is_closed:
            with nullcontext() if error is None else suppress(CheckpointError):  # must not hide the error
                self.close()

    def add(
        self,
        batch: OwnColumns,
        position: int,
        bucket: Bucket,
        reason: Reason,
        *,
        attempts: int = 0,
        order: int | None = None,
    ) -> None:
        """Add one row.

        :param batch: where the row is.
        :param position: its place in the input.
        :param attempts: calls that carried it; 0 if it was not sent.
        :param order: its place in the order of sending if it is done; ``None`` if a later try decides on it again.
        """
        now = datetime.now(UTC).isoformat()
        own = (position, bucket, reason.code, reason.meaning, reason.hint, attempts, now)
        why = dict(zip(OWN_COLUMNS, (batch.file, *map(str, own)), strict=True))
        row = self._texts_of(batch, position) | why
        self._pending.append(DeadLetterEntry(row, order))
        if len(self._pending) >= self._flush_rows:
            self.flush()

    def _texts_of(self, batch: OwnColumns, position: int) -> dict[str, str | None]:
        if self._batch is not batch:  # rows of one batch follow each other, and a column costs little more than a row
            self._batch, self._texts = batch, _as_texts(batch)
        return {name: column[position - batch.start].as_py() for name, column in self._texts.items()}

    def flush(self) -> None:
        """Write the rows that were added since the last time.

        :raises CheckpointError: if they cannot be written.
        """
        if self._pending:
            with self._named_errors():
                self._write_part()
            self._pending.clear()

    def close(self) -> None:
        """Write the one file. The small ones stay for a later try, until :meth:`delete_parts`.

        :raises CheckpointError: if it cannot be written.
        """
        self._is_closed = True
        self.flush()
        with self._named_errors():
            self._write_file(self._written)

    def delete_parts(self) -> None:
        """Delete the folder beside the one file: the import is complete, and the file has all of its rows."""
        _delete(self._folder, self._written)

    def _write_part(self) -> None:
        self._number += 1
        part = self._folder / f"{self._number:08}.jsonl"
        with open_to_write(part) as file:
            file.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in self._pending))
        self._written.append(part)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            advice = "Let the worker write it: a retry resumes from the last save and writes the whole file."
            raise CheckpointError(f"{self._cannot(failure)}, so the import stops. {advice}") from None

    def _error_before_any_call(self, failure: OSError) -> ImporterError:
        message = f"{self._cannot(failure)}: no call was made."
        if isinstance(failure, ConnectionError | TimeoutError) or failure.errno in TEMPORARY:
            return CheckpointError(f"{message} A retry tries again.")
        return InputError(f"{message} Let the worker write it.")

    def _cannot(self, failure: OSError) -> str:
        reason = failure.strerror or failure  # object storage gives no strerror
        return f"rejects_path {self._path} cannot be written ({reason})"

    def _resume(self, is_done: Callable[[int], bool]) -> None:
        parts = _parts(self._folder)
        entries = [entry for part in parts for entry in _read(part) if entry.order is not None and is_done(entry.order)]
        self._number = max((int(part.name.split(".")[0]) for part in parts), default=0)
        self._pending = list({entry.order: entry for entry in entries}.values())
        self.flush()
        _delete(self._folder, parts)

    def _write_file(self, parts: Sequence[Any]) -> None:
        make_writer = _WRITERS[self._path.suffix.lower()]
        with open_to_write(self._path) as file, closing(make_writer(file, self._schema)) as writer:
            for part in parts:
                rows = [entry.row for entry in _read(part)]
                writer.write(pa.Table.from_pylist(rows, self._schema))


_PART: Final = re.compile(r"\d{8}\.jsonl")


def delete_parts(path: OpenablePath) -> None:
    """Delete the folder beside a dead letter that an earlier try completed."""
    folder = _folder(path)
    _delete(folder, _parts(folder))


def has_parts(path: OpenablePath) -> bool:
    """Return whether an import that is not complete writes this dead letter."""
    return bool(_parts(_folder(path)))


def _folder(path: OpenablePath) -> Any:
    return path.parent / f"{path.name}.parts"


def _parts(folder: Any) -> list[Any]:
    found = folder.iterdir() if folder.exists() else ()
    return sorted(part for part in found if _PART.fullmatch(part.name))


def _delete(folder: Any, parts: Sequence[Any]) -> None:
    for part in parts:
        part.unlink()
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


class DeadLetterEntry(msgspec.Struct):
    """A line of a small file.

    :param row: its columns as text, the reason included.
    :param order: its place in the order of sending; ``None`` if a later try decides on it again.
    """

    row: dict[str, str | None]
    order: int | None

    def __repr__(self) -> str:  # a customer must not show in a log
        return f"DeadLetterEntry(order={self.order})"


def _read(part: Any) -> list[DeadLetterEntry]:
    with part.open("rb") as file:
        lines = file.read().split(b"\n")
    return [_decoder.decode(line) for line in lines[:-1]]  # a kill may cut the last line short: its row is not done


_decoder = msgspec.json.Decoder(DeadLetterEntry)


def _as_texts(batch: OwnColumns) -> dict[str, pa.Array]:
    records = batch.records
    columns = zip(records.schema.names, records.columns, strict=True)
    return {name: as_text(as_utf8(column)) for name, column in columns}


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
        """Do nothing: each line is written at once."""


_WRITERS: Final[dict[str, Callable[[Any, pa.Schema], _Writer]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _JsonLines,
}
