"""Rows that a DAG file gives to ``partial``, ``expand`` or ``expand_kwargs``, hidden from the serialized DAG.

Airflow stores what these methods are given as text, and has no hook for it. So what has the methods, Airflow's
``OperatorPartial`` or the decorated function, becomes an object of a subclass that wraps the arguments first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

Hide = Callable[[str, Any], Any]
"""Returns a mapped argument, given its name and its value, without rows to show."""

HideOwn = Callable[[dict[str, Any]], dict[str, Any]]
"""Returns arguments of the task itself without rows to show."""


def hide_rows(made: Any, hide: Hide, hide_own: HideOwn | None = None) -> Any:
    """Return the same object, whose methods hide rows from now on.

    :param made: what has ``expand`` and ``expand_kwargs``, and maybe ``partial`` and ``override``.
    :param hide: hides one argument.
    :param hide_own: hides rows among the arguments of ``override``.
    """
    kind: Any = type(made)
    made.__class__ = _hiding(kind, hide, hide_own)
    return made


@cache
def _hiding(kind: Any, hide: Hide, hide_own: HideOwn | None) -> type:
    methods: dict[str, Any] = {
        "expand": _expand(kind, hide), "expand_kwargs": _expand_kwargs(kind, hide), "__slots__": (),
    }  # fmt: skip
    if hasattr(kind, "partial"):
        methods["partial"] = _partial(kind, hide)
    if hide_own:
        methods["override"] = _override(kind, hide_own)
    return type(kind.__name__, (kind,), methods)


def _override(kind: Any, hide_own: HideOwn) -> Any:
    def override(self: Any, **arguments: Any) -> Any:
        return kind.override(self, **hide_own(arguments))

    return override


def _partial(kind: Any, hide: Hide) -> Any:
    def partial(self: Any, **arguments: Any) -> Any:
        return kind.partial(self, **{name: hide(name, value) for name, value in arguments.items()})

    return partial


def _expand(kind: Any, hide: Hide) -> Any:
    def expand(self: Any, **arguments: Any) -> Any:
        return kind.expand(self, **{name: _each(name, values, hide) for name, values in arguments.items()})

    return expand


def _expand_kwargs(kind: Any, hide: Hide) -> Any:
    def expand_kwargs(self: Any, kwargs: Any, **options: Any) -> Any:
        if isinstance(kwargs, Sequence):
            kwargs = [
                {name: hide(name, value) for name, value in each.items()} if isinstance(each, Mapping) else each
                for each in kwargs
            ]
        return kind.expand_kwargs(self, kwargs, **options)

    return expand_kwargs


def _each(name: str, values: Any, hide: Hide) -> Any:
    if isinstance(values, Mapping):
        return {key: hide(name, value) for key, value in values.items()}
    if isinstance(values, bytes | bytearray):  # which Airflow would take for a list of numbers
        return hide(name, values)
    if isinstance(values, Sequence) and not isinstance(values, str):
        return [hide(name, value) for value in values]
    return values
