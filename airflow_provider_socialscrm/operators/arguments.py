"""An operator's arguments, as the importer takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm

if TYPE_CHECKING:
    from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

RULES: Final = tuple(field.name for field in fields(Rules))
OPTIONS: Final = ("rows_per_call", "bytes_per_call", "concurrency", "max_rejected", "on_unknown", "parallel_tasks")
"""Arguments by the names that the importer has for them, too."""


def options_of(operator: SocialSCRMImportOperator) -> Options:
    """Return how an operator is to go about its import. ``None`` is the importer's default.

    :raises InputError: naming each argument that makes no sense.
    """
    given = _given(operator)
    return _options(given, _rules(given))


def check_constants(operator: SocialSCRMImportOperator) -> None:
    """Refuse arguments that can never be right, as a DAG is parsed; those that a run decides are left out.

    :raises InputError: naming the task and each of them.
    """
    constants = {name: value for name, value in _given(operator).items() if _is_constant(value)}
    wrong = [*_wrong(lambda: _options(constants, Rules())), *_wrong(lambda: _rules(constants))]
    text = {"encoding": operator.encoding, "delimiter": operator.delimiter}
    wrong += _wrong(lambda: TextForm(**{name: value for name, value in text.items() if _is_constant(value)}))
    if not wrong and _is_constant(operator.extension_fields):  # which says what else is a field
        wrong += _rules(constants).wrong_fields()
    if wrong:
        raise InputError(f"Task {operator.task_id}: {' '.join(wrong)}")


def _given(operator: SocialSCRMImportOperator) -> dict[str, Any]:
    given = {name: getattr(operator, name) for name in (*RULES, *OPTIONS)}
    return {name: value for name, value in given.items() if value is not None or name == "max_rejected"}


def _rules(given: Mapping[str, Any]) -> Rules:
    return Rules(**{name: value for name, value in given.items() if name in RULES})


def _options(given: Mapping[str, Any], rules: Rules) -> Options:
    return Options(**{name: value for name, value in given.items() if name in OPTIONS}, rules=rules)


def _wrong(make: Callable[[], object]) -> list[str]:
    try:
        make()
    except InputError as wrong:
        return [str(wrong)]
    return []


def _is_constant(value: Any) -> bool:
    """Say whether a value is what a run will see: not a template, nor what another task returns."""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(_is_constant(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_constant, value))
    return not hasattr(value, "resolve")
