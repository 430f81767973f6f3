"""How many tasks of a map run at once, and a file name of its own for each.

``api/shared_pacing.py`` divides the calls per second among them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.runtime.task_identity import map_index_of

if TYPE_CHECKING:
    from airflow.sdk import Context


def parallel_tasks(context: Context) -> int:
    """Return how many tasks of the map can run at once in this run.

    A task can see neither the size of its pool nor other DAGs and runs.
    """
    if map_index_of(context) is None:
        return 1
    task = context["task"]
    limits = (task.max_active_tis_per_dagrun, task.max_active_tis_per_dag, context["dag"].max_active_tasks)
    return max(1, min(limit for limit in (_map_length(context), *limits) if limit is not None))


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
