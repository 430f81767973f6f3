"""Rendered arguments in the types that the importer expects: a template without native rendering gives text."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.importer.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

_BOOLEANS: Final = {"true": True, "false": False}
_NOTHING: Final = frozenset({"", "None"})
"""Texts that a template gives for a value that is missing. Another word could mean something else, such as no row."""


TEXT_RENDERED: Final = (
    "encoding", "delimiter", "columns", "extension_fields", "defaults", "values", "null_values", "empty",
    "default_region", "ambiguous_numbers", "dayfirst", "date_fields", "bad_values", "duplicates", "on_empty",
    "on_invalid", "on_unknown", "max_rejected", "rejects_path", "allow_missing_rejects", "checkpoint_path",
    "check_agents", "ledger", "socialscrm_conn_id", "dry_run", "rows_per_call", "bytes_per_call", "concurrency",
    "parallel_tasks",
)  # fmt: skip
"""Templated arguments whose text stays text, also in a DAG that renders templates to Python's objects."""


def renders_natively(operator: Any, context: Context) -> bool:
    """Return whether a task's templates are rendered to Python's objects, by its own wish or its DAG's."""
    own = getattr(operator, "render_template_as_native_obj", None)
    return bool(getattr(context.get("dag"), "render_template_as_native_obj", False) if own is None else own)


def rendered_fields(operator: Any, templates: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return a task's template fields as they were rendered, and as text also where its DAG renders Python's objects.

    Native rendering makes a number of a login such as ``1e5``.

    :param templates: the fields' values before they were rendered, by name.
    """
    if not renders_natively(operator, context):
        return {name: getattr(operator, name) for name in templates}
    environment = context["dag"].get_template_env(force_sandboxed=True)
    return {name: rendered_as_text(operator, each, context, environment) for name, each in templates.items()}


def rendered_as_text(operator: Any, value: Any, context: Context, environment: Any) -> Any:
    """Return a template field's value with its templates rendered to text, and outputs of other tasks resolved.

    :param environment: of Jinja, which renders to text. Airflow's own ``render_template`` asks the DAG instead.
    """
    if isinstance(value, str):
        return environment.from_string(value).render(context)
    if isinstance(value, Mapping):
        return {name: rendered_as_text(operator, each, context, environment) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return type(value)(rendered_as_text(operator, each, context, environment) for each in value)
    return operator.render_template(value, context)


def typed_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with each rendered text in the type of its argument.

    Text becomes the value that it writes: ``"False"`` is false, ``"500"`` a number, ``"['a', 'b']"`` a list. Any other
    value stays as it is, and is checked like one that was given in Python.

    :param arguments: values by the names of the operator's arguments.
    :raises InputError: naming a list or a mapping that is cut or misspelled, or a ``dry_run`` that is neither true nor
        false. It does not repeat lists and mappings, which may hold customers' values.
    """
    typed, wrong = dict(arguments), list[str]()
    for name, value in arguments.items():
        if isinstance(value, str) and name in _TYPES:
            try:
                typed[name] = _TYPES[name](value.strip())
            except ValueError as problem:
                wrong.append(f"{name} {problem}.")
    if not isinstance(typed.get("dry_run", False), bool):  # or a dry run by mistake sends nothing, and looks fine
        wrong.append(f"dry_run is {arguments['dry_run']!r} (must be true or false).")
    if wrong:
        raise InputError(" ".join(wrong))
    return typed


def is_missing(value: Any) -> bool:
    """Return whether an argument has no value, as a template writes it or as Python does."""
    return value is None or (isinstance(value, str) and value.strip() in _NOTHING)


def time_of(name: str, value: Any) -> datetime | None:
    """Return the time that an argument writes, and ``None`` where it has no value.

    :param name: of the argument.
    :raises InputError: if it is not a time.
    """
    if is_missing(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} is not a time: give a datetime, or a text such as 2026-12-24T09:00:00+08:00."
        ) from None


def _boolean(text: str) -> bool | str:
    return _BOOLEANS.get(text.lower(), text)


def number_of(text: str) -> float | str:
    """Return the number that text writes, or the text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def list_of(text: str) -> list[Any] | str:
    """Return the list that text writes in JSON or in Python, or text that does not begin like one.

    :raises ValueError: when the list is cut or misspelled.
    """
    if not text.startswith(("[", "(")):
        return text  # not an attempt at a list: rejected like text that was given in Python
    found = _written(text)
    if not isinstance(found, list | tuple):
        raise ValueError("is text that does not write a list, as in ['Loyalty Level', 'Last Order']")  # noqa: TRY004 - it is text
    return list(found)


def _mapping(text: str) -> dict[Any, Any] | str:
    if not text.startswith("{"):
        return text
    found = _written(text)
    if not isinstance(found, dict):
        raise ValueError("is text that does not write a mapping, as in {'mobile': 'whatsApp'}")  # noqa: TRY004 - it is text
    return found


def _written(text: str) -> Any:
    """Return the value that text writes in JSON or in Python, as templates print lists and mappings."""
    try:
        return json.loads(text)
    except ValueError:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def optional(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader of text that returns ``None`` for text which a template gives for a missing value."""
    return lambda text: None if text in _NOTHING else parse(text)


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "dry_run": _boolean,
    "allow_missing_rejects": _boolean,
    "check_agents": _boolean,
    "dayfirst": optional(_boolean),
    "rows_per_call": optional(number_of),
    "bytes_per_call": number_of,
    "concurrency": number_of,
    "parallel_tasks": optional(number_of),
    "max_rejected": lambda text: None if text == "None" else number_of(text),  # empty text must not lift the limit
    "default_region": optional(str),
    "max_numbers": number_of,
    "activity": optional(str),
    "orders": optional(list_of),
    "only": optional(list_of),
    "name": lambda text: None if text == "None" else text,  # empty text is a mistake
    "admin": optional(str),
    "executors": list_of,
    "group": _mapping,
    "interval": optional(list_of),
    "reached": optional(number_of),
    "tasks": list_of,
    "check_executors": _boolean,
    "name_limit": number_of,
    "links": list_of,
    "max_rows": optional(number_of),
    "max_failed": optional(number_of),
    "confirm_recipients": lambda text: None if text == "None" else number_of(text),
    "recipients_per_task": number_of,
    "doubts": optional(_mapping),
    "sender": optional(str),
    "sender_column": optional(str),
    "agent": optional(str),
    "campaign": lambda text: None if text == "None" else text,
    "task_ids": optional(list_of),
    "min_share": number_of,
    "extension_fields": optional(list_of),
    "date_fields": optional(list_of),
    "null_values": optional(list_of),
    "columns": optional(_mapping),
    "defaults": optional(_mapping),
    "values": optional(_mapping),
    "empty": _mapping,
}
"""How the text of an argument is read; that of any other argument is its value."""
