"""Paths of any file system: what the importer asks of one, and how it writes a file whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypeGuard


class OpenablePath(Protocol):
    """What is asked of a path; ``pathlib.Path`` and Airflow's ``ObjectStoragePath`` have it."""

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
        """Say whether there is something to read."""

    def unlink(self) -> None:
        """Remove the file."""

    def open(self, mode: str) -> Any:
        """Open the file."""


def is_plain(path: object) -> TypeGuard[Path]:
    """Tell a path of :mod:`pathlib` from one of Airflow's object storage, which on Airflow 3.1 is a ``Path``, too."""
    return not hasattr(path, "protocol")


def open_to_write(path: OpenablePath) -> Any:
    """Open a file to be written anew, in a folder that is made where there is none.

    :raises OSError: when it cannot be.
    """
    try:
        return path.open("wb")
    except FileNotFoundError:  # of the folder, which object storage does not have
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
