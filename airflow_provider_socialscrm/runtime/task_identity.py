"""Which import a task is: made once from Airflow's context, for the dead letter, the checkpoint and their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.identity import OUTSIDE_AIRFLOW, ImportIdentity

if TYPE_CHECKING:
    from airflow.sdk import Context


def map_index_of(context: Context) -> int | None:
    """Return a task's index among those made by ``expand`` or in a mapped task group; ``None`` if it is not mapped."""
    map_index = getattr(context.get("ti"), "map_index", None)
    return map_index if map_index is not None and map_index >= 0 else None


def identity_of(context: Context) -> ImportIdentity:
    """Return which import a task is, the same in all of its tries."""
    ti = context.get("ti")
    if ti is None:
        return OUTSIDE_AIRFLOW
    # Clearing a task raises its max_tries, which distinguishes a cleared task, to start over, from a retried one.
    return ImportIdentity(ti.task_id, ti.dag_id, ti.run_id, map_index_of(context), ti.max_tries)
