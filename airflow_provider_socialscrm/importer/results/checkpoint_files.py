"""A checkpoint in a small file, with a counter of calls beside it where the file is local."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.paths import (
    OpenablePath,
    is_plain,
    local_path,
    make_folder,
    make_private,
    make_writable,
    open_to_write,
)
from airflow_provider_socialscrm.importer.results.call_counter import CallCounter
from airflow_provider_socialscrm.importer.results.checkpoint_stores import NOTHING, OwnedCheckpointStore, Place
from airflow_provider_socialscrm.importer.results.saved_values import what
from airflow_provider_socialscrm.importer.whole_files import NEW, delete_unfinished

CALLS: Final = "calls"
"""How the name of the counter ends, which is beside a local file."""


def read_json(path: Any) -> Any | None:
    """Return what a small file has; ``None`` if there is no file, and :data:`NOTHING` if it has ``null``.

    :raises OSError: if it cannot be read.
    :raises ValueError: if it is not JSON.
    :raises RecursionError: if it is nested too deeply.
    """
    try:
        if not path.exists():
            return None
        with path.open("rb") as file:
            content = json.loads(file.read())
    except FileNotFoundError:  # deleted meanwhile
        return None
    return NOTHING if content is None else content


class FileCheckpointStore(OwnedCheckpointStore):
    """Saves the state in a small file; while a try runs, another one beside it names that try, and one has its calls.

    :param path: the file; its folder is made.
    :param identity: which import it is of, as in :class:`OwnedCheckpointStore`, like ``number`` and ``is_retry``.
    """

    def __init__(self, path: OpenablePath, identity: str, number: int = 1, *, is_retry: bool = False) -> None:
        super().__init__(identity, number, is_retry=is_retry)
        self._path = path
        self._counter: CallCounter | None = None
        if local := local_path(path):
            counter = self._beside(local, CALLS)
            self._counter = CallCounter(counter, self._new(counter))

    @property
    def _name(self) -> str:
        return f"checkpoint_path {self._path}"

    @property
    def _remedy_if_damaged(self) -> str:
        return "Let the worker read the file, or delete it to start over."

    def claim(self) -> bool:
        """Let this try own the checkpoint, and delete what a killed try had not finished to write."""
        may_lack_calls = super().claim()
        delete_unfinished(self._path)
        return may_lack_calls

    def release(self, *, is_saved: bool) -> None:
        """Give up the claim, and delete the counter, if this try still has it and has saved its calls."""
        super().release(is_saved=is_saved)
        if self._counter and self._counter.is_open:
            self._counter.close()
            with suppress(CheckpointError, OSError):  # as above; without a claim nobody reads it
                if is_saved and self._read(Place.OWNER) is None:
                    self._counter.delete()

    def count_calls(self, number: int) -> None:
        """Write down how many calls were started, if the file is local."""
        if self._counter is None:
            return
        if not self._counter.is_open:
            self.check_claim()  # the counter may be that of a newer try
        with self._named_errors():
            self._counter.write(number)

    def counted_calls(self) -> int | None:
        """Return how many calls were started, if the file is local."""
        try:
            return self._counter.read() if self._counter else None
        except (OSError, ValueError):
            return None

    def restart(self, held: str | None) -> None:
        """Put a mere trace of this try in place of the state, and forget the calls."""
        super().restart(held)
        if self._counter:
            with self._named_errors():
                self._counter.delete()

    def _place(self, place: Place) -> Any:
        return self._path if place is Place.STATE else self._beside(self._path, place)

    def _read(self, place: Place) -> Any | None:
        try:
            return read_json(self._place(place))
        except (OSError, ValueError, RecursionError) as failure:
            raise self._unreadable(what(failure), self._remedy_if_damaged) from None

    def _write(self, place: Place, content: dict[str, Any]) -> None:
        """Write a file; if the process is killed meanwhile, the previous file remains."""
        with self._named_errors():
            self._replace(self._place(place), json.dumps(content).encode())

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            reason = failure.strerror or type(failure).__name__
            message = f"checkpoint_path {self._path} cannot be written ({reason}), so the task stops. "
            message += f"{make_writable(failure)}: a retry resumes from the last save."
            raise CheckpointError(message) from None

    def _replace(self, path: Any, content: bytes) -> None:
        if is_plain(path):
            make_folder(path.parent)
            new = self._new(path)
            make_private(new)
            new.write_bytes(content)
            new.replace(path)
        else:  # object storage shows a file only when it is complete
            with open_to_write(path) as file:
                file.write(content)

    @staticmethod
    def _beside(path: Any, ending: str) -> Any:
        return path.parent / f"{path.name}.{ending}"

    def _new(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.{self._claim['token']}{NEW}")  # no other try writes this one

    def _delete(self, place: Place) -> None:
        with suppress(OSError):  # it is small, and names nobody
            self._place(place).unlink()
