"""The arguments of a mass send as tasks of the CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from airflow_provider_socialscrm.api.mass_sends import GROUPS, INTERVAL, Content, CustomerGroup, MassSend
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.mass_sends.names import default_name
from airflow_provider_socialscrm.runtime.rendered import is_missing, time_of, typed_arguments

FIELDS: Final = ("name", "executors", "group", "content", "start", "interval", "reached")
"""Arguments that make a task."""

MOST_TASKS: Final = 50
"""Tasks in a call; our choice, since the vendor names no limit, and a manifest has at most 16 KiB."""

_GIVEN: Final = ("name", "executors", "group", "content", "start", "reached")
"""Those that exclude ``tasks``; an interval has a default."""


def tasks_of(arguments: Mapping[str, Any], identity: ImportIdentity) -> tuple[list[MassSend], frozenset[str]]:
    """Return the tasks of an operator, and which of their names are ours.

    :param arguments: rendered, by name.
    :raises InputError: in one sentence, naming the argument that is wrong.
    """
    several = arguments["tasks"]
    if several is None or several == "None":
        parts: list[Mapping[str, Any]] = [{name: arguments[name] for name in FIELDS}]
    else:
        parts = _several(several, arguments)
    tasks, own_names = list[MassSend](), set[str]()
    for place, fields in enumerate(parts, 1):
        name = fields.get("name")
        if name is None:
            name = default_name(identity, place if several else None, arguments["name_limit"])
            own_names.add(name)
        tasks.append(_task(name, fields))
    return tasks, frozenset(own_names)


def _several(several: Any, arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if given := [name for name in _GIVEN if arguments[name] is not None]:
        raise InputError(f"tasks and {given[0]} are both given: give either tasks, or the arguments of one task.")
    if not isinstance(several, list) or not all(isinstance(each, Mapping) for each in several):
        raise InputError("tasks must be a list of MassSend objects or dictionaries.")
    if not 0 < len(several) <= MOST_TASKS:
        raise InputError(f"tasks has {len(several)} tasks: give 1 to {MOST_TASKS}.")
    if unknown := [name for each in several for name in each if name not in FIELDS]:
        raise InputError(f"tasks has a task with the argument {unknown[0]!r}: the arguments are {', '.join(FIELDS)}.")
    return [typed_arguments(each) for each in several]


def _task(name: Any, fields: Mapping[str, Any]) -> MassSend:
    executors = fields.get("executors")
    if executors is None:
        raise InputError("executors is missing: name at least one agent who sends.")
    if isinstance(executors, str) or not isinstance(executors, Sequence):
        raise InputError("executors must be a list of agents' logins.")
    interval = fields.get("interval", INTERVAL)
    return MassSend(
        name,
        tuple(executors),
        _group(fields.get("group")),
        _content(fields.get("content")),
        time_of("start", fields.get("start")),
        tuple(interval) if isinstance(interval, list) else interval,
        fields.get("reached"),
    )


def _group(value: Any) -> CustomerGroup:
    if is_missing(value):
        raise InputError("group is missing: give a Stage, a Tag or a Group of customers.")
    kinds = [word for word in GROUPS if isinstance(value, Mapping) and word in value]
    if len(kinds) != 1 or not value.keys() <= {kinds[0], "id"}:
        raise InputError("group must be one Stage, Tag or Group, or a dictionary such as {'stage': 'New', 'id': '12'}.")
    group_id = value.get("id", "")
    return GROUPS[kinds[0]](value[kinds[0]], str(group_id) if isinstance(group_id, int) else group_id)


def _content(value: Any) -> Content:
    if value is None:
        raise InputError("content is missing: give a text, or a Content with a file.")
    if isinstance(value, str):
        return Content(value)
    names = {"text", "kind", "url", "file_name"}
    if not isinstance(value, Mapping) or not {"text"} <= value.keys() <= names:
        raise InputError(f"content must be a text, a Content, or a dictionary with text and some of {sorted(names)}.")
    return Content(**value)
