"""The checkpoint: the rows that a retry need not send, and the stores that save it.

Its size does not depend on the input's: it has intervals of places in the order of sending, a sum over the content of
the rows there, and the counts of the report. It does not count if the input or the target changed. Rows with side
effects are marked before they are sent: if a kill cuts their call short, their outcome is known to be in doubt.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, Protocol

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.paths import OpenablePath, is_plain, make_folder, make_private, open_to_write
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.results.not_accepted import NotAccepted
from airflow_provider_socialscrm.importer.rows import Row

log = logging.getLogger(__name__)

STATE_VERSION: Final = 3
"""Version of the state's form and of how rows are encoded and ordered. No run resumes from another version's state."""

_CONTENT: Final = 2**64


class CheckpointStore(Protocol):
    """Saves the state of a checkpoint between the tries of a task."""

    def load(self) -> dict[str, Any] | None:
        """Return the state, or ``None`` if there is none.

        :raises CheckpointError: if it cannot be read, which is never taken for "there is none".
        """

    def save(self, state: dict[str, Any]) -> None:
        """Save the state in place of the one before."""

    def clear(self) -> None:
        """Delete the state."""


class NoCheckpointStore:
    """Saves nothing: a retry sends every row again."""

    def load(self) -> None:
        """Return that there is no state."""

    def save(self, state: dict[str, Any]) -> None:
        """Do nothing."""

    def clear(self) -> None:
        """Do nothing."""


class FileCheckpointStore:
    """Saves the state in a small file.

    :param path: the file; its folder is made.
    :param identity: which run of which task the state is of; a state of another one counts as none.
    """

    def __init__(self, path: OpenablePath, identity: str) -> None:
        self._path = path
        self._identity = identity

    def load(self) -> dict[str, Any] | None:
        """Return the state of this run, or ``None`` if there is none.

        :raises CheckpointError: if the file exists and cannot be read.
        """
        try:
            if not self._path.exists():
                return None
            with self._path.open("rb") as file:
                saved = json.loads(file.read())
            identity, state = saved["identity"], dict(saved["state"])
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise CheckpointError(
                f"checkpoint_path {self._path} cannot be read ({type(failure).__name__}), so it is not known which "
                "rows are done. No call was made. Let the worker read the file, or delete it to start over."
            ) from None
        return state if identity == self._identity else None

    def save(self, state: dict[str, Any]) -> None:
        """Write the file; if the process is killed meanwhile, the previous file remains.

        :raises CheckpointError: if it cannot be written.
        """
        try:
            self._write(json.dumps({"identity": self._identity, "state": state}).encode())
        except OSError as failure:
            reason = failure.strerror or type(failure).__name__
            message = f"checkpoint_path {self._path} cannot be written ({reason}), so the import stops. "
            raise CheckpointError(message + "Let the worker write it: a retry resumes from the last save.") from None

    def _write(self, content: bytes) -> None:
        if is_plain(self._path):
            make_folder(self._path.parent)
            beside = self._path.with_name(f"{self._path.name}.new")
            make_private(beside)
            beside.write_bytes(content)
            beside.replace(self._path)
        else:  # object storage shows a file only when it is complete
            with open_to_write(self._path) as file:
                file.write(content)

    def clear(self) -> None:
        """Delete the file."""
        if self._path.exists():
            self._path.unlink()


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
        self.not_accepted = NotAccepted()
        """The rows that are done and were not accepted, which the dead letter must have."""
        self._content = 0
        self._report: dict[str, Any] = {}
        self.is_complete = False
        """Whether an earlier try left nothing to do."""
        self.was_found = False
        """Whether :meth:`load` found a state, for whatever plan."""

    def load(self) -> bool:
        """Load the state of an earlier try, and return whether there was one for this plan.

        :raises CheckpointError: if the state cannot be read.
        """
        state = self._store.load()
        self.was_found = state is not None
        if state is None:
            return False
        plan = state.get("plan") or {}
        if plan != self._plan:
            if plan.get("version") == self._plan["version"]:
                log.warning("The columns or the target have changed since the last try, so the import starts over.")
            else:
                log.warning("The provider's version has changed since the last try, so the import starts over.")
            return False
        self._done, self._in_doubt = Intervals(state["done"]), Intervals(state["in_doubt"])
        self._content, self._report = int(state["content"], 16), state["report"]
        self.not_accepted = NotAccepted(state.get("not_accepted", ()), state.get("not_accepted_rows", 0))
        self.is_complete = bool(state["complete"])
        return True

    @property
    def is_saved(self) -> bool:
        """Whether a later try can find it."""
        return not isinstance(self._store, NoCheckpointStore)

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
        """Whether an earlier try has rows that are done or in doubt."""
        return self.end > 0

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
        """Forget all rows, and delete the saved state."""
        self._done, self._in_doubt, self._content, self._report = Intervals(), Intervals(), 0, {}
        self.not_accepted = NotAccepted()
        self.is_complete = False
        self._store.clear()

    def is_done(self, row: Row) -> bool:
        """Return whether the row need not be sent any more."""
        return row.order in self._done

    def is_done_at(self, order: int) -> bool:
        """Return the same for a place in the order of sending."""
        return order in self._done

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

    def mark_intended(self, rows: Iterable[Row]) -> None:
        """Mark rows that must not be sent twice as in doubt, before they are sent."""
        new = [row for row in rows if not self.is_in_doubt(row)]
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
            **self.not_accepted.state(),
            "content": f"{self._content:016x}",
            "report": report,
        }

    def save(self, state: dict[str, Any]) -> None:
        """Save what :meth:`state` returned; can run in a thread of its own, one at a time.

        :raises CheckpointError: if it cannot be saved.
        """
        self._store.save(state)


def _content(row: Row) -> int:
    digest = blake2b(row.body, digest_size=8, salt=row.order.to_bytes(16, "big"), key=(row.agent or "").encode()[:64])
    return int.from_bytes(digest.digest(), "big")
