"""``check``: a dry run of an import of a file, without a call, a connection or Airflow."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.syntax import Syntax

import airflow_provider_socialscrm
from airflow_provider_socialscrm.api.customers import import_call
from airflow_provider_socialscrm.api.redaction import redact
from airflow_provider_socialscrm.commands import OK, REJECTED, USAGE
from airflow_provider_socialscrm.commands.check_found import Found
from airflow_provider_socialscrm.commands.check_json import error_json, json_of
from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS, Request, request_of
from airflow_provider_socialscrm.commands.check_page import page_of, shown
from airflow_provider_socialscrm.commands.check_repairs import Repairs, find_repairs, plan_of
from airflow_provider_socialscrm.commands.check_task import whole_task
from airflow_provider_socialscrm.importer.dry_run import preview_import
from airflow_provider_socialscrm.importer.errors import ImporterError, InputError
from airflow_provider_socialscrm.importer.identity import CHECK
from airflow_provider_socialscrm.importer.results.progress import ProgressObserver
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.own_paths import own_path
from airflow_provider_socialscrm.runtime.paths import check_apart, openable

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.results.progress import ReadProgress, SendProgress

FILE_WIDTH: Final = 80
"""Columns of a page that is not printed on a terminal."""

WIDEST: Final = 100
"""Columns of a page on a wide terminal. Longer lines are hard to read."""


class UnreadableError(Exception):
    """The file cannot be checked as it is."""

    def __init__(self, repairs: Repairs) -> None:
        self.repairs = repairs


def run(given: Namespace) -> int:
    """Check a file, print the page, and return the exit code.

    :param given: the parsed command line.
    """
    try:
        found = _check(request_of(given))
    except UnreadableError as failure:
        return _fail_with(given, failure.repairs)
    except ImporterError as failure:
        return _fail(given, shown(str(failure)), AS_OPTIONS)
    except OSError as failure:
        return _fail(given, f"The check failed: {shown(redact(str(failure)))}.")
    if _wants_json(given):
        _write(json_of(found))
    else:
        _print(found)
    return OK if found.is_fine else REJECTED


def _wants_json(given: Namespace) -> bool:
    return bool(getattr(given, "json", False))


def _fail(given: Namespace, sentence: str, *more: str) -> int:
    if _wants_json(given):
        _write(error_json(sentence, USAGE))
    else:
        sys.stderr.write("".join(f"{line}\n" for line in (sentence, *more)))
    return USAGE


def _fail_with(given: Namespace, repairs: Repairs) -> int:
    command = repairs.command(given.argv if "argv" in given else ["check", given.file])
    if _wants_json(given):
        _write(error_json(shown(" ".join(repairs.problems)), USAGE, command))
        return USAGE
    sentences = [shown(each) for each in repairs.problems]
    return _fail(given, *sentences, *(("", repairs.title, command) if command else (AS_OPTIONS,)))


def _check(request: Request) -> Found:
    data, rejects_path = _path(request.file), _rejects_path(request.arguments.get("rejects_path"))
    check_apart(data=data, rejects_path=rejects_path)
    text = {name: request.arguments[name] for name in ("encoding", "delimiter") if name in request.arguments}
    with _warnings() as warnings, _screen() as screen:
        try:
            source = open_source(data, **text)
            plan = plan_of(source, request)
            preview = preview_import(
                ProgressObserver(screen.show, time.monotonic, interval=0.0).observe(source),  # rich has its own limit
                request.options,
                request.settings,
                _envelope(request.settings),
                rejects_path=rejects_path,
                with_examples=True,
            )
        except InputError as failure:
            raise UnreadableError(find_repairs(data, request, failure)) from None
    return Found(request, source.columns, screen.files, plan, preview, warnings)


def _path(text: str | None) -> Any:
    path = openable(text)
    check_file_systems(path)
    if text and "://" in text:
        try:
            path.exists()
        except Exception as failure:  # noqa: BLE001 - each object storage has errors of its own
            raise InputError(f"{text} cannot be reached: {redact(str(failure)).rstrip('.')}.") from None
    return path


def _rejects_path(text: str | None) -> Any:
    _path(text)
    return own_path(CHECK, "rejects_path", text)


def _envelope(settings: Settings) -> Callable[[str | None], int]:
    return cache(lambda agent: len(import_call(settings, (), agent=agent, now=0.0).body))


class _Screen:
    """Shows progress in a bar, and knows how many files have rows."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("Reading", total=None)
        self.files = 0

    def show(self, progress: ReadProgress | SendProgress) -> None:
        self.files = getattr(progress, "files", self.files)
        self._bar.update(self._task, description=str(progress), completed=progress.rows)


@contextmanager
def _screen() -> Iterator[_Screen]:
    """Show progress on a terminal until the check ends, and nothing elsewhere."""
    is_terminal = sys.stderr.isatty()
    console = Console(file=sys.stderr, markup=False, quiet=not is_terminal)  # older rich ends a line even if disabled
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=console, transient=True, disable=not is_terminal) as bar:
        yield _Screen(bar)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect the warnings that the package logs, and keep them off the terminal."""
    messages: list[str] = []
    collector = logging.Handler(logging.WARNING)
    collector.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(airflow_provider_socialscrm.__name__)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagated


def _print(found: Found) -> None:
    is_terminal = sys.stdout.isatty()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a column may have a name that the terminal cannot show
    console = Console(force_terminal=is_terminal, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, WIDEST) if is_terminal else FILE_WIDTH
    with console.capture() as page:
        for part in page_of(found):
            console.print(part)
        task = Syntax("", "python", theme="ansi_dark").highlight(whole_task(found))
        console.print(task, end="", soft_wrap=True)  # not wrapped, because a person copies it
    _write(re.sub(" +$", "", page.get(), flags=re.MULTILINE))


def _write(page: str) -> None:
    try:
        sys.stdout.write(page)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough; without this Python reports it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
