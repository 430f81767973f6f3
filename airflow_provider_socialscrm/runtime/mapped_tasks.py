"""What a mapped task must know of its siblings: how many run at once, and that none writes to another's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.importer.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context


def is_mapped(context: Context) -> bool:
    """Say whether the task is one of several, by ``expand`` or in a mapped task group."""
    map_index = getattr(context.get("ti"), "map_index", None)
    return map_index is not None and map_index >= 0


def parallel_tasks(context: Context) -> int:
    """Return how many tasks of the map can run at once in this run, as far as a task can know.

    The size of a pool no task can see, nor what other DAGs or runs there are.
    """
    if not is_mapped(context):
        return 1
    task = context["task"]
    limits = (task.max_active_tis_per_dagrun, task.max_active_tis_per_dag, context["dag"].max_active_tasks)
    return max(1, min(limit for limit in (_length(context), *limits) if limit is not None))


def check_own_files(context: Context, *names: str) -> None:
    """Refuse a path that several mapped tasks would surely share, each of which would write the file anew.

    Surely: rendered for another map index it is the same, and there are fewer such paths than tasks.

    :param names: arguments of the operator that are paths to write to.
    :raises InputError: naming the argument.
    """
    shared = [name for name in names if is_mapped(context) and _is_shared(context, name)]
    if shared:
        raise InputError(
            f"The mapped tasks would write {' and '.join(shared)} to the same place, each over the others: "
            "let the path contain {{ ti.map_index }}."
        )


def _length(context: Context) -> int:
    ti = context["ti"]
    return ti.get_ti_count(ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])


def _is_shared(context: Context, name: str) -> bool:
    task = context["dag"].get_task(context["ti"].task_id)
    templates = _templates(task, name)
    if not templates or None in templates:
        return False
    here, there = _rendered(templates, context), _rendered(templates, _sibling_context(context, task))
    return here == there and 0 < len(set(here)) < _length(context)


def _templates(task: Any, name: str) -> list[Any]:
    """Return the argument's values as the DAG has them, one or several; none where another task makes them."""
    if not hasattr(task, "partial_kwargs"):  # it is in a mapped task group
        return [getattr(task, name)]
    given, mapped = task.partial_kwargs.get(name), task.expand_input.value
    if isinstance(mapped, Mapping):  # expand(...)
        values = mapped.get(name, [given])
        return list(values) if isinstance(values, Sequence) else []
    return [arguments.get(name, given) for arguments in _each(mapped)]


def _each(mapped: Any) -> Sequence[Mapping[str, Any]]:
    """Return what ``expand`` or ``expand_kwargs`` was given as mappings; nothing where another task makes it."""
    each = [mapped] if isinstance(mapped, Mapping) else mapped
    return each if isinstance(each, Sequence) and all(isinstance(one, Mapping) for one in each) else []


def _rendered(templates: Sequence[Any], context: Context) -> list[str]:
    try:
        return [str(context["task"].render_template(template, context)) for template in templates]
    except Exception:  # noqa: BLE001 - what fails on a sibling in whatever way is made of what differs in it
        return []


class _Sibling:
    """Stands for another mapped task: as this one, but for some attributes."""

    def __init__(self, own: Any, **others: Any) -> None:
        self._own = own
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def _sibling_context(context: Context, task: Any) -> Context:
    ti, own = context["ti"], context["task"]
    other = _Sibling(own, **dict.fromkeys(own.template_fields, "another's"))
    other_ti = _Sibling(ti, map_index=(ti.map_index or 0) + 1, id="another's", task=other)
    seen: Any = {**context, "ti": other_ti, "task_instance": other_ti, "task": other}
    if hasattr(task, "expand_input") and any("params" in one for one in _each(task.expand_input.value)):
        seen["params"] = {}
    return seen  # type: ignore[no-any-return]  # stand-ins for what Airflow types
