"""The files of a task as paths to open: each with a file system, and no two of them the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.own_paths import own_path
from airflow_provider_socialscrm.runtime.paths import check_apart, check_is_path, check_ledger_apart, openable

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.options import Ledger
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
    identity: ImportIdentity, data: Any, rejects_path: Any, checkpoint_path: Any, ledger: Ledger | None
) -> TaskFiles:
    """Return the files of a task, given its rendered arguments.

    :param identity: which import this is.
    :param data: the input's path or paths to open; ``None`` for a table.
    :raises InputError: naming the argument, if it is not a path, has no file system, or is another argument's file.
    """
    check_is_path("rejects_path", rejects_path)
    check_is_path("checkpoint_path", checkpoint_path)
    of_ledger = (ledger.path, ledger.gone_path) if ledger else ()
    check_file_systems(data, *map(openable, (rejects_path, checkpoint_path, *of_ledger)))
    written = {
        "rejects_path": own_path(identity, "rejects_path", rejects_path),
        "checkpoint_path": own_path(identity, "checkpoint_path", checkpoint_path),
    }
    if ledger is None:
        check_apart(data=data, **written)
        return TaskFiles(**written)
    gone_path = own_path(identity, "gone_path", ledger.gone_path)
    ledger = replace(ledger, path=openable(ledger.path), gone_path=gone_path)
    check_apart(data=data, **written, gone_path=gone_path)
    check_ledger_apart(ledger.path, data=data, **written, gone_path=gone_path)
    return TaskFiles(**written, ledger=ledger)
