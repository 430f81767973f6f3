"""The tasks whose output is a task's input: which of them gave nothing, in words."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_socialscrm._compat import outputs_in, outputs_of_map, task_ids_in
from airflow_provider_socialscrm.importer.errors import EmptyInputError
from airflow_provider_socialscrm.runtime.gaps import Place
from airflow_provider_socialscrm.wording import counted, worded

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

MapCounts = Mapping[str, tuple[int, int]]
"""The tasks of a map, and those of them that have an output, by the id of the mapped task."""


_Tasks: TypeAlias = "tuple[_Tasks, ...] | list[str]"
"""The ids of the tasks whose output something is or holds; those of each item of a list that has outputs."""


class Upstream:
    """The tasks whose output an argument is or holds.

    :param value: the argument, as the DAG file has it.
    """

    def __init__(self, value: Any) -> None:
        self._outputs = outputs_in(value)
        self._tasks = _tasks_in(value) if self._outputs else []  # or it may be rows, many of them

    @property
    def task_ids(self) -> list[str]:
        """Their ids."""
        return sorted({task_id for task_id, _ in self._outputs})

    def of_item(self, place: Place, items: int) -> list[str]:
        """Return the ids of the tasks whose output an item is or is in; none where one task returned the list.

        :param place: of the item, from the outermost list inwards, each from 0.
        :param items: in the list that was rendered; 0 if it was none.
        """
        tasks = self._tasks
        if not isinstance(tasks, tuple) or len(tasks) != items:
            return []
        for each in place:
            tasks = tasks[each] if isinstance(tasks, tuple) else tasks
        return sorted(_flat(tasks))

    def maps(self, context: Context) -> MapCounts:
        """Return the counts of those tasks that are mapped."""
        counts = {task_id: outputs_of_map(context, task_id, key) for task_id, key in self._outputs}
        return {task_id: each for task_id, each in counts.items() if each is not None}

    def silent_items(self, maps: MapCounts, items: int) -> set[Place]:
        """Return the places of items which are outputs of mapped tasks that have none, also in lists within the list.

        :param maps: as of :meth:`maps`.
        :param items: in the list that was rendered.
        """
        silent = {task_id for task_id, (_, outputs) in maps.items() if not outputs}
        if not silent or not isinstance(self._tasks, tuple) or len(self._tasks) != items:
            return set()
        return {place for place, tasks in _places(self._tasks) if tasks and silent.issuperset(tasks)}

    def check_maps(self, maps: MapCounts, skip: str) -> None:
        """Log that mapped tasks gave nothing. Airflow leaves them out when it gives the outputs of a map.

        :param maps: as of :meth:`maps`.
        :param skip: ends a sentence about what to do.
        :raises EmptyInputError: if no task gave anything.
        """
        if maps and len(maps) == len(self.task_ids) and not any(outputs for _, outputs in maps.values()):
            names = " and ".join(f"'{task_id}'" for task_id in maps)
            none = sum(tasks for tasks, _ in maps.values())
            were, logs = worded(none, "was", "were"), worded(none, "its log", "their logs")
            raise EmptyInputError(
                f"data has no table: {counted(none, 'task')} of {names} returned nothing or {were} skipped. Look at "
                f"{logs}{skip}."
            )
        for task_id, (tasks, outputs) in maps.items():
            if silent := tasks - outputs:
                log.warning(
                    "%s of %s of '%s' returned nothing or %s skipped: data has the output of %s",
                    f"{silent:,}", counted(tasks, "task"), task_id, worded(silent, "was", "were"),
                    counted(outputs, "task"),
                )  # fmt: skip


def _tasks_in(value: Any) -> _Tasks:
    return tuple(map(_tasks_in, value)) if isinstance(value, list | tuple) and outputs_in(value) else task_ids_in(value)


def _places(tasks: _Tasks, at: Place = ()) -> Iterator[tuple[Place, list[str]]]:
    if isinstance(tasks, tuple):
        for place, each in enumerate(tasks):
            yield from _places(each, (*at, place))
    else:
        yield at, tasks


def _flat(tasks: _Tasks) -> set[str]:
    return {task_id for _, task_ids in _places(tasks) for task_id in task_ids}


def returned_nothing(task_ids: Sequence[str], skip: str = "", *, are_all: bool = False) -> str:
    """Return that tasks returned nothing, to end a sentence.

    :param task_ids: at least one.
    :param skip: ends a sentence about what to do.
    :param are_all: whether all of them returned nothing, and not one of them.
    """
    if are_all and len(task_ids) > 1:
        return f": {name_tasks(task_ids, 'and')} returned nothing or were skipped. Look at their logs{skip}"
    return f": {name_tasks(task_ids)} returned nothing or was skipped. Look at its log{skip}"


def name_tasks(task_ids: Sequence[str], joined: str = "or") -> str:
    """Return the names of tasks in words.

    :param task_ids: at least one.
    :param joined: the word between them: ``or`` of which one is meant, ``and`` of which all are.
    """
    names = f" {joined} ".join(f"'{task_id}'" for task_id in task_ids)
    return f"the {'tasks' if joined == 'and' else 'task'} {names}"
