"""The argument ``ledger`` of an operator: a path or a ``Ledger``, whose texts are templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, Final

from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.runtime.path_text import as_text, is_path_object, is_resolved

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week)s?", re.IGNORECASE)
_NOTHING: Final = frozenset({"", "None"})


class LedgerTemplate:
    """A ``Ledger`` with texts that Airflow renders when the task runs. It is shown as what it was made of.

    :param ledger: its paths are text.
    """

    __slots__ = ("ledger",)

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def resolve(self, context: Any) -> Ledger:
        """Return the ledger rendered. Airflow calls this instead of looking for templates.

        :raises InputError: naming each argument whose text cannot be used.
        """
        task = context["task"]
        values = {each.name: getattr(self.ledger, each.name) for each in fields(Ledger)}
        return typed_ledger({name: task.render_template(value, context) for name, value in values.items()})

    def __repr__(self) -> str:
        given = {each: getattr(self.ledger, each.name) for each in fields(Ledger)[1:]}
        changed = [f"{each.name}={value!r}" for each, value in given.items() if value != each.default]
        return f"Ledger({', '.join([repr(str(self.ledger.path)), *changed])})"


class LedgerArgument:
    """An operator's argument that is a ledger: given as a path or as a ``Ledger``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        return self if task is None else getattr(task, self._name)

    def __set__(self, task: Any, value: Any) -> None:
        vars(task)[self._name] = value if is_resolved(task, self._name) else shown(value)


def shown(value: Any) -> Any:
    """Return the argument as Airflow may render, show and store it.

    :raises InputError: when it is neither a path nor a ``Ledger``, nor the output of another task.
    """
    if isinstance(value, Ledger):
        return LedgerTemplate(replace(value, path=as_text(value.path), gone_path=as_text(value.gone_path)))
    if value is None or isinstance(value, str | LedgerTemplate) or hasattr(value, "resolve"):
        return value
    if is_path_object(value):
        return as_text(value)
    raise InputError(
        f"ledger is a {type(value).__name__}: give a path, as in 's3://crm/ledger', or Ledger(path, ...) with more."
    )


def ledger_of(value: Any) -> Ledger | None:
    """Return the rendered argument as a ledger; ``None`` without one.

    :raises InputError: when it is not one.
    """
    if value is None or isinstance(value, Ledger):
        return value
    if isinstance(value, LedgerTemplate):
        return value.ledger
    return None if value in _NOTHING else Ledger(value)


def typed_ledger(values: Mapping[str, Any]) -> Ledger:
    """Return a ledger whose rendered texts have the types of its arguments.

    :raises InputError: naming each argument that is wrong.
    """
    typed = dict(values)
    for name, read in _TYPES.items():
        if isinstance(text := values.get(name), str):
            typed[name] = read(text.strip())
    return Ledger(**typed)


def _optional(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text in _NOTHING else read(text)


def _number(text: str) -> float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _time(text: str) -> timedelta | str:
    found = _TIME.fullmatch(text)
    return timedelta(**{f"{found[2].lower()}s": float(found[1])}) if found else text


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "resend_after": _optional(_time),
    "retry_rejected": _time,
    "max_changes": _optional(_number),
    "min_rows": _optional(_number),
    "gone_path": _optional(str),
    "expected_changes": _optional(str),
}
"""How the rendered text of an argument is read; that of any other argument is its value."""
