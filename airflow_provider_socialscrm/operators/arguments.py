"""The operator's arguments as the importer's options, checked as far as they are known when a DAG is parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, unwrap
from airflow_provider_socialscrm.runtime.inputs import check_is_no_text, check_is_result
from airflow_provider_socialscrm.runtime.paths import check_is_path, check_spelling
from airflow_provider_socialscrm.runtime.rendered import TEXT_RENDERED, typed_arguments

RULES: Final = frozenset(field.name for field in fields(Rules))
OPTIONS: Final = frozenset(
    {
        "rows_per_call", "bytes_per_call", "concurrency", "max_rejected", "on_unknown", "parallel_tasks",
        "allow_missing_rejects", "on_empty", "check_agents",
    }
)  # fmt: skip
"""Arguments that have the same names in the importer."""

TEXT_FORM: Final = frozenset({"encoding", "delimiter"})

_ONLY_A_RUN_KNOWS: Final = "{{ }}"
"""Replaces an argument that ``expand`` may give."""


def options_of(arguments: Mapping[str, Any]) -> Options:
    """Return the importer's options; an argument that is ``None`` has the importer's default.

    :param arguments: values by the names of the operator's arguments; others are ignored.
    :raises InputError: naming each argument that is wrong.
    """
    given = _given(arguments)
    return _options(given, _rules(given))


def check_constants(task_id: str, arguments: Mapping[str, Any]) -> None:
    """Check the arguments whose values are known when the DAG is parsed; skip those that only a run knows.

    :param arguments: values by the names of the operator's arguments; others are ignored.
    :raises InputError: naming the task and each argument that is wrong.
    """
    known = {name: value for name, value in arguments.items() if _is_constant(value)}
    try:
        known = typed_arguments(known)
    except InputError as wrong_type:
        raise InputError(f"Task {task_id}: {wrong_type}") from None
    constants = _given(known)
    text_form = {name: value for name, value in known.items() if name in TEXT_FORM}
    wrong = [
        *_problems(lambda: _options(constants, Rules())),
        *_problems(lambda: _rules(constants)),
        *_problems(lambda: TextForm(**text_form)),
    ]
    # Which names are fields depends on the extension fields as well.
    if not wrong and _is_constant(arguments["extension_fields"]):
        wrong += _rules(constants).wrong_fields()
    if wrong:
        raise InputError(f"Task {task_id}: {' '.join(wrong)}")


def check_partial(task_id: str, arguments: Mapping[str, Any]) -> None:
    """Check the arguments that all tasks of a map have, as far as they are known when the DAG is parsed.

    :raises InputError: naming the task and each argument that is wrong.
    """
    given = {name: arguments[name] for name in TEXT_RENDERED if name in arguments}
    check_constants(task_id, {"extension_fields": _ONLY_A_RUN_KNOWS, **given})


def check_data(task_id: str, data: Any, **paths: Any) -> None:
    """Check the paths and the data that are known when the DAG is parsed.

    :param data: wrapped, unless it is a path, has a template, or is another task's.
    :param paths: to write to, by argument.
    :raises InputError: naming the task and the argument, without its value.
    """
    try:
        hidden = unwrap(data) if isinstance(data, HiddenTable) else None
        check_is_no_text(hidden)
        check_is_result(hidden)
        for each in _each(data):
            if isinstance(each, str) and _is_constant(each):
                check_spelling("data", each)
        for name, value in paths.items():
            if _is_constant(value):
                check_is_path(name, value)
    except InputError as problem:
        raise InputError(f"Task {task_id}: {problem}" if task_id else str(problem)) from None


def _each(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        for each in data:
            yield from _each(each)
    else:
        yield data


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    # For max_rejected None is a value of its own: no limit.
    return {
        name: value
        for name, value in arguments.items()
        if name in RULES | OPTIONS and (value is not None or name == "max_rejected")
    }


def _rules(given: Mapping[str, Any]) -> Rules:
    return Rules(**{name: value for name, value in given.items() if name in RULES})


def _options(given: Mapping[str, Any], rules: Rules) -> Options:
    return Options(**{name: value for name, value in given.items() if name in OPTIONS}, rules=rules)


def _problems(make: Callable[[], object]) -> list[str]:
    try:
        make()
    except InputError as problem:
        return [str(problem)]
    return []


def _is_constant(value: Any) -> bool:
    """Return whether a run will see this value: it has no template and is not the output of another task."""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(_is_constant(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_constant, value))
    return not hasattr(value, "resolve")
