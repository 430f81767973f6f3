"""Differences between the supported versions of Airflow, all in one place.

Each entry says which version needs it. With Airflow 3.1, remove :data:`MOVED`, whose names are then imported from their
first place, and ``hooks/form.py``; with 3.2, remove :func:`has_retry_policies`, :func:`task_state_store` and
:func:`never_expires`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.sdk import BaseXCom
    from airflow.sdk.bases.decorator import determine_kwargs
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.sdk.plugins_manager import AirflowPlugin

__all__ = [
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowPlugin",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "BaseXCom",
    "DagBag",
    "airflow_stats",
    "default_deferrable",
    "determine_kwargs",
    "expanded_by_task_group",
    "has_retry_policies",
    "is_mapped",
    "is_not_set",
    "made_in",
    "never_expires",
    "outputs_in",
    "outputs_of_map",
    "refers_to_tasks",
    "sync_bag_to_db",
    "task_ids_in",
    "task_state_store",
]

log = logging.getLogger(__name__)

MOVED: Final = {
    # Airflow 3.1 has these in the second place.
    "AirflowFailException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowNotFoundException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowSensorTimeout": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowSkipException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),
    "BaseXCom": ("airflow.sdk", "airflow.sdk.bases.xcom"),
    "DagBag": ("airflow.dag_processing.dagbag", "airflow.models.dagbag"),
    "sync_bag_to_db": ("airflow.dag_processing.dagbag", "airflow.models.dagbag"),
    "determine_kwargs": ("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers"),
}
"""Where a name is, the newest version's place first."""

STATS: Final = ("airflow.sdk.observability.stats", "airflow.observability.stats", "airflow.stats")
"""Where Airflow's metrics are, the newest version's place first: none is documented. 3.1 needs the last."""


def __getattr__(name: str) -> Any:
    # Looked up on first use: a DAG file must not load Airflow's plugin manager, nor a plugin the decorators.
    if name not in MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _first(name, MOVED[name])
    if found is None:
        raise ImportError(f"This version of Airflow has {name} in none of {', '.join(MOVED[name])}")
    globals()[name] = found
    return found


@cache
def has_retry_policies() -> bool:
    """Return whether Airflow has retry policies and task state, as 3.3 and newer have."""
    return _first("RetryPolicy", ("airflow.sdk",)) is not None


def task_state_store(context: Mapping[str, Any]) -> Any:
    """Return the store of a task's state, for one thread at a time, or ``None`` before Airflow 3.3."""
    store = context.get("task_state_store")
    return None if store is None else _OneAtATime(store)


def never_expires() -> Any:
    """Return the retention with which Airflow (3.3) does not delete a task's state after some days."""
    return _first("NEVER_EXPIRE", ("airflow.sdk",))


class _OneAtATime:
    """A store of a task's state that threads may share.

    A process has one channel to Airflow. ``airflow dags test`` takes that away from all threads while it answers one.
    """

    _lock: Final = Lock()

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                return method(*arguments, **named)

        return call


def is_mapped(operator: Any) -> bool:
    """Return whether an operator that is being made is one of a map; no version says so in a public way."""
    return bool(getattr(operator, "_BaseOperator__from_mapped", False))


def default_deferrable() -> bool:
    """Return whether tasks that can wait in the triggerer do so unless they say otherwise."""
    # Airflow 3.1 has no configuration in its SDK.
    conf = _first("conf", ("airflow.sdk.configuration", "airflow.configuration"))
    return bool(conf and conf.getboolean("operators", "default_deferrable", fallback=False))


@cache
def airflow_stats() -> Any:
    """Return Airflow's metrics, or ``None`` where this version has them in no known place."""
    found = _first("Stats", STATS)
    if found is None:
        log.info("The metrics of this Airflow version were not found, so the import reports none")
    return found


def refers_to_tasks(value: Any) -> bool:
    """Return whether a value is or holds the output of other tasks, which Airflow resolves before the task runs."""
    if value is None or isinstance(value, str | int | float):  # as most values of a row
        return False
    if isinstance(value, dict):
        return any(map(refers_to_tasks, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(refers_to_tasks, value))
    # The stand-ins for mapped and literal arguments are not XComArgs, and have no public class in any version.
    if hasattr(value, "resolve") and hasattr(value, "iter_references"):
        return True
    from airflow.sdk import XComArg  # noqa: PLC0415 - not for those who only need a moved name

    return any(True for _ in XComArg.iter_xcom_references(value))


def is_not_set(value: Any) -> bool:
    """Return whether a value is what Airflow 3.1 gives for a task of a mapped task group that has no output."""
    return type(value).__name__ == "ArgNotSet"  # it is public in no version


def made_in(dag: Any, task_group: Any) -> tuple[Any, Any]:
    """Return the DAG and the task group of a task that is being made: those given, or those whose blocks this is in."""
    from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext  # noqa: PLC0415

    dag = dag or DagContext.get_current()
    return dag, task_group or TaskGroupContext.get_current(dag)


def expanded_by_task_group(value: Any) -> tuple[Any, ...]:
    """Return the values of an argument that ``expand`` of a task group is given in the DAG file; () for any other.

    The argument may be in lists and dictionaries. No version says so in a public way.
    """
    if isinstance(value, dict | list | tuple):
        items = value.values() if isinstance(value, dict) else value
        return tuple(found for each in items for found in expanded_by_task_group(each))
    given = getattr(getattr(value, "_input", None), "value", None)
    key = getattr(value, "_key", None)
    if isinstance(given, Mapping):  # of expand
        values = given.get(key, ())
    elif isinstance(given, list | tuple):  # of expand_kwargs
        values = [each.get(key) for each in given if isinstance(each, Mapping)]
    else:
        return ()
    return tuple(values.values() if isinstance(values, Mapping) else values if isinstance(values, list | tuple) else ())


def outputs_in(value: Any) -> list[tuple[str, str]]:
    """Return the task and the key of each output of other tasks that a value is or holds."""
    from airflow.sdk import XComArg  # noqa: PLC0415 - not for those who only need a moved name

    return sorted({(operator.task_id, key) for operator, key in XComArg.iter_xcom_references(value)})


def task_ids_in(value: Any) -> list[str]:
    """Return the ids of the tasks whose output a value is or holds."""
    return sorted({task_id for task_id, _ in outputs_in(value)})


def outputs_of_map(context: Mapping[str, Any], task_id: str, key: str) -> tuple[int, int] | None:
    """Return how many tasks a map has, and how many of them have an output; ``None`` for a task that is not mapped.

    Airflow leaves out the tasks without an output when it gives those of a map, and has no public count of them.

    :param context: of the task that asks.
    :param task_id: of the mapped task, or of one in a mapped task group that the asking task is not in.
    :param key: of the output.
    """
    from airflow.sdk import XComArg  # noqa: PLC0415 - not for those who only need a moved name
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence  # noqa: PLC0415 - only for a map

    dag, ti = context.get("dag"), context["ti"]
    if dag is None or not dag.has_task(task_id):
        return None
    task, own = dag.get_task(task_id), context["task"].get_closest_mapped_task_group()
    group = task.get_closest_mapped_task_group()
    if not task.is_mapped and (group is None or group is own):
        return None
    asked: dict[str, Any] = {"dag_id": ti.dag_id, "task_ids": [task_id], "run_ids": [ti.run_id]}
    tasks = ti.get_ti_count(**asked) - ti.get_ti_count(**asked, states=["removed"])  # of a longer map, before clearing
    output: Any = XComArg(task, key)
    return tasks, len(LazyXComSequence(xcom_arg=output, ti=ti))


def _first(name: str, places: tuple[str, ...]) -> Any:
    for place in places:
        try:
            return getattr(import_module(place), name)
        except (ImportError, AttributeError):
            continue
    return None
