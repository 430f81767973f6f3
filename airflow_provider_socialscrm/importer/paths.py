"""Paths on any file system: what the importer needs from one, and how it writes what only its owner may read."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any, Final, Protocol, TypeGuard

log = logging.getLogger(__name__)

OWNER_ONLY: Final = 0o600
"""Mode of the files that are written: they hold customers."""

OWNERS_FOLDER: Final = 0o700
"""Mode of the folders that are made for them."""

LOCAL: Final = ("", "file", "local")
"""Protocols of this machine's own file system."""


FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a disk without space, or of a user without any left."""


def make_writable(failure: OSError, *, may_move: bool = False) -> str:
    """Return what a person has to do about a file that cannot be written, to begin a sentence.

    :param may_move: whether the file can have another path, as it can before a run has written to it.
    """
    if failure.errno in FULL:
        return "Free space there"
    if may_move:
        return "Give the worker write access to it, or choose another path"
    return "Give the worker write access to it"


class OpenablePath(Protocol):
    """The part of a path that the importer uses; ``pathlib.Path`` and Airflow's ``ObjectStoragePath`` have it."""

    @property
    def suffix(self) -> str:
        """The last extension, with its dot."""

    @property
    def parent(self) -> Any:
        """The folder."""

    @property
    def name(self) -> str:
        """The last part."""

    def exists(self) -> bool:
        """Return whether the file exists."""

    def unlink(self) -> None:
        """Remove the file."""

    def open(self, mode: str) -> Any:
        """Open the file."""


def is_plain(path: object) -> TypeGuard[Path]:
    """Return whether a path is one of :mod:`pathlib` only; on Airflow 3.1 an object storage path is a ``Path``, too."""
    return not hasattr(path, "protocol")


def local_path(path: Any) -> Path | None:
    """Return a path of this machine's file system as one of :mod:`pathlib`; ``None`` for one of object storage."""
    if is_plain(path):
        return path if isinstance(path, Path) else None
    return Path(path.path) if path.protocol in LOCAL else None


def open_to_write(path: OpenablePath) -> Any:
    """Open a file for writing, and create its folder if there is none. On a local disk only its owner may read it.

    :raises OSError: when it cannot be opened.
    """
    try:
        make_private(path)
        return path.open("wb")
    except FileNotFoundError:  # the folder is missing; object storage has none
        make_folder(path.parent)
        make_private(path)
        return path.open("wb")


def make_private(path: Any) -> None:
    """Let only the owner of a local file read and write it, whatever the umask, and create it if there is none.

    :raises OSError: when it cannot be created.
    """
    file = local_path(path)
    if file is None:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
    try:
        _for_owner_only(descriptor, file)
    finally:
        os.close(descriptor)


def create(path: Any, content: bytes) -> None:
    """Write a small file that nobody has written yet. In object storage it replaces one that was just written.

    :raises FileExistsError: if it exists on a local disk.
    :raises OSError: if it cannot be created.
    """
    file = local_path(path)
    if file is None:
        with path.open("wb") as opened:
            opened.write(content)
        return
    make_folder(file.parent)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as opened:
        _for_owner_only(descriptor, file)
        opened.write(content)


def _for_owner_only(descriptor: int, file: Path) -> None:
    try:
        os.fchmod(descriptor, OWNER_ONLY)
    except OSError as failure:  # another user's file, or a file system without modes: the import goes on
        log.warning("%s may be readable by others than its owner (%s)", file, failure.strerror)


def make_folder(folder: Any) -> None:
    """Create a folder and those above it; local ones that are new are for their owner only, whatever the umask.

    :raises OSError: when they cannot be created.
    """
    place = local_path(folder)
    if place is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    missing = [each for each in (place, *place.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(OWNERS_FOLDER, exist_ok=True)
        each.chmod(OWNERS_FOLDER)
    place.mkdir(exist_ok=True)  # an error if a file has this name
