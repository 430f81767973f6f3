"""The refused rows, written as they happen, each with why and what to mend."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import readable
from airflow_provider_socialscrm.importer.errors import CheckpointError, ImporterError, InputError
from airflow_provider_socialscrm.importer.paths import OpenablePath, open_to_write
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS, Bucket, Reason
from airflow_provider_socialscrm.importer.rows import OwnColumns

MAY_PASS: Final = frozenset({errno.EAGAIN, errno.EBUSY, errno.EIO})
"""Errors of a storage that is out of order for a while; fsspec names those of object storage so."""

FLUSH_ROWS: Final = 10_000
"""Rows gathered before they are written together: a few megabytes."""


class _Writer(Protocol):
    def write(self, rows: pa.Table) -> Any: ...

    def close(self) -> Any: ...


class DeadLetter:
    """Writes the rows that did not go in to a file, as they happen.

    While the import runs they are in small files in a folder beside it, ``<path>.parts``, each written whole: no kill
    loses one, on no storage. At the end they become the one file, which is also there when no row was refused. The
    row's own columns are text, in the form the API takes, so the file can be mended and given back as data.

    :param path: ends in ``.parquet``, ``.csv`` or ``.jsonl``.
    :param columns: names of the row's own columns.
    :param is_settled: tells, of a place in the order of sending, whether an earlier try settled it: its rows are kept,
        others found in the folder are forgotten, since this try judges them anew.
    :raises InputError: when the path's ending says no format, or the file cannot be written.
    :raises CheckpointError: when it cannot be written just now, or what an earlier try left cannot be taken up.
    """

    def __init__(self, path: OpenablePath, columns: Sequence[str], is_settled: Callable[[int], bool]) -> None:
        if path.suffix.lower() not in _WRITERS:
            raise InputError(f"rejects_path {path} says no format: let its name end in {', '.join(_WRITERS)}.")
        names = [*(name for name in columns if name not in OWN_COLUMNS), *OWN_COLUMNS]
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._path = path
        self._folder = _folder(path)
        self._pending: list[_Kept] = []
        self._number = 0
        self._written: list[Any] = []  # known rather than listed: object storage may list what it had a while ago
        self._batch: OwnColumns | None = None
        self._texts: dict[str, pa.Array] = {}
        try:
            self._write_file(())  # before any call, so that a path that cannot be written is found in time
        except OSError as failure:
            raise self._not_begun(failure) from None
        with self._trouble_named():
            self._take_up(is_settled)

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
        """Take one row.

        :param batch: where the row is.
        :param position: its place in the input.
        :param attempts: calls that carried it; 0 where it was not sent.
        :param order: its place in the order of sending, where it is settled for good.
        """
        now = datetime.now(UTC).isoformat()
        own = (position, bucket, reason.code, reason.meaning, reason.hint, attempts, now)
        why = dict(zip(OWN_COLUMNS, (batch.file, *map(str, own)), strict=True))
        row = self._texts_of(batch, position) | why
        self._pending.append(_Kept(row, order))
        if len(self._pending) >= FLUSH_ROWS:
            self.flush()

    def _texts_of(self, batch: OwnColumns, position: int) -> dict[str, str | None]:
        if self._batch is not batch:  # rows of one batch follow each other, and a column costs little more than a row
            self._batch, self._texts = batch, _as_texts(batch)
        return {name: column[position - batch.start].as_py() for name, column in self._texts.items()}

    def flush(self) -> None:
        """Write what was added since the last time.

        :raises CheckpointError: when it cannot be written.
        """
        if self._pending:
            with self._trouble_named():
                self._write_part()
            self._pending.clear()

    def close(self) -> None:
        """Write the one file. The small ones stay for a later try, until :meth:`forget_parts`.

        :raises CheckpointError: when it cannot be written.
        """
        self.flush()
        with self._trouble_named():
            self._write_file(self._written)

    def forget_parts(self) -> None:
        """Remove the folder beside the one file: the import is complete, and the file has all of its rows."""
        _remove(self._folder, self._written)

    def _write_part(self) -> None:
        self._number += 1
        part = self._folder / f"{self._number:08}.jsonl"
        with open_to_write(part) as file:
            file.write(b"".join(msgspec.json.encode(kept) + b"\n" for kept in self._pending))
        self._written.append(part)

    @contextmanager
    def _trouble_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            advice = "Let the worker write it: a retry goes on from the last save, and writes the file anew."
            raise CheckpointError(f"{self._cannot(failure)}, so the run stops. {advice}") from None

    def _not_begun(self, failure: OSError) -> ImporterError:
        begin = f"{self._cannot(failure)}: no call was made."
        if isinstance(failure, ConnectionError | TimeoutError) or failure.errno in MAY_PASS:
            return CheckpointError(f"{begin} A retry tries again.")
        return InputError(f"{begin} Let the worker write it.")

    def _cannot(self, failure: OSError) -> str:
        reason = failure.strerror or failure  # object storage gives no strerror
        return f"rejects_path {self._path} cannot be written ({reason})"

    def _take_up(self, is_settled: Callable[[int], bool]) -> None:
        parts = _parts(self._folder)
        kept = [row for part in parts for row in _read(part) if row.order is not None and is_settled(row.order)]
        self._number = max((int(part.name.split(".")[0]) for part in parts), default=0)
        self._pending = list({row.order: row for row in kept}.values())
        self.flush()
        _remove(self._folder, parts)

    def _write_file(self, parts: Sequence[Any]) -> None:
        make_writer = _WRITERS[self._path.suffix.lower()]
        with open_to_write(self._path) as file, closing(make_writer(file, self._schema)) as writer:
            for part in parts:
                rows = [kept.row for kept in _read(part)]
                writer.write(pa.Table.from_pylist(rows, self._schema))


_PART: Final = re.compile(r"\d{8}\.jsonl")


def forget_parts(path: OpenablePath) -> None:
    """Remove the folder beside a dead letter that an earlier try completed."""
    folder = _folder(path)
    _remove(folder, _parts(folder))


def has_parts(path: OpenablePath) -> bool:
    """Say whether the import that writes a dead letter is not complete yet."""
    return bool(_parts(_folder(path)))


def _folder(path: OpenablePath) -> Any:
    return path.parent / f"{path.name}.parts"


def _parts(folder: Any) -> list[Any]:
    found = folder.iterdir() if folder.exists() else ()
    return sorted(part for part in found if _PART.fullmatch(part.name))


def _remove(folder: Any, parts: Sequence[Any]) -> None:
    for part in parts:
        part.unlink()
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


class _Kept(msgspec.Struct):
    row: dict[str, str | None]
    order: int | None


def _read(part: Any) -> list[_Kept]:
    with part.open("rb") as file:
        lines = file.read().split(b"\n")
    return [_decoder.decode(line) for line in lines[:-1]]  # a kill may have cut the last line short: not settled yet


_decoder = msgspec.json.Decoder(_Kept)


def _as_texts(batch: OwnColumns) -> dict[str, pa.Array]:
    records = batch.records
    columns = zip(records.schema.names, records.columns, strict=True)
    return {name: as_text(readable(column)) for name, column in columns}


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
