"""The operator that does what a command line checked, as Python to paste into a DAG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.commands.check_request import Request
from airflow_provider_socialscrm.importer.options import Options, Rules

OF_CALLS: Final = ("rows_per_call", "bytes_per_call", "max_rejected")
"""Options that the command line has, too."""

LONGEST_LINE: Final = 88
"""Characters of a line, as usual formatters have them."""

INDENT: Final = "    "


def task_of(request: Request) -> str:
    """Return the operator's import and call, without the arguments that are as they would be anyway."""
    lines = "".join(_lines(f"{name}=", value) for name, value in _arguments(request).items())
    return (
        "from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator\n\n"
        f"{_comment(request.settings)}SocialSCRMImportOperator(\n{lines})"
    )


def _arguments(request: Request) -> Mapping[str, Any]:
    options = _changed(request.options, Options())
    text = {"encoding": (request.encoding, "utf-8"), "delimiter": (request.delimiter, ",")}
    return {
        "task_id": "import_customers",
        "data": _from_anywhere(request.file),
        **_changed(request.options.rules, Rules()),
        **{name: value for name, (value, plain) in text.items() if value != plain},
        **{name: options[name] for name in OF_CALLS if name in options},
        **({"rejects_path": _from_anywhere(request.rejects_path)} if request.rejects_path else {}),
    }


def _changed(given: Any, plain: Any) -> dict[str, Any]:
    names = [field.name for field in fields(given)]
    return {name: getattr(given, name) for name in names if getattr(given, name) != getattr(plain, name)}


def _from_anywhere(path: str) -> str:
    """Return a path as a worker finds it, too, whose folder is another one."""
    return path if "://" in path else str(Path(path).absolute())


def _comment(settings: Settings) -> str:
    plain = Settings("", "", "")
    of_connection = [
        f"{label} {value}"
        for label, value, usual in (
            ("Auth scheme", settings.auth_scheme.value, plain.auth_scheme.value),
            ("Calls per second", f"{settings.calls_per_second:g}", f"{plain.calls_per_second:g}"),
        )
        if value != usual
    ]
    return f"# The connection has {' and '.join(of_connection)}.\n" if of_connection else ""


def _lines(before: str, value: Any, indent: str = INDENT) -> str:
    """Return a value as Python code behind a text, on lines of its own where one is too long for it."""
    line = f"{indent}{before}{_literal(value)},\n"
    if len(line) <= LONGEST_LINE or not isinstance(value, Mapping | list):
        return line
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    items = "".join(_lines(name, item, indent + INDENT) for name, item in _items(value))
    return f"{indent}{before}{opening}\n{items}{indent}{closing},\n"


def _literal(value: Any) -> str:
    """Return a value as Python code, with the double quotes that formatters like."""
    if isinstance(value, Mapping | list):
        opening, closing = "{}" if isinstance(value, Mapping) else "[]"
        return f"{opening}{', '.join(name + _literal(item) for name, item in _items(value))}{closing}"
    return _text(value) if isinstance(value, str) else repr(value)


def _items(values: Mapping[str, Any] | Sequence[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        yield from ((f"{_literal(name)}: ", value) for name, value in values.items())
    else:
        yield from (("", value) for value in values)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)
