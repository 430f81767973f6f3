"""Where a task may keep what an import writes: beside its data, and never among files that git commits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PLACEHOLDER: Final = "/path/to"
"""A folder that a person has to change."""

WILD: Final = re.compile(r"[*?\[]")

ENDING: Final = re.compile(r"\.\w+(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)

CHANGING: Final = re.compile(r"[-_. =]*([*?]+|\[[^]]*\]|(?<!\d)(19|20)\d\d([-_.]?)[01]\d\3[0-3]\d[\dT:]*)")
"""What differs from run to run in a name: a pattern, or a date with its time."""

SEPARATORS: Final = "-_. ="

UNNAMED: Final = "customers"


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


def name_of_data(file: str) -> str:
    """Return a name for the data that is the same in every run: the file's, or that of a folder around it.

    :param file: path or pattern of the data.
    """
    _, separator, rest = file.rpartition("://")
    *folders, name = rest.split("/")[1:] if separator else Path(file).absolute().parts[1:]
    parts = [ENDING.sub("", name), *reversed(folders)]
    return next(filter(None, (CHANGING.sub("", part).strip(SEPARATORS) for part in parts)), UNNAMED)


def _fixed(folders: list[str]) -> list[str]:
    """Return the folders that no file matching a pattern is below."""
    wild = next((place for place, name in enumerate(folders) if WILD.search(name)), None)
    return folders if wild is None else folders[: max(0, wild - 1)]
