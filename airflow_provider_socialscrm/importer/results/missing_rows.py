"""Find the rows that a retry needs: done, not accepted, and perhaps in no file that this worker can see."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.paths import OpenablePath
from airflow_provider_socialscrm.importer.reasons import BUCKET_COLUMN, IMPORT_COLUMN, POSITION_COLUMN, Bucket
from airflow_provider_socialscrm.importer.results.dead_letter_parts import DeadLetterEntry
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.results.not_accepted import NotAccepted
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.wording import counted, worded

log = logging.getLogger(__name__)

MOST_NAMED: Final = 10
"""Positions that a sentence names."""

DONE: Final = (Bucket.REJECTED.value, Bucket.UNKNOWN.value)
"""Buckets of rows that are done; each try decides on the others again."""


@dataclass(frozen=True, slots=True)
class EarlierTries:
    """The rows that earlier tries left for a later one.

    :param not_accepted: the rows that are done and that the dead letter must have.
    :param done_rows: returns the rows of the input that are done.
    :param allow_missing: whether to go on without rows that are in no file.
    """

    not_accepted: NotAccepted
    done_rows: Callable[[], Iterable[Row]]
    allow_missing: bool = False


def complete(
    entries: dict[int, DeadLetterEntry], path: OpenablePath, identity: ImportIdentity, tries: EarlierTries
) -> None:
    """Add the rows that the parts lack and the dead letter itself has, and check that none is missing then.

    :param entries: the rows that are done in the parts, by their places in the order of sending.
    :param path: of the dead letter as the last try left it.
    :raises CheckpointError: naming the missing rows by their positions, unless the user allows them.
    """
    if _missing(entries, tries.not_accepted) == 0:
        return
    in_file = {int(row[POSITION_COLUMN] or -1): row for row in _rows_in(path, identity)}
    lacking: list[int] = []
    places = tries.not_accepted.places
    for row in tries.done_rows():
        if row.order in entries:
            continue
        if row.position in in_file:
            entries[row.order] = DeadLetterEntry(in_file[row.position], row.order)
        elif places is not None and row.order in places:
            lacking.append(row.position)
    if missing := _missing(entries, tries.not_accepted):
        _report(missing, lacking, path, allow=tries.allow_missing)


def _missing(entries: dict[int, DeadLetterEntry], not_accepted: NotAccepted) -> int:
    places: Intervals | None = not_accepted.places
    found = len(entries) if places is None else sum(order in places for order in entries)
    return max(0, not_accepted.rows - found)


def _rows_in(path: OpenablePath, identity: ImportIdentity) -> Iterator[dict[str, Any]]:
    """Yield the rows of this import in a dead letter that are done; none if the file cannot be read."""
    with suppress(InputError, FileNotFoundError):
        for batch in open_source(path).batches():
            for row in batch.records.to_pylist():
                if row.get(IMPORT_COLUMN) == identity.owner and row.get(BUCKET_COLUMN) in DONE:
                    yield row


def _report(missing: int, positions: Sequence[int], path: OpenablePath, *, allow: bool) -> None:
    named = ", ".join(map(str, sorted(positions)[:MOST_NAMED]))
    more = f" and {missing - MOST_NAMED:,} more" if missing > MOST_NAMED else ""
    known = worded(missing, "its position is", "their positions are")
    which = f"{known} {named}{more}" if positions else "they are too many for their positions to be known"
    rows = counted(missing, "row that is done and was", "rows that are done and were")
    what = f"{rows} not accepted would be missing from rejects_path {path} ({which})"
    if allow:
        log.warning("%s: the task goes on, as allow_missing_rejects says", what)
        return
    raise CheckpointError(
        f"{what}: no call was made, because {path.name}.parts of an earlier try is not here, or not whole. Let the "
        "task run where that folder is, or put it back, or set allow_missing_rejects=True to go on without these rows."
    )
