"""How many calls an import has started, in a file that has each call before it starts.

A checkpoint is saved about once a second, so it lacks the calls that a worker started right before it was killed.
Writing one number costs nothing next to a call.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from airflow_provider_socialscrm.importer.paths import OWNER_ONLY, make_folder
from airflow_provider_socialscrm.importer.results.saved_values import MOST

DIGITS: Final = len(str(MOST))
"""Digits of the number, leading zeros included, so that each write replaces the one before as a whole."""


class CallCounter:
    """Keep a number in a small file of a local file system, which only its owner may read.

    A kill leaves the number whole, since it is written in one step. Nothing waits for the disk, so a machine that fails
    may leave an older number.

    :param path: the file.
    :param new: the name that it has until it is complete.
    """

    def __init__(self, path: Path, new: Path) -> None:
        self._path = path
        self._new = new
        self._descriptor: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether this process has written the number."""
        return self._descriptor is not None

    def read(self) -> int:
        """Return the number; 0 if there is no file.

        :raises ValueError: if the file holds something else.
        :raises OSError: if it cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                text = file.read(DIGITS + 1)
        except FileNotFoundError:
            return 0
        if len(text) != DIGITS or not text.isdigit():
            raise ValueError("not a number of calls")
        return int(text)

    def write(self, number: int) -> None:
        """Write the number, and create the file the first time, in place of one that another process has written.

        :raises OSError: if it cannot be written.
        """
        text = f"{number:0{DIGITS}}".encode()
        if self._descriptor is not None:
            os.pwrite(self._descriptor, text, 0)
            return
        make_folder(self._path.parent)
        descriptor = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        try:
            os.pwrite(descriptor, text, 0)
            self._new.replace(self._path)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def close(self) -> None:
        """Write nothing more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def delete(self) -> None:
        """Delete the file, if there is one.

        :raises OSError: if it cannot be deleted.
        """
        self.close()
        self._path.unlink(missing_ok=True)
