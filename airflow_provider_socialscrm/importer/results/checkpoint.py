"""The checkpoint: the rows that a retry need not send, and those that it must not send.

Its size does not depend on the input's: it has intervals of places in the order of sending, a sum over the content of
the rows there, and the counts of the report. It does not count if the input or the target changed. Rows with side
effects are marked before they are sent: if a kill cuts their call short, their outcome is known to be in doubt. If a
retry starts over, or finds no checkpoint, nobody knows which of them were sent, so all of them are held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.reasons import (
    CUT_SHORT,
    DECIDED_BEFORE,
    HELD,
    NO_CHECKPOINT,
    STARTED_OVER,
    Bucket,
    Reason,
)
from airflow_provider_socialscrm.importer.results.checkpoint_state import CheckpointState
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore
from airflow_provider_socialscrm.importer.results.input_sum import InputSum
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.results.not_accepted import NotAccepted
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.results.saved_values import DamagedError, as_hex, checked
from airflow_provider_socialscrm.importer.rows import PreparedBatch, Row

log = logging.getLogger(__name__)

STATE_VERSION: Final = 4
"""Version of the state's form and of how rows are encoded and ordered. No run resumes from another version's state."""

_CONTENT: Final = 2**64


class Checkpoint:
    """The rows that are done, in this try or an earlier one: no later try sends them.

    :param store: saves it.
    :param plan: what must be the same for a later try to resume: the target and the columns.
    """

    def __init__(self, store: CheckpointStore, plan: Mapping[str, Any]) -> None:
        self._store = store
        self._plan = {"version": STATE_VERSION, **plan}
        self._done = Intervals()
        self._in_doubt = Intervals()
        self._uncertain = Intervals()
        self.not_accepted = NotAccepted()
        """The rows that are done and were not accepted, which the dead letter must have."""
        self._content = 0
        self._report: dict[str, Any] = {}
        self._input = InputSum()
        self._whole: InputSum | None = None
        self._held: str | None = None
        self._may_have_side_effects = self._is_reopened = False
        self._calls = self._saved_calls = 0
        self._may_lack_calls = False
        self.is_complete = False
        """Whether an earlier try left nothing to do."""

    def begin(self) -> None:
        """Leave a trace of this try, and let it own the checkpoint. Do this before the input is read.

        :raises InputError: if the checkpoint is that of another import.
        :raises CheckpointError: if it cannot be read or written, or a newer try owns it.
        """
        self._held = self._store.begin()
        self._may_lack_calls = self._store.claim()
        if self._held == NO_CHECKPOINT.code:
            log.warning(
                "This is a retry, and no earlier try has left a checkpoint: every row is sent again, and those with "
                "side effects are held as unknown, unless on_unknown is 'resend'."
            )

    def check_claim(self) -> None:
        """Raise if another try owns the checkpoint by now.

        :raises SupersededError: then.
        """
        self._store.check_claim()

    def release(self) -> None:
        """Let other tries own the checkpoint, at the end of this one."""
        self._store.release(is_saved=not self._may_lack_calls and self._calls == self._saved_calls)

    def saved(self, key: str) -> Any:
        """Return what an earlier try has saved of the plan under a key; ``None`` if it has not.

        :raises CheckpointError: if the state cannot be read.
        """
        plan = (self._store.load() or {}).get("plan")
        return plan.get(key) if isinstance(plan, dict) else None

    def add_to_plan(self, **more: Any) -> None:
        """Add what must be the same for a later try to resume."""
        self._plan |= more

    def load(self) -> bool:
        """Load the state of an earlier try, and return whether there was one for this plan.

        :raises CheckpointError: if the state cannot be read.
        """
        state = self._store.load()
        if state is None:
            return False
        plan = state.get("plan")
        if not isinstance(plan, dict):
            raise _damaged("it has no plan")
        if plan.get("version") != self._plan["version"]:
            log.warning("The provider's version has changed since the last try, so the task starts over.")
            self._may_have_side_effects = True  # the other version's state cannot say that it has none
            self.start_over()
            return False
        self._restore(state)
        if plan == self._plan:
            return True
        log.warning("The columns or the target have changed since the last try, so the task starts over.")
        self.start_over()
        return False

    def _restore(self, saved: dict[str, Any]) -> None:
        try:
            state = checked(saved, CheckpointState)
        except DamagedError as failure:
            raise _damaged(str(failure)) from None
        self._done, self._in_doubt = Intervals(state.done), Intervals(state.in_doubt)
        self._uncertain = Intervals(state.uncertain)
        self.not_accepted = NotAccepted(state.not_accepted, state.not_accepted_rows)
        self._content, self._report = int(state.content, 16), state.report
        self._held, self._may_have_side_effects = state.held, state.may_have_side_effects
        self._whole = InputSum.resumed(state.input) if state.input else None
        self.is_complete = state.complete
        self._may_lack_calls = self._may_lack_calls and not state.complete

    def resumed_report(self) -> Report:
        """Return the report of the earlier tries, to which this one adds.

        :raises CheckpointError: if it is not one, or does not fit the rows that are done.
        """
        try:
            report = Report.resumed(self._report)
        except DamagedError as failure:
            raise _damaged(f"report: {failure}") from None
        accepted = report.rows_in(Bucket.ACCEPTED) == self.done_rows - self.not_accepted.rows
        others = report.rows >= self.done_rows if self.is_complete else report.rows == self.done_rows
        if not (accepted and others):
            raise _damaged("its counts do not fit the rows that are done")
        return report

    def complete_calls(self, report: Report) -> None:
        """Add the calls that an earlier try started and did not save, or that there may be some.

        :raises CheckpointError: if the latter cannot be saved.
        """
        if (unsaved := self.unsaved_calls(report)) is not None:
            report.count_calls(sent=unsaved)
        else:
            report.count_calls(unsaved_ends=1)
            self.save(self.state(report.state()))  # a kill before the first save of this try must not hide it
        self._calls = self._saved_calls = report.calls.sent

    def unsaved_calls(self, report: Report) -> int | None:
        """Return how many calls an earlier try started and did not save; ``None`` if it is only known that it may have.

        :param report: the counts that were saved.
        """
        if not self._may_lack_calls:
            return 0
        counted = self._store.counted_calls()
        return None if counted is None else max(0, counted - report.calls.sent)

    def count_calls(self, number: int) -> None:
        """Note how many calls were started, in all tries, before one more starts.

        :raises CheckpointError: if they cannot be noted, or another try owns the checkpoint by now.
        """
        self._calls = number
        self._store.count_calls(number)

    @property
    def report(self) -> dict[str, Any]:
        """The counts of the earlier tries."""
        return self._report

    @property
    def done_rows(self) -> int:
        """How many rows are done."""
        return len(self._done)

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier try has rows that are done, in doubt or held."""
        return self.end > 0 or self._held is not None

    @property
    def end(self) -> int:
        """One more than the last place of a row that is done or in doubt."""
        return max(self._done.end, self._in_doubt.end)

    def matches(self, rows: Iterable[Row]) -> bool:
        """Return whether the rows that are done or in doubt are still the same in the input.

        :param rows: all rows of the input that can be sent, at least up to :attr:`end`.
        """
        known = (row for row in rows if self.is_done(row) or self.is_in_doubt(row))
        return sum(map(_content, known)) % _CONTENT == self._content

    def start_over(self) -> None:
        """Forget all rows, but not that rows with side effects may have been sent: then all of those are held."""
        if self._may_have_side_effects and not self._held:
            self._held = str(STARTED_OVER.code)
            log.warning("Rows with side effects are held as unknown then, unless on_unknown is 'resend'.")
        self._done, self._in_doubt, self._uncertain = Intervals(), Intervals(), Intervals()
        self.not_accepted = NotAccepted()
        self._content, self._report, self._whole = 0, {}, None
        self.is_complete = self._may_lack_calls = False
        self._store.restart(self._held)

    def look_at(self, prepared: PreparedBatch) -> None:
        """Take a batch into the sum of the whole input, which a complete import is compared by."""
        self._input.add(prepared)

    def is_whole(self, batches: Iterable[PreparedBatch]) -> bool:
        """Return whether these are all rows of the input that an earlier try completed, the unsent ones included."""
        found = InputSum()
        for prepared in batches:
            found.add(prepared)
        return self._whole == found

    def reopen(self, batches: Callable[[], Iterable[PreparedBatch]]) -> bool:
        """Return whether the input of a complete import has become longer only, or has other rows that are not sent.

        Then only its accepted rows stay done, at their new places in the order of sending. The others are undecided
        again; those with side effects are in doubt.

        :param batches: returns the whole input.
        """
        places = self.not_accepted.places
        if places is None or not self._whole:
            return False
        rows = self._whole.rows
        known, content = 0, 0
        for number, row in _first(batches(), rows):
            known, content = known + 1, (content + _content(row, number)) % _CONTENT
        if (known, content) != (self.done_rows, self._content):
            return False
        self._done, self._uncertain, self._content, self.not_accepted = Intervals(), Intervals(), 0, NotAccepted()
        for number, row in _first(batches(), rows):
            if number not in places:
                self.mark_done([row])
            elif row.has_side_effects:
                self.mark_intended([row])
        self.is_complete, self._is_reopened = False, True
        return True

    def is_done(self, row: Row) -> bool:
        """Return whether the row need not be sent any more."""
        return row.order in self._done

    def is_done_at(self, order: int) -> bool:
        """Return the same for a place in the order of sending."""
        return order in self._done

    def reason_to_hold(self, row: Row) -> Reason | None:
        """Return why a row that is not done must not be sent, or ``None`` if it may be."""
        if self.is_in_doubt(row):
            return DECIDED_BEFORE if self._is_reopened else CUT_SHORT
        return HELD.get(self._held, STARTED_OVER) if self._held and row.has_side_effects else None

    def is_in_doubt(self, row: Row) -> bool:
        """Return whether a kill may have cut short a call with this row, which must not be sent twice."""
        return row.order in self._in_doubt

    def any_in_doubt(self, rows: Iterable[Row]) -> bool:
        """Return whether one of these rows is in doubt."""
        return len(self._in_doubt) > 0 and any(map(self.is_in_doubt, rows))

    def mark_done(self, rows: Iterable[Row], *, accepted: bool = True) -> None:
        """Mark rows that need not be sent any more.

        :param accepted: whether the CRM accepted them; if not, the dead letter must have them.
        """
        done = list(rows)
        self.mark_resolved(done)
        if not accepted:
            self.not_accepted.add_all(row.order for row in done if not self.is_done(row))
        self._done.add_all(row.order for row in done)
        self._content = (self._content + sum(map(_content, done))) % _CONTENT

    def is_uncertain(self, row: Row) -> bool:
        """Return whether a try has left the row with a call that the CRM may have taken."""
        return row.order in self._uncertain

    def mark_uncertain(self, rows: Iterable[Row]) -> None:
        """Mark rows that this try leaves with a call that the CRM may have taken; a later try sends them again."""
        self._uncertain.add_all(row.order for row in rows if not self.is_uncertain(row))

    def mark_intended(self, rows: Iterable[Row]) -> None:
        """Mark rows that must not be sent twice as in doubt, before they are sent."""
        new = [row for row in rows if not self.is_in_doubt(row)]
        self._may_have_side_effects = self._may_have_side_effects or bool(new)
        self._in_doubt.add_all(row.order for row in new)
        self._content = (self._content + sum(map(_content, new))) % _CONTENT

    def mark_resolved(self, rows: Iterable[Row]) -> None:
        """Mark rows as no longer in doubt: the outcome of their call is known."""
        if not len(self._in_doubt):  # as in every run without side effects
            return
        known = [row for row in rows if self.is_in_doubt(row)]
        self._in_doubt.remove(row.order for row in known)
        self._content = (self._content - sum(map(_content, known))) % _CONTENT

    def state(self, report: dict[str, Any], *, complete: bool = False) -> dict[str, Any]:
        """Return all of it as JSON takes it, unaffected by later marks.

        :param report: the counts of the rows that are done.
        :param complete: whether a retry has nothing to do. A worker can be killed after this was saved, and before
            Airflow notes that the task succeeded.
        """
        return {
            "complete": complete,
            "plan": self._plan,
            "done": self._done.pairs(),
            "in_doubt": self._in_doubt.pairs(),
            "uncertain": self._uncertain.pairs(),
            **self.not_accepted.state(),
            "may_have_side_effects": self._may_have_side_effects,
            "held": self._held,
            "content": as_hex(self._content),
            "input": self._input.state() if complete else None,
            "report": report,
        }

    def save(self, state: dict[str, Any]) -> None:
        """Save what :meth:`state` returned; can run in a thread of its own, one at a time.

        :raises CheckpointError: if it cannot be saved.
        """
        self._store.save(state)
        self._saved_calls, self._may_lack_calls = state["report"].get("calls", {}).get("sent", 0), False


def _damaged(reason: str) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint of this task is damaged ({reason}), so it is not known which rows are done. No call was made. "
        "Restore it, or clear the task to start over: then every row is sent again."
    )


def _first(batches: Iterable[PreparedBatch], positions: int) -> Iterator[tuple[int, Row]]:
    """Yield the rows of the first so many positions, with the places in the order of sending that they have alone."""
    rows = (row for prepared in batches for row in prepared.rows)
    return enumerate(row for row in rows if row.position < positions)


def _content(row: Row, order: int | None = None) -> int:
    place = (row.order if order is None else order).to_bytes(8, "big") + row.position.to_bytes(8, "big")
    digest = blake2b(row.body, digest_size=8, salt=place, key=(row.agent or "").encode()[:64])
    return int.from_bytes(digest.digest(), "big")
