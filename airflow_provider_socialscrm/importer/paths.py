"""Paths on any file system: what the importer needs from one, and how it opens one for writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypeGuard


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


def open_to_write(path: OpenablePath) -> Any:
    """Open a file for writing, and create its folder if there is none.

    :raises OSError: when it cannot be opened.
    """
    try:
        return path.open("wb")
    except FileNotFoundError:  # the folder is missing; object storage has none
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
