"""Where rows are settled: counted, kept in the dead letter unless accepted, and checkpointed. In this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from airflow_provider_socialscrm.importer.paths import OpenablePath
from airflow_provider_socialscrm.importer.reasons import DUPLICATE, Bucket, Reason, counted_as, superseded_by, together
from airflow_provider_socialscrm.importer.results.checkpoint import Progress
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import OwnColumns, PreparedBatch, Row


class Recorder:
    """Settles rows, each once.

    :param report: counts them.
    :param progress: keeps what a later try need not do again.
    :param elapsed: seconds that the import has taken, over all tries; kept with the rest.
    """

    def __init__(self, report: Report, progress: Progress, elapsed: Callable[[], float] = float) -> None:
        self.report = report
        self.dead_letter: DeadLetter | None = None
        """Keeps the rows that do not go in, while it is open."""
        self.saver: Executor | None = None
        """Keeps the state in a thread of its own, while it is open, so that calls go on meanwhile."""
        self.watch: Callable[[Report], None] | None = None
        """Looks at the report each time there may be something new to keep."""
        self._progress = progress
        self._elapsed = elapsed
        self._saving: Future[None] | None = None
        self._unsaved = False
        self._calls_being_kept = 0
        self._calls_since = 0

    @contextmanager
    def keeping(self, path: OpenablePath | None, columns: Sequence[str]) -> Iterator[None]:
        """Keep the rows that do not go in at ``path``, if there is one.

        :param columns: names of the rows' own columns.
        :raises InputError: when the path cannot be written, or says no format.
        :raises CheckpointError: when it cannot be written any more.
        """
        if path is not None:
            self.dead_letter = DeadLetter(path, columns, self._progress.is_settled_place)
        try:
            yield
        finally:
            if self.dead_letter:
                self.dead_letter.close()

    def record(self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None = None, attempts: int = 0) -> None:
        """Put rows into their bucket for good: no later try sends them.

        :param reason: why, for all that were not accepted.
        :param attempts: calls that carried the rows.
        """
        if not rows:
            return
        self._put(bucket, rows, reason, attempts, for_good=True)
        self._progress.settle(rows)
        self._unsaved = True  # also where no call of their own settled them, as with an agent's later rows

    def record_for_this_try(self, bucket: Bucket, rows: Sequence[Row], reason: Reason, attempts: int = 0) -> None:
        """Put rows into their bucket for this try; a later one sends them."""
        self._put(bucket, rows, reason, attempts, for_good=False)

    def record_unsent(self, prepared: PreparedBatch) -> None:
        """Put the rows of a batch that are not sent into their buckets, with all that is wrong with them."""
        for invalid in prepared.invalid:
            counted = together([counted_as(reason) for reason in invalid.reasons])
            self._record_unsent(prepared.batch, invalid.position, Bucket.INVALID, counted, together(invalid.reasons))
        for row in prepared.superseded:
            self._record_unsent(prepared.batch, row.position, Bucket.DUPLICATE, DUPLICATE, superseded_by(row.winner))
        if prepared.blank:
            self.report.settle(Bucket.BLANK, prepared.blank, for_good=False)

    def _record_unsent(self, batch: OwnColumns, position: int, bucket: Bucket, counted: Reason, own: Reason) -> None:
        self.report.settle(bucket, [position], counted, for_good=False)
        if self.dead_letter:
            self.dead_letter.add(batch, position, bucket, own)

    def intend(self, rows: Sequence[Row]) -> None:
        """Note, and keep at once, that rows which must not be sent twice are about to be sent."""
        self._progress.intend(rows)
        self._unsaved = True
        self.wait()

    def resolve(self, rows: Iterable[Row]) -> None:
        """Note that such rows were surely not taken."""
        self._progress.resolve(rows)

    @property
    def unkept_calls(self) -> int:
        """Finished calls whose outcome is not kept yet: a kill would have them repeated."""
        return self._calls_being_kept + self._calls_since

    @property
    def saving(self) -> list[Future[None]]:
        """The save that runs just now, if any."""
        return [self._saving] if self._saving else []

    def save(self, calls: int = 0) -> None:
        """Keep what was settled since the last time, now or as soon as the save that runs has ended.

        :param calls: how many finished since then.
        """
        self.look()
        self._calls_since += calls
        self._unsaved = self._unsaved or calls > 0
        if self._saving and self._saving.done():
            self._saved()
        if self._unsaved and self._saving is None:
            self._start_saving()

    def look(self) -> None:
        """Let the watch, if there is one, tell how far the run is."""
        if self.watch:
            self.watch(self.report)

    def wait(self) -> None:
        """Wait until everything is kept; what goes wrong with it is raised here."""
        while self._unsaved or self._saving:
            self.save()
            if self._saving:
                self._saved()

    def complete(self) -> None:
        """Keep, at once, that nothing is left to do, and every count."""
        self.wait()
        self._progress.keep(self._progress.state(self.report.state(complete=True), complete=True))

    def forget_parts(self) -> None:
        """Leave no rows beside the dead letter, if there is one: no later try goes on from them."""
        if self.dead_letter:
            self.dead_letter.forget_parts()

    def _start_saving(self) -> None:
        if self.dead_letter:
            self.dead_letter.flush()  # first the refused rows, then that they are settled
        self.report.seconds.total = self._elapsed()
        state = self._progress.state(self.report.state())
        self._unsaved, self._calls_being_kept, self._calls_since = False, self._calls_since, 0
        if self.saver:
            self._saving = self.saver.submit(self._progress.keep, state)
        else:
            self._progress.keep(state)
            self._calls_being_kept = 0

    def _saved(self) -> None:
        saving, self._saving = self._saving, None
        if saving:
            saving.result()
        self._calls_being_kept = 0

    def _put(
        self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None, attempts: int, *, for_good: bool
    ) -> None:
        self.report.settle(bucket, [row.position for row in rows], reason, for_good=for_good)
        if reason and self.dead_letter:
            for row in rows:
                order = row.order if for_good else None
                self.dead_letter.add(row.batch, row.position, bucket, reason, attempts=attempts, order=order)
