"""The dead letter at ``rejects_path``: rows that were not accepted, each with its reason and how to fix it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, SupersededError
from airflow_provider_socialscrm.importer.identity import OUTSIDE_AIRFLOW, ImportIdentity
from airflow_provider_socialscrm.importer.paths import OpenablePath, make_writable, open_to_write
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN, OWN_COLUMNS, Bucket, Reason
from airflow_provider_socialscrm.importer.results.dead_letter_formats import WRITERS
from airflow_provider_socialscrm.importer.results.dead_letter_owner import Claim
from airflow_provider_socialscrm.importer.results.dead_letter_parts import DeadLetterEntry, Parts, read_part
from airflow_provider_socialscrm.importer.results.missing_rows import EarlierTries, complete
from airflow_provider_socialscrm.importer.rows import OwnColumns

TEMPORARY: Final = frozenset({errno.EAGAIN, errno.EBUSY, errno.EIO})
"""Errors of a storage that is unavailable for a while; fsspec uses them for object storage."""

FLUSH_ROWS: Final = 10_000
"""Rows in memory after which they are written: a few megabytes."""


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
    :param identity: the import, which each row names. A file with rows of another import is not touched.
    :param earlier: the rows of earlier tries that must be there; ``None`` if there are none.
    :param check_claim: raises a :class:`SupersededError` if another try of the import writes the dead letter by now.
    :param flush_rows: rows in memory after which they are written.
    :raises InputError: if the path's ending is not that of a format, the file cannot be written, or it is another
        import's.
    :raises CheckpointError: if it cannot be written at the moment, or rows of an earlier try are damaged or missing.
    """

    def __init__(
        self,
        path: OpenablePath,
        columns: Sequence[str],
        is_done: Callable[[int], bool],
        *,
        identity: ImportIdentity = OUTSIDE_AIRFLOW,
        earlier: EarlierTries | None = None,
        check_claim: Callable[[], None] = lambda: None,
        flush_rows: int = FLUSH_ROWS,
    ) -> None:
        if path.suffix.lower() not in WRITERS:
            raise InputError(f"rejects_path {path} has an unknown format: let its name end in {', '.join(WRITERS)}.")
        names = [*(name for name in columns if name not in OWN_COLUMNS), *OWN_COLUMNS]
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._path = path
        self._identity = identity
        self._check_claim = check_claim
        self._flush_rows = flush_rows
        self._parts = Parts(path)
        self._claim = Claim(path, self._parts.folder, identity)
        self._pending: list[DeadLetterEntry] = []
        self._is_closed = False
        self._batch: OwnColumns | None = None
        self._texts: dict[str, pa.Array] = {}
        with self._errors_before_any_call():
            self._claim.take()
        with self._named_errors():
            left = self._parts.found()
            self._pending = self._earlier_entries(left, is_done, earlier)
            self.flush()  # before the file is overwritten, which some of these rows may be from
        with self._errors_before_any_call():
            self._write_file(())  # so that a path that cannot be written is found in time
        with self._named_errors():
            self._parts.delete(left)

    def __enter__(self) -> Self:
        """Return the dead letter."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the one file, unless that is done, or another try writes it."""
        if not self._is_closed and not isinstance(error, SupersededError):
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
        own = (position, bucket, reason.code, reason.meaning, reason.hint, attempts, now, self._identity.owner)
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
            self._check_claim()
            with self._named_errors():
                self._parts.write(self._pending)
            self._pending.clear()

    def close(self) -> None:
        """Write the one file. The small ones stay for a later try, until :meth:`delete_parts`.

        :raises CheckpointError: if it cannot be written.
        """
        self._is_closed = True
        self._check_claim()
        self.flush()
        with self._named_errors():
            self._write_file(self._parts.written)

    def delete_parts(self) -> None:
        """Delete the folder beside the one file: the import is complete, and the file has all of its rows."""
        self._parts.delete(self._parts.written)
        self._claim.release()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            advice = f"{make_writable(failure)}: a retry resumes from the last save and writes the whole file."
            raise CheckpointError(f"{self._cannot(failure)}, so the task stops. {advice}") from None

    @contextmanager
    def _errors_before_any_call(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            message = f"{self._cannot(failure)}: no call was made."
            if isinstance(failure, ConnectionError | TimeoutError) or failure.errno in TEMPORARY:
                raise CheckpointError(f"{message} A retry tries again.") from None
            raise InputError(f"{message} {make_writable(failure, may_move=True)}.") from None

    def _cannot(self, failure: OSError) -> str:
        reason = failure.strerror or failure  # object storage gives no strerror
        return f"rejects_path {self._path} cannot be written ({reason})"

    def _earlier_entries(
        self, parts: Sequence[Any], is_done: Callable[[int], bool], earlier: EarlierTries | None
    ) -> list[DeadLetterEntry]:
        ours = (None, self._identity.owner)  # the parts of an earlier version name no import
        found = (entry for part in parts for entry in read_part(part) if entry.row.get(IMPORT_COLUMN) in ours)
        entries = {entry.order: entry for entry in found if entry.order is not None and is_done(entry.order)}
        if earlier:
            complete(entries, self._path, self._identity, earlier)
        return list(entries.values())

    def _write_file(self, parts: Sequence[Any]) -> None:
        make_writer = WRITERS[self._path.suffix.lower()]
        with open_to_write(self._path) as file, closing(make_writer(file, self._schema)) as writer:
            for part in parts:
                rows = [entry.row for entry in read_part(part)]
                writer.write(pa.Table.from_pylist(rows, self._schema))


def delete_parts(path: OpenablePath, identity: ImportIdentity = OUTSIDE_AIRFLOW) -> None:
    """Delete the folder beside a dead letter that an earlier try of the import completed."""
    parts = Parts(path)
    claim = Claim(path, parts.folder, identity)
    if claim.is_ours():
        parts.delete(parts.found())
        claim.release()


def has_parts(path: OpenablePath) -> bool:
    """Return whether an import that is not complete writes this dead letter."""
    parts = Parts(path)
    return bool(parts.found()) or Claim(path, parts.folder, OUTSIDE_AIRFLOW).is_taken()


def _as_texts(batch: OwnColumns) -> dict[str, pa.Array]:
    records = batch.records
    columns = zip(records.schema.names, records.columns, strict=True)
    return {name: as_text(as_utf8(column)) for name, column in columns}
