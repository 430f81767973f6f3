"""What a check found, as a page to read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from airflow_provider_socialscrm.api.customers import SIDE_EFFECT
from airflow_provider_socialscrm.commands.check_tables import columns_table, reasons_table, samples_table
from airflow_provider_socialscrm.commands.check_task import task_of
from airflow_provider_socialscrm.commands.check_words import counted, duration, in_options, shown
from airflow_provider_socialscrm.importer.errors import InputError, RejectedRowsError
from airflow_provider_socialscrm.importer.report import Bucket
from airflow_provider_socialscrm.importer.threshold import allowed_refusals

if TYPE_CHECKING:
    from rich.console import RenderableType

    from airflow_provider_socialscrm.commands.check_request import Request
    from airflow_provider_socialscrm.importer.mapping import Plan
    from airflow_provider_socialscrm.importer.preview import Preview

MOST_WARNINGS: Final = 15
"""Warnings that are told."""

GREETING: Final = f"{SIDE_EFFECT} makes the CRM write to the customers. Each row that has one takes a call of its own."

INDENT: Final = (0, 0, 0, 2)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found.

    :param request: what was asked for.
    :param columns: names of the file's columns.
    :param files: how many files the rows are in.
    :param plan: what rows are made of.
    :param preview: what an import would do.
    :param warnings: what a log would warn of, a sentence each.
    """

    request: Request
    columns: Sequence[str]
    files: int
    plan: Plan
    preview: Preview
    warnings: Sequence[str]

    @property
    def is_fine(self) -> bool:
        """Whether an import would succeed, as far as a check can tell."""
        try:
            self.preview.check(self.request.options)
        except (InputError, RejectedRowsError):
            return False
        return True


def page_of(found: Found) -> Iterator[RenderableType]:
    """Yield the page part by part."""
    yield from _counts(found)
    yield from _reasons(found.preview)
    yield from _section("Where the columns go", columns_table(found.columns, found.plan))
    yield from _samples(found.preview)
    yield from _notes(found)
    yield from _section("What next", *_advice(found))
    yield from ("", Text("The same as a task of a DAG", "bold"), "")


def code_of(found: Found) -> Text:
    """Return the code that the page ends with; it is to be printed without wrapping, for a person copies it."""
    code = Syntax("", "python", theme="ansi_dark").highlight(task_of(found.request))
    code.rstrip()
    return code


def _section(title: str, *parts: RenderableType) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, "bold")
    yield from (Padding(part, INDENT) for part in parts)


def _list(sentences: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    for sentence in sentences:
        table.add_row("-", sentence)
    return table


def _counts(found: Found) -> Iterator[RenderableType]:
    report = found.preview.report
    shape = f"{counted(report.rows, 'row')} x {counted(len(found.columns), 'column')}"
    files = f" in {found.files:,} files" if found.files > 1 else ""
    yield Text.assemble((shown(found.request.file), "bold"), f": {shape}{files}")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_row(Text(f"{found.preview.sendable:,}", "bold green"), f"can be sent{_effort(found)}")
    if invalid := report.count(Bucket.INVALID):
        table.add_row(Text(f"{invalid:,}", "bold red"), "invalid: cannot be sent as they are")
    if duplicates := report.count(Bucket.DUPLICATE):
        table.add_row(
            Text(f"{duplicates:,}", "bold yellow"), "duplicate: another row has the same number, and goes instead"
        )
    yield ""
    yield Padding(table, INDENT)


def _effort(found: Found) -> str:
    if not found.preview.calls:
        return ""
    calls, pace = counted(found.preview.calls, "call"), f"{found.request.settings.calls_per_second:g}"
    return f", in {calls}: at least {duration(found.preview.seconds)} at {pace} calls a second"


def _reasons(preview: Preview) -> Iterator[RenderableType]:
    if refusals := preview.report.refusals():
        hint = Text("Rows are counted from 0: row 0 is the first customer.", "dim")
        yield from _section("Why rows stay behind", reasons_table(refusals), hint)


def _samples(preview: Preview) -> Iterator[RenderableType]:
    values = [each for fields in preview.samples.values() for each in fields]
    same = sum(1 for each in values if each.before == each.after)
    title = f"{counted(len(preview.samples), 'row')}, before and after"
    if same < len(values):
        rest = f"{counted(same, 'other value')} of these rows stay as they are."
        yield from _section(
            title, samples_table(preview.samples), Text(f"A, a and x stand for letters, 9 for digits. {rest}", "dim")
        )
    elif values:
        yield from _section(title, f"All {same:,} values stay as they are.")


def _notes(found: Found) -> Iterator[RenderableType]:
    notes = [f"{counted(rows, 'row')}: {cause.meaning} {cause.hint}" for cause, rows in found.preview.remarks.items()]
    if found.plan.field(SIDE_EFFECT):
        notes.append(GREETING)
    notes += found.warnings[:MOST_WARNINGS]
    if len(found.warnings) > MOST_WARNINGS:
        notes.append("... and others like these.")
    if notes:
        yield from _section("Worth a look", _list([in_options(note) for note in notes]))


def _advice(found: Found) -> Iterator[RenderableType]:
    yield Text(_outcome(found), "green" if found.is_fine else "red")
    ways = []
    if not found.is_fine:
        ways.append(f"Mend them, or {_leniency(found)}.")
    if found.preview.report.rows > found.preview.sendable:
        where = found.request.rejects_path
        ways.append(
            f"The rows that stay behind are in {shown(where)}, with the reasons."
            if where
            else "--rejects-path rejects.csv writes the rows that stay behind to a file, with the reasons."
        )
    if ways:
        yield _list(ways)


def _leniency(found: Found) -> str:
    if not found.preview.sendable:
        return "give options by which they can be read"
    if found.request.options.rules.on_invalid == "fail":
        return "keep them back with --on-invalid reject"
    return f"allow as many with --max-rejected {found.preview.report.refused}"


def _outcome(found: Found) -> str:
    report, options = found.preview.report, found.request.options
    refused = f"{counted(report.refused, 'row')} cannot be sent"
    if not report.rows:
        return "There are no rows, so an import would do nothing."
    if not found.preview.sendable:
        return "No row can be sent."
    if not report.refused:
        return (
            "Every row can be sent, but for the duplicates."
            if report.count(Bucket.DUPLICATE)
            else "Every row can be sent."
        )
    if options.rules.on_invalid == "fail":
        return f"{refused}, so with --on-invalid fail an import would send nothing."
    if found.is_fine:
        return f"{refused}, which --max-rejected {options.max_rejected} allows: an import would send the others."
    allowed = allowed_refusals(options.max_rejected, report.rows)
    return f"{refused}, and --max-rejected allows {allowed or 'none'}: an import would send the others, and then fail."
