"""Arguments with objects of ours, as values that Airflow can render, show and store: dictionaries, lists and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from airflow_provider_socialscrm.api.mass_sends import GROUPS
from airflow_provider_socialscrm.runtime.path_text import is_resolved

_WORDS = {kind: word for word, kind in GROUPS.items()}


class PlainArgument:
    """An argument that a task has as a plain value, also where its user gives an object of ours."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        return self if task is None else getattr(task, self._name)

    def __set__(self, task: Any, value: Any) -> None:
        vars(task)[self._name] = value if is_resolved(task, self._name) else plain(value)


def plain(value: Any) -> Any:
    """Return a value in which objects of ours are dictionaries, and times are texts; anything else is unchanged."""
    if type(value) in _WORDS:
        return {_WORDS[type(value)]: value.value, "id": value.id}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
