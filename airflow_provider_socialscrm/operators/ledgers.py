"""The argument ``ledger`` of an operator: a path or a ``Ledger``, whose texts are templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Final

from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError, MissingFileError
from airflow_provider_socialscrm.runtime.path_text import as_text, has_template, is_path_object, is_resolved
from airflow_provider_socialscrm.runtime.paths import check_spelling
from airflow_provider_socialscrm.runtime.rendered import (
    list_of,
    number_of,
    optional,
    rendered_as_text,
    renders_natively,
)

PATHS: Final = ("path", "gone_path")
"""Arguments of a ``Ledger`` that are paths."""


class LedgerTemplate:
    """The arguments of a ``Ledger``, of which Airflow renders the texts. It is shown as the ``Ledger`` in a DAG file.

    :param values: by the names of the arguments. Paths are text.
    """

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def resolve(self, context: Any) -> LedgerTemplate:
        """Return the arguments rendered to text. Airflow calls this instead of looking for templates."""
        task = context["task"]
        if renders_natively(task, context):
            environment = context["dag"].get_template_env(force_sandboxed=True)
            return LedgerTemplate(rendered_as_text(task, self.values, context, environment))
        return LedgerTemplate(task.render_template(self.values, context))

    def __repr__(self) -> str:
        given = [(each.name, self.values[each.name], each.default) for each in fields(Ledger)[1:]]
        changed = [f"{name}={value!r}" for name, value, default in given if value != default]
        return f"Ledger({', '.join([repr(str(self.values['path'])), *changed])})"


class LedgerArgument:
    """An operator's argument that is a ledger: given as a path or as a ``Ledger``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        return self if task is None else getattr(task, self._name)

    def __set__(self, task: Any, value: Any) -> None:
        vars(task)[self._name] = value if is_resolved(task, self._name) else shown(value)


def shown(value: Any) -> Any:
    """Return the argument as Airflow may render, show and store it."""
    if isinstance(value, Ledger):
        values = {each.name: getattr(value, each.name) for each in fields(Ledger)}
        return LedgerTemplate(values | {name: as_text(values[name]) for name in PATHS})
    return as_text(value)


def check_ledger(task_id: str, value: Any) -> None:
    """Check what is known of the argument when the DAG is parsed.

    :raises InputError: naming the task, when it is neither a path nor a ``Ledger``, nor the output of another task.
    """
    try:
        if value is None or hasattr(value, "resolve"):
            return
        ledger_values(value)
        if not isinstance(value, Ledger) and not has_template(str(value)):
            check_spelling("ledger", value)
    except InputError as problem:
        raise InputError(f"Task {task_id}: {problem}") from None


def ledger_values(value: Any) -> dict[str, Any] | None:
    """Return the arguments of the ledger that an operator's argument is, in their types; ``None`` without one.

    :raises InputError: when it is not one, or has a list that is cut or misspelled.
    """
    if value is None or (isinstance(value, str) and value.strip() == "None"):  # empty text must not send everything
        return None
    if isinstance(value, LedgerTemplate):
        return _typed(value.values)
    if isinstance(value, Ledger):  # another task's output, which nobody wrapped
        return {each.name: getattr(value, each.name) for each in fields(Ledger)}
    if isinstance(value, str) and not value.strip():
        raise InputError("ledger is empty text: give the path of a folder, or None to send every row.")
    if isinstance(value, str) or is_path_object(value):
        return {"path": value}
    raise InputError(
        f"ledger is a {type(value).__name__}: give a path, as in 's3://crm/ledger', or Ledger(path, ...) with more."
    )


@contextmanager
def not_skipped_below(ledger: Mapping[str, Any] | None, *, skips: bool) -> Iterator[None]:
    """Let an input that is missing fail the task if ``min_rows`` is set, also where an empty one skips it.

    :param ledger: the arguments of the ledger.
    :param skips: whether an empty input skips the task.
    :raises MissingFileError: if a file is missing; it may be late.
    :raises InputError: if anything else is.
    """
    try:
        yield
    except EmptyInputError as nothing:
        least = ledger.get("min_rows") if ledger else None
        if least is None or not skips:
            raise
        kind = MissingFileError if isinstance(nothing, MissingFileError) else InputError
        raise kind(f"{nothing} on_empty='skip' does not skip the task, because min_rows is {least}.") from None


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    typed = dict(values)
    for name, read in _TYPES.items():
        if isinstance(text := values.get(name), str):
            try:
                typed[name] = read(text.strip())
            except ValueError as problem:
                raise InputError(f"ledger: {name} {problem}.") from None
    return typed


def _limit(text: str) -> float | str | None:
    return None if text == "None" else number_of(text)  # empty text must not lift a guard


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "path": lambda text: "" if text == "None" else text,
    "resend": str,
    "retry_rejected": str,
    "resend_after": optional(str),
    "once": list_of,
    "ignore": list_of,
    "max_changes": _limit,
    "max_gone": _limit,
    "min_rows": _limit,
    "gone_path": optional(str),
}
"""How the rendered text of an argument is read; that of any other argument is its value. ``expected_changes`` has no
text for none: a digest that is missing in XCom must not be sent as if nobody had to approve it."""
