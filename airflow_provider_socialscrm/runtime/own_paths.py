"""The files that a task writes: in a folder each task has one of its own, and each task of a map in any case."""

from __future__ import annotations

import logging
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.paths import local_path
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.mapped_tasks import name_of_mapped
from airflow_provider_socialscrm.runtime.path_text import without_line_end
from airflow_provider_socialscrm.runtime.paths import check_is_path, openable
from airflow_provider_socialscrm.runtime.rendered import is_missing

log = logging.getLogger(__name__)

FILES: Final = {
    "rejects_path": "rejects.csv",
    "checkpoint_path": "checkpoint.json",
    "gone_path": "gone.csv",
    "path": "chats.parquet",
    "result_path": "send-results.parquet",
}
"""Names of the files in a folder, by argument."""

_TABLES: Final = (".csv", ".parquet", ".jsonl")

ENDINGS: Final = {
    "rejects_path": _TABLES,
    "checkpoint_path": (".json",),
    "gone_path": _TABLES,
    "path": _TABLES,
    "result_path": _TABLES,
}
"""Endings of a path that names a file, by argument."""


def checked_own_path(identity: ImportIdentity, argument: str, value: Any, *, file: str | None = None) -> Any:
    """Return the file to write to, as :func:`own_path` does, after checking that it can be opened on this worker.

    :param identity: the import.
    :param argument: the operator's argument.
    :param value: its value.
    :param file: name of the file in a folder; ``None`` takes the argument's.
    :raises InputError: naming the argument if the value is not a path, or neither a folder nor a file of a known
        format; or what to install for its file system.
    """
    check_is_path(argument, value)
    check_file_systems(openable(value, argument))  # before a folder is looked for
    path = own_path(identity, argument, value, file=file)
    endings = ENDINGS[argument]
    if path is not None and endings is _TABLES and path.suffix.lower() not in endings:
        raise InputError(
            f"{argument} is {path}, and no folder has this name: let it end in {', '.join(endings)}. The path of a new "
            "folder ends in / and is text, since path objects drop the slash."
        )
    return path


def required_own_path(identity: ImportIdentity, argument: str, value: Any, *, file: str | None = None) -> Any:
    """Return the file to write to, as :func:`checked_own_path` does, of an argument that must have a value.

    :raises InputError: also when it is missing.
    """
    path = checked_own_path(identity, argument, value, file=file)
    if path is None:
        raise InputError(f"{argument} is missing: give the path of a file, or of a folder, which ends in /.")
    return path


def own_path(identity: ImportIdentity, argument: str, value: Any, *, file: str | None = None) -> Any:
    """Return the file to write to; log it if it is not the one given.

    A folder is a path that ends in ``/``, or that of a folder which exists. The file in it has the DAG, run, task and
    map index in its path, as Airflow's own logs. A file's path stays as it is, but a mapped task adds its index.

    :param identity: the import.
    :param argument: the operator's argument.
    :param value: its value: a text, or a path of :mod:`pathlib` or of Airflow's object storage; ``None`` and text that
        a template gives for it are ``None``.
    :param file: name of the file in a folder; ``None`` takes the argument's.
    :raises InputError: when it can be read as two paths, or no file system for its scheme is installed.
    """
    if is_missing(value):
        return None
    path = openable(value, argument)
    if _is_folder(argument, value, path):
        own = path.joinpath(*identity.folders, file or FILES[argument])
        log.info("%s is %s, in which no other task writes", argument, own)
        return own
    return path if identity.map_index is None else _of_mapped(identity.map_index, argument, path)


def _is_folder(argument: str, value: Any, path: Any) -> bool:
    if without_line_end(str(value)).endswith("/"):
        return True
    if argument != "checkpoint_path" and not path.suffix and local_path(path) is None:
        return True  # an object path has lost its slash, and neither dead letter nor output is without an ending
    return path.suffix.lower() not in ENDINGS[argument] and bool(path.is_dir())


def _of_mapped(map_index: int, argument: str, path: Any) -> Any:
    name = name_of_mapped(path.name, map_index)
    if name == path.name:
        return path
    own = path.with_name(name)
    log.info("Mapped task %s: %s is %s, so that no two tasks of the map write to one file", map_index, argument, own)
    return own
