"""What is settled already: kept after each call, so that a killed run goes on where it was.

The state is small whatever the input: intervals of places in the order of sending, a sum over the content of the rows
there, and the counts of the report. It is refused when the input or the target changed. Rows with side effects are
noted before they are sent, so that one whose call a kill cut short is known to be in doubt.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, Protocol

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.paths import OpenablePath, is_plain, open_to_write
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.rows import Row

log = logging.getLogger(__name__)

STATE_VERSION: Final = 3
"""Of the state's form and of the way rows are encoded and ordered; another version's state is not gone on from."""

_CONTENT: Final = 2**64


class Checkpoint(Protocol):
    """Where the state is kept between the tries of a task."""

    def load(self) -> dict[str, Any] | None:
        """Return the state, or ``None`` where surely none is.

        :raises CheckpointError: when it cannot be read, which is never taken for "there is none".
        """

    def save(self, state: dict[str, Any]) -> None:
        """Keep the state in place of the one before."""

    def clear(self) -> None:
        """Forget the state."""


class NoCheckpointStore:
    """Keeps nothing: a retry sends every row again."""

    def load(self) -> None:
        """Return that there is none."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep nothing."""

    def clear(self) -> None:
        """Forget nothing."""


class FileCheckpointStore:
    """Keeps the state in a small file.

    :param path: the file; its folder is made.
    :param identity: which run of which task it belongs to; another one's state is not gone on from.
    """

    def __init__(self, path: OpenablePath, identity: str) -> None:
        self._path = path
        self._identity = identity

    def load(self) -> dict[str, Any] | None:
        """Return the state of this very run.

        :raises CheckpointError: when the file is there and cannot be read.
        """
        try:
            if not self._path.exists():
                return None
            with self._path.open("rb") as file:
                kept = json.loads(file.read())
            identity, state = kept["identity"], dict(kept["state"])
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise CheckpointError(
                f"checkpoint_path {self._path} cannot be read ({type(failure).__name__}), so what is settled is not "
                "known. No call was made. Let the worker read the file, or remove it to start over."
            ) from None
        return state if identity == self._identity else None

    def save(self, state: dict[str, Any]) -> None:
        """Write the file; a kill in between leaves the one before.

        :raises CheckpointError: when it cannot be written.
        """
        try:
            self._write(json.dumps({"identity": self._identity, "state": state}).encode())
        except OSError as failure:
            reason = failure.strerror or type(failure).__name__
            message = f"checkpoint_path {self._path} cannot be written ({reason}), so nothing more is sent. "
            raise CheckpointError(message + "Let the worker write it: a retry goes on from the last save.") from None

    def _write(self, content: bytes) -> None:
        if is_plain(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_name(f"{self._path.name}.new")
            beside.write_bytes(content)
            beside.replace(self._path)
        else:  # object storage shows a file when it is whole
            with open_to_write(self._path) as file:
                file.write(content)

    def clear(self) -> None:
        """Remove the file."""
        if self._path.exists():
            self._path.unlink()


class Progress:
    """Which rows are settled for good, in this try or one before.

    :param checkpoint: where it is kept.
    :param plan: what must be the same for a later try to go on: the target and the columns.
    """

    def __init__(self, checkpoint: Checkpoint, plan: Mapping[str, Any]) -> None:
        self._checkpoint = checkpoint
        self._plan = {"version": STATE_VERSION, **plan}
        self._settled = Intervals()
        self._in_doubt = Intervals()
        self._content = 0
        self._report: dict[str, Any] = {}
        self.is_complete = False
        """Whether an earlier try left nothing to do."""

    def load(self) -> bool:
        """Take up the state of an earlier try, and say whether there was one that fits.

        :raises CheckpointError: when the state cannot be read.
        """
        state = self._checkpoint.load()
        if state is None:
            return False
        plan = state.get("plan") or {}
        if plan != self._plan:
            if plan.get("version") == self._plan["version"]:
                log.warning("The columns or the target changed since the last try: the import starts over.")
            else:
                log.warning("The provider's version changed since the last try: the import starts over.")
            return False
        self._settled, self._in_doubt = Intervals(state["settled"]), Intervals(state["in_doubt"])
        self._content, self._report = int(state["content"], 16), state["report"]
        self.is_complete = bool(state["complete"])
        return True

    @property
    def report(self) -> dict[str, Any]:
        """The counts of the earlier tries."""
        return self._report

    @property
    def resumed_rows(self) -> int:
        """Places that are settled."""
        return len(self._settled)

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier try settled rows, or left some in doubt."""
        return self.end > 0

    @property
    def end(self) -> int:
        """One more than the last place that is settled or in doubt."""
        return max(self._settled.end, self._in_doubt.end)

    def matches(self, rows: Iterable[Row]) -> bool:
        """Say whether the rows of the input are still those that were settled, or are in doubt.

        :param rows: all rows of the input that can be sent, at least up to :attr:`end`.
        """
        known = (row for row in rows if self.is_settled(row) or self.is_in_doubt(row))
        return sum(map(_content, known)) % _CONTENT == self._content

    def start_over(self) -> None:
        """Forget what was settled."""
        self._settled, self._in_doubt, self._content, self._report = Intervals(), Intervals(), 0, {}
        self.is_complete = False
        self._checkpoint.clear()

    def is_settled(self, row: Row) -> bool:
        """Say whether the row needs no call."""
        return row.order in self._settled

    def is_settled_place(self, order: int) -> bool:
        """Say the same of a place in the order of sending."""
        return order in self._settled

    def is_in_doubt(self, row: Row) -> bool:
        """Say whether a call with this row, which must not be sent twice, may have been cut short."""
        return row.order in self._in_doubt

    def settle(self, rows: Iterable[Row]) -> None:
        """Note that rows need no call any more."""
        kept = list(rows)
        self.resolve(kept)
        self._settled.add_all(row.order for row in kept)
        self._content = (self._content + sum(map(_content, kept))) % _CONTENT

    def intend(self, rows: Iterable[Row]) -> None:
        """Note, before they are sent, rows that must not be sent twice."""
        new = [row for row in rows if not self.is_in_doubt(row)]
        self._in_doubt.add_all(row.order for row in new)
        self._content = (self._content + sum(map(_content, new))) % _CONTENT

    def resolve(self, rows: Iterable[Row]) -> None:
        """Note that the outcome of such rows is known."""
        if not len(self._in_doubt):  # as in every run without side effects
            return
        known = [row for row in rows if self.is_in_doubt(row)]
        self._in_doubt.remove(row.order for row in known)
        self._content = (self._content - sum(map(_content, known))) % _CONTENT

    def state(self, report: dict[str, Any], *, complete: bool = False) -> dict[str, Any]:
        """Return all of it as it stands, to be kept.

        :param report: the counts of the settled rows.
        :param complete: whether the import is complete, so that a later try has nothing to do. A worker can be killed
            between this and Airflow's noting that the task succeeded.
        """
        return {
            "complete": complete,
            "plan": self._plan,
            "settled": self._settled.pairs(),
            "in_doubt": self._in_doubt.pairs(),
            "content": f"{self._content:016x}",
            "report": report,
        }

    def keep(self, state: dict[str, Any]) -> None:
        """Keep what :meth:`state` returned; may run in a thread of its own, one at a time."""
        self._checkpoint.save(state)


def _content(row: Row) -> int:
    digest = blake2b(row.body, digest_size=8, salt=row.order.to_bytes(16, "big"), key=(row.agent or "").encode()[:64])
    return int.from_bytes(digest.digest(), "big")
