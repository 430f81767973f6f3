"""Files that are there as a whole or not at all, and that only their owner may read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, Final

from airflow_provider_socialscrm.importer.paths import local_path, make_folder, make_private, open_to_write

NEW: Final = ".new"
"""End of the name of a local file that is being written."""

COPIED: Final = 2**20
"""Bytes of a file that are copied to object storage at once."""


def write_whole(path: Any, write: Callable[[Any], object]) -> None:
    """Write a file under a temporary name, and give it its own name once it is complete.

    :param path: of the file; its folder is made.
    :param write: writes the content to an open binary file.
    :raises OSError: if it cannot be written.
    """
    file = local_path(path)
    if file is None:
        with TemporaryFile() as whole:  # or a writer that fails would leave half of a file in object storage
            write(whole)
            whole.seek(0)
            with open_to_write(path) as opened:
                copyfileobj(whole, opened, COPIED)
        return
    make_folder(file.parent)
    beside = file.with_name(f"{file.name}.{token_hex(8)}{NEW}")
    try:
        make_private(beside)
        with beside.open("wb") as opened:
            write(opened)
        beside.replace(file)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def delete_unfinished(path: Any) -> None:
    """Delete what killed processes had not finished to write in place of a local file."""
    file = local_path(path)
    if file is None:
        return
    with suppress(OSError):
        for beside in file.parent.iterdir():
            if beside.name.startswith(f"{file.name}.") and beside.name.endswith(NEW):
                beside.unlink()
