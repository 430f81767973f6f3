"""The owner of a dead letter: rows of another import are never overwritten, and never picked up.

Each row in the file names its import. While an import is not complete, a file in the folder of its parts names it, too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.paths import OpenablePath, create
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN, OWN_COLUMNS
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.importer.sources.text_lines import EmptyFileError

OWNER_FILE: Final = "owner.json"
"""Names the import that writes the parts."""

ADVICE: Final = (
    "No call was made: give a folder, whose path ends in /, so that each task has a file of its own, or move {} away."
)

WAIT: Final = (
    "No call was made. Wait until it ends, and clear this task, or give a folder, whose path ends in /, so that each "
    "task has a file of its own. Move {} away only if that task is not run again."
)

_EARLIER_COLUMNS: Final = frozenset(OWN_COLUMNS) - {IMPORT_COLUMN}


class Claim:
    """Holds a dead letter for one import, so that no other one writes it.

    :param path: of the dead letter.
    :param folder: of its parts.
    :param identity: the import.
    """

    def __init__(self, path: OpenablePath, folder: Any, identity: ImportIdentity) -> None:
        self._path = path
        self._folder = folder
        self._identity = identity

    def take(self) -> None:
        """Take the dead letter for this import, or find that an earlier try took it.

        :raises InputError: if it has rows of another task, or another one writes it.
        :raises OSError: if it cannot be read or written.
        """
        owner = self._owner()
        if owner is None:
            check_file(self._path, self._identity)
            with suppress(FileExistsError):  # another import was quicker, whose name is read next
                create(self._folder / OWNER_FILE, msgspec.json.encode({"import": self._identity.owner}))
            owner = self._owner()
        if owner != self._identity.owner:
            raise InputError(
                f"rejects_path {self._path} is in use by another task ({owner or 'unknown'}), which is not complete. "
                + (WAIT if owner else ADVICE).format(self._folder)
            )

    def is_ours(self) -> bool:
        """Return whether this import took the dead letter, in this try or an earlier one."""
        return self._owner() == self._identity.owner

    def is_taken(self) -> bool:
        """Return whether any import that is not complete writes the dead letter."""
        return self._owner() is not None

    def release(self) -> None:
        """Give the dead letter up, whose parts are deleted: the import is complete."""
        file = self._folder / OWNER_FILE
        if file.exists():
            file.unlink()
        if self._folder.exists() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _owner(self) -> str | None:
        return _value(self._folder / OWNER_FILE, "import")


def _value(file: Any, name: str) -> str | None:
    """Return a text in a small file; ``None`` if there is no such file, and empty if it is damaged."""
    try:
        with file.open("rb") as opened:
            found = msgspec.json.decode(opened.read(), type=dict[str, str])
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, RecursionError):
        return ""
    return found.get(name, "")


def check_file(path: OpenablePath, identity: ImportIdentity) -> None:
    """Raise if a file holds anything but rows that an import with this identity wrote.

    :raises InputError: saying what it holds.
    :raises OSError: if it cannot be read.
    """
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        return
    what = _others_content(path, identity)
    if what:
        raise InputError(f"rejects_path {path} {what}. {ADVICE.format('the file')}")


def _others_content(path: OpenablePath, identity: ImportIdentity) -> str:
    """Return what a file holds that must not be overwritten; empty if there is nothing."""
    try:
        source = open_source(path)
        if not _EARLIER_COLUMNS.issubset(source.columns):
            return "is a file that no task has written"
        for batch in source.batches():
            if IMPORT_COLUMN not in batch.records.schema.names:
                if batch.records.num_rows:
                    return "has rows of a task by an earlier version"
                continue
            for owner in pc.unique(as_text(as_utf8(batch.records.column(IMPORT_COLUMN)))).to_pylist():
                if owner != identity.owner:
                    return f"has rows of another task ({owner or 'unknown'})"
    except EmptyFileError:
        return ""
    except InputError:
        return "is a file that no task has written"
    return ""
