"""The files of a task as paths to open: each with a file system, and no two of them the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.own_paths import checked_own_path
from airflow_provider_socialscrm.runtime.paths import check_apart, check_ledger_apart, openable
from airflow_provider_socialscrm.runtime.rendered import is_missing

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.identity import ImportIdentity


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """Where a task writes.

    :param rejects_path: the dead letter, if there is one.
    :param checkpoint_path: the checkpoint's file, if it is in one.
    :param ledger: the ledger with paths to open, if there is one.
    """

    rejects_path: Any = None
    checkpoint_path: Any = None
    ledger: Ledger | None = None


def files_of(
    identity: ImportIdentity, data: Any, rejects_path: Any, checkpoint_path: Any, ledger: Mapping[str, Any] | None
) -> TaskFiles:
    """Return the files of a task, given its rendered arguments.

    :param identity: which import this is.
    :param data: the input's path or paths to open; ``None`` for a table.
    :param ledger: the arguments of a ``Ledger``.
    :raises InputError: naming the argument, if it is not a path, has no file system or known format, or is another
        argument's file; and naming each of the ledger's that is wrong.
    """
    given = {"rejects_path": rejects_path, "checkpoint_path": checkpoint_path}
    if ledger is not None:
        given["gone_path"] = ledger.get("gone_path")
    # Empty text would be the folder that the process is in.
    folder = openable(ledger["path"] or None, "ledger") if ledger is not None else None
    check_file_systems(data, folder)
    own = {name: checked_own_path(identity, name, path) for name, path in given.items()}
    check_apart(data=data, **own)
    if ledger is None:
        return TaskFiles(**own)
    made = Ledger(**{**ledger, "path": folder, "gone_path": own.pop("gone_path")})
    check_ledger_apart(folder, data=data, **own, gone_path=made.gone_path)
    folders = {name: openable(path) for name, path in given.items() if not is_missing(path)}
    check_ledger_apart(folder, **folders)
    return TaskFiles(**own, ledger=made)
