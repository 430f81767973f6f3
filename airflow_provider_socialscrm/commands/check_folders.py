"""Where a task may keep what an import writes: beside its data, and never among files that git commits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PLACEHOLDER: Final = "/path/to"
"""A folder that a person has to change."""

WILD: Final = re.compile(r"[*?\[]")


def folder_beside(file: str) -> str:
    """Return the folder in which a task may keep its files, without a slash at its end.

    :param file: path or pattern of the data.
    :return: :data:`PLACEHOLDER` where the data is in a git work tree, because these files hold customers' data.
    """
    scheme, separator, rest = file.rpartition("://")
    if separator:
        bucket, *folders = rest.split("/")[:-1]
        return f"{scheme}://{'/'.join([bucket, *_fixed(folders)])}"
    *folders, _ = Path(file).absolute().parts
    folder = Path(*_fixed(folders))
    if any((each / ".git").exists() for each in (folder, *folder.parents)):
        return PLACEHOLDER
    return str(folder).rstrip("/")


def _fixed(folders: list[str]) -> list[str]:
    """Return the folders that no file matching a pattern is below."""
    wild = next((place for place, name in enumerate(folders) if WILD.search(name)), None)
    return folders if wild is None else folders[: max(0, wild - 1)]
