"""``check``: a dry run of an import of a file, without a call, a connection or Airflow."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from airflow_provider_socialscrm.api.customers import import_call
from airflow_provider_socialscrm.api.redaction import is_personal, redact
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.commands.check_page import Found, code_of, page_of
from airflow_provider_socialscrm.commands.check_progress import watching
from airflow_provider_socialscrm.commands.check_request import Request, request_of
from airflow_provider_socialscrm.commands.check_words import options_for, shown, warnings_collected
from airflow_provider_socialscrm.commands.exits import ARGUMENTS, FINE, REFUSED
from airflow_provider_socialscrm.importer.dry_run import preview_import
from airflow_provider_socialscrm.importer.errors import ImporterError, InputError
from airflow_provider_socialscrm.importer.fields.mapping import plan_fields
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.runtime.paths import check_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.fields.mapping import Plan
    from airflow_provider_socialscrm.importer.sources.base import Source

NARROW, WIDE = 80, 100
"""Columns of a page that goes into a file, and of one on a terminal at most: longer lines are hard to read."""

MOST_NAMES: Final = 30
"""Columns that an error names."""


def run(given: Namespace) -> int:
    """Check a file, print the page, and return the exit code.

    :param given: the parsed command line.
    """
    try:
        found = _check(request_of(given))
    except (ImporterError, OSError) as failure:
        reason = str(failure) if isinstance(failure, ImporterError) else f"The check broke off: {redact(str(failure))}."
        sys.stderr.write("".join(f"{line}\n" for line in (shown(reason), *_options(reason))))
        return ARGUMENTS
    _print(found)
    return FINE if found.is_fine else REFUSED


def _options(sentence: str) -> Iterator[str]:
    if options := options_for([sentence]):
        yield f"On the command line: {'; '.join(f'{name} is {option}' for name, option in options.items())}."


def _check(request: Request) -> Found:
    data, rejects_path = _path(request.file), _path(request.rejects_path)
    check_apart(**{"FILE": data, "--rejects-path": rejects_path})
    with warnings_collected() as warnings, watching() as watch:
        source = open_source(data, encoding=request.encoding, delimiter=request.delimiter)
        plan = _plan(source, request)
        preview = preview_import(
            watch.over(source),
            request.options,
            request.settings,
            _envelope(request.settings),
            rejects_path=rejects_path,
            watch=watch.checked,
        )
    return Found(request, source.columns, len(watch.files), plan, preview, warnings)


def _plan(source: Source, request: Request) -> Plan:
    agent_in_row = request.settings.auth_scheme is AuthScheme.HEADER
    try:
        return plan_fields(source.columns, request.options.rules, agent_in_row=agent_in_row)
    except InputError as failure:
        raise InputError(f"{failure} {_names(source.columns)}") from None


def _names(columns: Sequence[str]) -> str:
    if any(map(is_personal, columns)):  # a customer's number or address: not for a screen
        return "A column name looks like a phone number or a mail address. Does the first line hold the column names?"
    names = [f"'{name}'" for name in columns[:MOST_NAMES]]
    more = ["..."] if len(columns) > MOST_NAMES else []
    return (
        f"The file's columns are {', '.join(names + more)}; --column COLUMN=FIELD says where one goes, and "
        "--column COLUMN= leaves one out."
    )


def _path(text: str | None) -> Any:
    if text is None or "://" not in text:
        return None if text is None else Path(text)
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - Airflow is not needed otherwise

    try:
        path = ObjectStoragePath(text)
        path.exists()
    except Exception as failure:  # noqa: BLE001 - each object storage has errors of its own
        raise InputError(f"{text} cannot be reached: {redact(str(failure)).rstrip('.')}.") from None
    return path


def _envelope(settings: Settings) -> Callable[[str | None], int]:
    return cache(lambda agent: len(import_call(settings, (), agent=agent, now=0.0).body))


def _print(found: Found) -> None:
    is_terminal = sys.stdout.isatty()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a column may have a name that the terminal cannot show
    console = Console(force_terminal=is_terminal, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, WIDE) if is_terminal else NARROW
    with console.capture() as page:
        for part in page_of(found):
            console.print(part)
        console.print(code_of(found), soft_wrap=True)
    _write(re.sub(" +$", "", page.get(), flags=re.MULTILINE))


def _write(page: str) -> None:
    try:
        sys.stdout.write(page)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough; Python would say so once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
