"""Paths given to an operator: opened where they lie, and kept apart from each other."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from airflow_provider_socialscrm.importer.errors import InputError


def openable(value: Any) -> Any:
    """Return a path that can be opened; one on this machine as ``pathlib`` has it, which replaces files whole.

    :raises InputError: when no file system for its scheme is known.
    """
    if not isinstance(value, str):
        return value
    if "://" not in value:
        return Path(value)
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - only those who have object storage pay for it

    try:
        return ObjectStoragePath(value)
    except ValueError:  # which names all that it knows
        scheme = value.partition("://")[0]
        raise InputError(
            f"No file system for {scheme}:// is installed: install the Airflow provider that has it, or download the "
            "file in a task before this one and give the path of the copy."
        ) from None


def check_apart(**paths: Any) -> None:
    """Raise when two of a task's files are one, or are of the files that a pattern in ``data`` would read.

    The dead letter is opened for writing before anything is sent, which would empty the data; and a next run would read
    it as data.

    :raises InputError: naming both.
    """
    names: dict[str, str] = {}
    for name, path in paths.items():
        if not hasattr(path, "open"):
            continue
        place = _place(path)
        for other, of in names.items():
            if place == other or _is_among(place, other):
                raise InputError(f"{of} and {name} are one file, {path}: give {name} a path of its own.")
        names[place] = name


def _is_among(place: str, pattern: str) -> bool:
    if "**" in pattern:
        return fnmatchcase(place, pattern.replace("**/", "*"))
    return PurePosixPath(place).match(pattern)


def _place(path: Any) -> str:
    """Return the same text for all ways to write a path."""
    protocol = getattr(path, "protocol", "file")
    local = protocol in {"", "file", "local"}
    return str(Path(getattr(path, "path", path)).resolve()) if local else f"{protocol}://{path.path}"
