"""Saves the checkpoint about once a second, and at once for rows that must not be sent twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.options import SAVE_INTERVAL
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.report import Report

NOW: Final = float("-inf")
"""A moment that has always passed."""


class CheckpointWriter:
    """Save the checkpoint with the report's counts in a thread of its own.

    Leaving the block waits for the save that runs. After an error it saves no more rows: the error, such as a task's
    time-out, may have come between two steps that belong together. So the owner calls :meth:`save_now` where the counts
    are whole.

    Sending does not wait for a save, so a kill repeats the calls in flight and those answered since the last save: at
    most the calls of one interval and of the time that a save takes. What goes wrong in a save is raised by the next
    method that is called; :meth:`save_now` tries again.

    :param checkpoint: the rows that are done.
    :param report: their counts.
    :param dead_letter: written before each save, so that no rejected row counts as done before it is in the file.
    :param flush_ledger: writes the ledger's log before each save, so that no row is done that it does not have.
    :param elapsed: returns the seconds of the import, those of earlier tries included.
    :param now: seconds of a clock that never goes back.
    :param interval: seconds from the start of one save to the next; longer if a save takes longer.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        report: Report,
        dead_letter: DeadLetter | None = None,
        *,
        flush_ledger: Callable[[], None] = lambda: None,
        elapsed: Callable[[], float],
        now: Callable[[], float] = time.monotonic,
        interval: float = SAVE_INTERVAL,
    ) -> None:
        self._checkpoint = checkpoint
        self._report = report
        self._dead_letter = dead_letter
        self._flush_ledger = flush_ledger
        self._elapsed = elapsed
        self._now = now
        self._interval = interval
        self._pool = ThreadPoolExecutor(1, "socialscrm-checkpoint")
        self._running: Future[None] | None = None
        self._handed_over: dict[str, Any] = {}
        self._has_changes = False
        self._has_failed = False
        self._due = NOW  # the first save shows early whether the store can be written

    def __enter__(self) -> Self:
        """Return the writer."""
        self._handed_over = self._checkpoint.state(self._report.state())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save what is not saved yet; after an error only the counts of calls, and nothing if a save failed before."""
        with self._pool:
            if error is None and not self._has_failed:
                self.save_now()
            elif not self._has_failed and self._report.state()["calls"] != self._handed_over["report"]["calls"]:
                with suppress(CheckpointError):  # must not hide the error
                    self._save_counts()

    def mark_changed(self, *, at_once: bool = False) -> None:
        """Note that there is something to save.

        :param at_once: do not wait for the rest of the interval.
        """
        self._has_changes = True
        if at_once:
            self._due = NOW

    @property
    def running(self) -> list[Future[None]]:
        """The save that runs, if any, to wait for."""
        return [self._running] if self._running else []

    def due_in(self) -> float | None:
        """Return the seconds until a save has to start; ``None`` if there are no changes, or one is running."""
        return max(0.0, self._due - self._now()) if self._has_changes and not self._running else None

    def save_if_due(self) -> None:
        """Start a save if it is time.

        :raises CheckpointError: if the last save failed, or the dead letter cannot be written.
        """
        if self._running and self._running.done():
            self._finish()
        if self.due_in() == 0:
            self._start()

    def save_now(self) -> None:
        """Save all changes and wait until they are saved.

        :raises CheckpointError: if they cannot be saved.
        """
        self._finish()
        if self._has_changes:
            self._start()
            self._finish()

    def save_complete(self) -> None:
        """Save that a retry has nothing to do, and wait until it is saved. Call this when the dead letter is closed.

        :raises CheckpointError: if it cannot be saved.
        """
        self._finish()
        self._start(complete=True)
        self._finish()

    def _start(self, *, complete: bool = False) -> None:
        self._has_failed = True  # until the state is handed over
        if self._dead_letter:
            self._dead_letter.flush()
        self._flush_ledger()
        self._report.record_total_seconds(self._elapsed())
        state = self._checkpoint.state(self._report.state(complete=complete), complete=complete)
        self._handed_over = state
        self._running = self._pool.submit(self._checkpoint.save, state)
        self._has_changes, self._has_failed, self._due = False, False, self._now() + self._interval

    def _save_counts(self) -> None:
        """Save the rows that were whole the last time, with the calls that were made since."""
        self._finish()
        report = self._report.state() | {"done": self._handed_over["report"]["done"]}
        self._running = self._pool.submit(self._checkpoint.save, self._handed_over | {"report": report})
        self._finish()

    def _finish(self) -> None:
        if self._running:
            running, self._running, self._has_failed = self._running, None, True
            try:
                running.result()
            except BaseException:
                self._has_changes = True  # they are not saved
                raise
            self._has_failed = False
