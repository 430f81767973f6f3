"""Rows that Airflow stores with the DAG from where no operator can hide them: rejected when the DAG is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_socialscrm._compat import expanded_by_task_group
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, shape_of, unwrap, wrap, wrap_argument
from airflow_provider_socialscrm.wording import with_article

_PARAMS = re.compile(r"params\s*(?:\.\s*get\(\s*['\"]|\[\s*['\"]|\.)\s*(\w+)")


def check_default_args(task_id: str, default_args: Mapping[str, Any] | None) -> None:
    """Check that the arguments that a DAG or a task group gives to all of its tasks hold no customers.

    :raises InputError: naming the argument, without its value.
    """
    given = default_args or {}
    arguments = [("data", given.get("data")), *_function_arguments(given)]
    for name, value in arguments:
        hidden = wrap(value, is_template=True) if name == "data" else wrap_argument(value, is_template=True)
        if isinstance(hidden, HiddenTable):
            raise _stored(task_id, f"{name} in default_args", hidden)


def check_task_group(task_id: str, arguments: Iterable[tuple[str, Any]]) -> None:
    """Check that no argument is one that ``expand`` of a task group gives rows for.

    :param arguments: names and values.
    :raises InputError: naming the argument, without its values.
    """
    for name, argument in arguments:
        for value in expanded_by_task_group(argument):
            hidden = wrap(value, is_template=True) if name == "data" else wrap_argument(value, is_template=True)
            if isinstance(hidden, HiddenTable):
                raise _stored(task_id, f"{name} from expand of the task group", hidden)


def check_params(task_id: str, data: Any, *params: Any, argument: str = "data") -> None:
    """Check that an argument neither is nor holds a template for rows in ``params``.

    :param data: the argument's value.
    :param params: of the task and of its DAG.
    :param argument: its name. Default ``"data"``.
    :raises InputError: naming the parameter, without its value.
    """
    if isinstance(data, dict | list | tuple):
        for each in data.values() if isinstance(data, dict) else data:
            check_params(task_id, each, *params, argument=argument)
    for name in _PARAMS.findall(data) if isinstance(data, str) else ():
        for each in params:
            value = each.get(name) if each else None
            value = getattr(value, "value", value)
            hidden = wrap(value, is_template=True) if argument == "data" else wrap_argument(value, is_template=True)
            if isinstance(hidden, HiddenTable) and not (isinstance(hidden.table, str) and not hidden.table):
                raise _stored(task_id, f"{argument} from params.{name}", hidden)


def _function_arguments(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("op_args", value) for value in given.get("op_args") or ())
    yield from (("op_kwargs", value) for value in (given.get("op_kwargs") or {}).values())


def _stored(task_id: str, place: str, hidden: HiddenTable) -> InputError:
    table = unwrap(hidden)
    shape = shape_of(table) if isinstance(table, str | bytes) else with_article(shape_of(table))
    return InputError(
        f"Task {task_id}: {place} is {shape}, which Airflow would store and show with the DAG: "
        "return it from a task, and pass the task's output."
    )
