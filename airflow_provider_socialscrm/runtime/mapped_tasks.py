"""Facts that a mapped task needs about the others of its map: how many run at once, and a file name of its own.

``api/shared_pacing.py`` divides the calls per second among them.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.importer.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def map_index_of(context: Context) -> int | None:
    """Return a task's index among those made by ``expand`` or in a mapped task group; ``None`` if it is not mapped."""
    map_index = getattr(context.get("ti"), "map_index", None)
    return map_index if map_index is not None and map_index >= 0 else None


def parallel_tasks(context: Context) -> int:
    """Return how many tasks of the map can run at once in this run.

    A task can see neither the size of its pool nor other DAGs and runs.
    """
    if map_index_of(context) is None:
        return 1
    task = context["task"]
    limits = (task.max_active_tis_per_dagrun, task.max_active_tis_per_dag, context["dag"].max_active_tasks)
    return max(1, min(limit for limit in (_map_length(context), *limits) if limit is not None))


def own_path(context: Context, argument: str, path: Any) -> Any:
    """Return a path to write to that no other task of the map has; log it if it is not the one given.

    :param argument: the operator's argument, for the log.
    :param path: of :mod:`pathlib` or of Airflow's object storage; ``None`` stays ``None``.
    :raises InputError: when the path has no name, as a root or bucket.
    """
    map_index = map_index_of(context)
    if path is None or map_index is None:
        return path
    if not path.name:
        raise InputError(f"{argument} is {path}, which names no file. Give each mapped task a file to write to.")
    name = name_of_mapped(path.name, map_index)
    if name == path.name:
        return path
    own = path.with_name(name)
    log.info("Mapped task %s: %s is %s, so that no two tasks of the map write to one file", map_index, argument, own)
    return own


def name_of_mapped(name: str, map_index: int) -> str:
    """Return a file's name with ``-{map_index}`` before its suffix, unless the map index is there already.

    No two map indexes give the same name, whatever the names given: the part before the suffix always ends with the
    task's own index as a whole number. A map index elsewhere in the path proves nothing, as it may be part of a date.
    """
    before, dot, suffix = name.rpartition(".")
    if not before:  # no suffix, at most a leading dot
        before, dot, suffix = name, "", ""
    if re.search(rf"(?<!\d){map_index}\Z", before):
        return name
    return f"{before}-{map_index}{dot}{suffix}"


def _map_length(context: Context) -> int:
    ti = context["ti"]
    return ti.get_ti_count(ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
