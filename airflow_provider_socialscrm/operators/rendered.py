"""Rendered arguments in the types that the importer expects: a template without native rendering gives text."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError

_BOOLEANS: Final = {"true": True, "false": False}
_NOTHING: Final = frozenset({"", "None", "none", "null"})
"""Texts that a template gives for a value that is missing."""


def typed_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with each rendered text in the type of its argument.

    Text becomes the value that it writes: ``"False"`` is false, ``"500"`` a number, ``"['a', 'b']"`` a list. A value of
    another type stays as it is, and is checked like one that was given in Python.

    :param arguments: values by the names of the operator's arguments; others are returned unchanged.
    :raises InputError: naming each argument whose text does not write a value of its type. Safe to show: it does not
        repeat lists and mappings, which may hold customers' values.
    """
    typed, wrong = dict(arguments), []
    for name, value in arguments.items():
        if isinstance(value, str) and name in _TYPES:
            try:
                typed[name] = _TYPES[name](value.strip())
            except ValueError as problem:
                wrong.append(f"{name} {problem}.")
    if wrong:
        raise InputError(" ".join(wrong))
    return typed


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"is {text!r} (must be true or false)")
    return _BOOLEANS[text.lower()]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"is {text!r} (must be a whole number)") from None


def _number(text: str) -> float:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise ValueError(f"is {text!r} (must be a number)") from None


def _list(text: str) -> list[Any]:
    found = _written(text)
    if not isinstance(found, list | tuple):
        raise ValueError("is text that does not write a list, as in ['Loyalty Level', 'Last Order']")  # noqa: TRY004 - it is text
    return list(found)


def _list_or_all(text: str) -> list[Any] | str:
    return text if text == "all" else _list(text)


def _mapping(text: str) -> dict[Any, Any]:
    found = _written(text)
    if not isinstance(found, dict):
        raise ValueError("is text that does not write a mapping, as in {'mobile': 'whatsApp'}")  # noqa: TRY004 - it is text
    return found


def _mapping_or_word(text: str) -> dict[Any, Any] | str:
    return _mapping(text) if text.startswith("{") else text


def _written(text: str) -> Any:
    """Return the value that text writes in JSON or in Python, as templates print lists and mappings."""
    try:
        return json.loads(text)
    except ValueError:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def _optional(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text in _NOTHING else parse(text)


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "dry_run": _boolean,
    "allow_missing_rejects": _boolean,
    "dayfirst": _optional(_boolean),
    "rows_per_call": _whole,
    "bytes_per_call": _whole,
    "concurrency": _whole,
    "parallel_tasks": _optional(_whole),
    "max_rejected": _optional(_number),
    "default_region": _optional(str),
    "extension_fields": _optional(_list_or_all),
    "date_fields": _optional(_list),
    "null_values": _optional(_list),
    "columns": _optional(_mapping),
    "defaults": _optional(_mapping),
    "values": _optional(_mapping),
    "empty": _mapping_or_word,
}
"""How the text of an argument is read; that of any other argument is its value."""
