"""How far a check is, on a terminal; nothing of it stays there, and elsewhere nothing shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.sources.base import Piece, Source


class ProgressObserver:
    """Sees the rows pass by.

    :param progress: shows what was seen.
    """

    def __init__(self, progress: Progress) -> None:
        self.files: set[str | None] = set()
        """The files that have rows."""
        self._progress = progress
        self._task = progress.add_task("Reading", total=None, rows="")
        self._read = 0
        self._checking = False

    def over(self, source: Source) -> Source:
        """Return the same table, seen while it is read."""
        return replace(source, read=lambda only: self._seen(source.read(only)))

    def checked(self, rows: int, total: int) -> None:
        """See how many rows were looked at, and how many there are."""
        self._checking = True
        self._progress.update(
            self._task, description="Checking", completed=rows, total=total, rows=f"{rows:,} of {total:,} rows"
        )

    def _seen(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        rows = 0
        for piece in pieces:
            rows += piece.records.num_rows
            self.files.add(piece.file)
            if rows > self._read and not self._checking:
                self._read = rows
                self._progress.update(self._task, rows=f"{rows:,} rows")
            yield piece


@contextmanager
def watching() -> Iterator[ProgressObserver]:
    """Show progress on a terminal while something is read and checked."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"))
    shows = sys.stderr.isatty()
    screen = Console(file=sys.stderr, markup=False, quiet=not shows)  # older versions end also a disabled one by a line
    with Progress(*columns, console=screen, transient=True, disable=not shows) as progress:
        yield ProgressObserver(progress)
