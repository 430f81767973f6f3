"""The paths of an operator's arguments: as objects to open, and checked to be different files."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.paths import LOCAL
from airflow_provider_socialscrm.runtime.file_systems import FILE_SYSTEMS, not_installed
from airflow_provider_socialscrm.runtime.path_text import GivenPath, as_text, is_path_object, without_line_end

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/*)")  # of two letters or more: one is a drive of Windows


def openable(value: Any, argument: str = "The path") -> Any:
    """Return text as a path to open: a :mod:`pathlib` one if local, so that files are replaced whole.

    :param value: text, a path that is shown as text, or a list of these; anything else is returned unchanged.
    :param argument: whose value it is, to begin a sentence.
    :raises InputError: when it can be read as two paths, or no file system for its scheme is installed.
    """
    if isinstance(value, list):
        return [openable(each, argument) for each in value]
    check_spelling(argument, value)
    if isinstance(value, GivenPath):
        return value.opened()
    if not isinstance(value, str):
        return value
    value = without_line_end(value)
    if "://" not in value:
        return Path(value)
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - only for object storage

    try:
        return ObjectStoragePath(value)
    except (ValueError, ImportError) as failure:  # its text lists every file system that is installed
        raise not_installed(value.partition("://")[0], failure) from None


def check_spelling(argument: str, value: Any) -> None:
    """Check that a path which is written as text is one path only: not another user's, nor a folder called ``s3:``.

    :raises InputError: naming the argument, without its value.
    """
    text = as_text(value)
    if not isinstance(text, str):
        return
    if text.startswith("~"):
        raise InputError(
            f"{argument} begins with ~, which is another folder for each user that a worker runs as: give an absolute "
            "path."
        )
    found = _SCHEME.match(text)
    if not found:
        return
    scheme, slashes = found.groups()
    is_local = scheme.lower() in LOCAL
    if is_local and not slashes.startswith("///"):
        raise InputError(
            f"{argument} begins with {scheme}:{slashes} and not with {scheme}:///, so its folder is not clear: give an "
            f"absolute path, as in {scheme}:///data/x.csv or /data/x.csv."
        )
    if not is_local and (slashes == "/" or (not slashes and scheme.lower() in FILE_SYSTEMS)):
        raise InputError(
            f"{argument} begins with {scheme}:{slashes} and not with {scheme}://: write both slashes, in text or in an "
            "ObjectStoragePath, since a pathlib.Path drops one. Give a local folder of this name by its absolute path."
        )


def check_is_path(argument: str, value: Any) -> None:
    """Check that an argument is a path that can be read in one way, or ``None``.

    :raises InputError: naming the argument, without its value.
    """
    if value is not None and not isinstance(value, str) and not is_path_object(value):
        raise InputError(f"{argument} is a {type(value).__name__}, not a path: give it as text or a path object.")
    check_spelling(argument, value)


def check_apart(**paths: Any) -> None:
    """Raise if two of a task's paths are the same file, or one matches a glob in another.

    Writing the dead letter would overwrite the data, and the next run would read it as data.

    :raises InputError: naming both arguments.
    """
    names: dict[str, str] = {}
    given = ((name, path) for name, value in paths.items() for path in (value if isinstance(value, list) else [value]))
    for name, path in given:
        if not hasattr(path, "open"):
            continue
        place = _place(path)
        for other, of in names.items():
            if of == name:
                continue
            if place == other or _is_among(place, other):
                raise InputError(f"{of} and {name} are one file, {path}. Give {name} a path of its own.")
        names[place] = name


LEDGER_FILES: Final = ("ledger.json", "generations/0.json", "base/0/0.parquet", "log/0/0.parquet")
"""Files like those of a ledger, relative to its folder."""


def check_ledger_apart(ledger: Any, **paths: Any) -> None:
    """Raise if another path of the task is the ledger's folder, in it or around it, or if data reads its files.

    A folder of files that expire, such as one for dead letters, must not have the ledger in it.

    :param ledger: the ledger's folder.
    :param paths: by argument. Several in a list.
    :raises InputError: naming the argument.
    """
    folder = PurePosixPath(_place(ledger))
    files = [f"{folder}/{file}" for file in LEDGER_FILES]
    for name, value in paths.items():
        for path in value if isinstance(value, list) else [value]:
            if not hasattr(path, "open"):
                continue
            place = PurePosixPath(_place(path))
            is_nested = folder == place or folder in place.parents or place in folder.parents
            if is_nested or any(_is_among(file, str(place)) for file in files):
                raise InputError(f"{name} and ledger overlap at {ledger}: give the ledger a folder of its own.")


def _is_among(place: str, pattern: str) -> bool:
    if "**" in pattern:
        return fnmatchcase(place, pattern.replace("**/", "*"))
    return PurePosixPath(place).match(pattern)


def _place(path: Any) -> str:
    """Return a text that is equal for equal files, however their paths are written."""
    protocol = getattr(path, "protocol", "file")
    local = protocol in {"", "file", "local"}
    return str(Path(getattr(path, "path", path)).resolve()) if local else f"{_file_system(protocol)}://{path.path}"


def _file_system(protocol: str) -> str:
    """Return a name that protocols of one file system share, as s3 and s3a do."""
    from fsspec.registry import known_implementations  # type: ignore[import-untyped] # noqa: PLC0415 - only for object storage

    return str(known_implementations.get(protocol, {}).get("class", protocol))
