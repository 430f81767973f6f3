"""What a check found, as a page to read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from airflow_provider_socialscrm.api.customers import AGENT, SIDE_EFFECT
from airflow_provider_socialscrm.commands.check_arguments import NO_LIMIT
from airflow_provider_socialscrm.commands.check_tables import (
    BLANK,
    EDGE,
    NOT_ASKED,
    columns_table,
    countries_table,
    options_table,
    reasons_table,
    samples_table,
    why_left_out,
)
from airflow_provider_socialscrm.commands.check_task import task_of
from airflow_provider_socialscrm.commands.check_words import counted, duration, label, options_for, shown
from airflow_provider_socialscrm.importer.errors import InputError, RejectedRowsError
from airflow_provider_socialscrm.importer.reasons import AMBIGUOUS_NUMBER, Bucket
from airflow_provider_socialscrm.importer.results.threshold import allowed_refusals

if TYPE_CHECKING:
    from rich.console import RenderableType

    from airflow_provider_socialscrm.commands.check_request import Request
    from airflow_provider_socialscrm.importer.dry_run import Preview
    from airflow_provider_socialscrm.importer.fields.mapping import Plan

MOST_WARNINGS: Final = 15
"""Warnings that the page has."""

GREETING: Final = f"{SIDE_EFFECT} makes the CRM write to the customers. Each row that has one takes a call of its own."

OTHERS: Final = {Bucket.DUPLICATE: "duplicates", Bucket.BLANK: "blank rows"}
"""Rows that are neither sent nor refused."""

CRM_DECIDES: Final = (
    "A check makes no call: the CRM may still reject rows, for an agent or an extension field that it does not know."
)

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
    yield from _two_countries(found)
    yield from _columns(found)
    yield from _samples(found.preview)
    notes = [shown(note) for note in _notes(found)]
    if notes:
        yield from _section("Worth a look", _list(notes))
    if options := options_for([*_causes(found.preview), *notes]):
        yield from _section("Arguments above, as options", options_table(options))
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
    if blank := report.count(Bucket.BLANK):
        table.add_row(Text(f"{blank:,}", "bold"), "blank: no value in any column, left out")
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
        yield from _section("Why rows are left out", reasons_table(refusals), hint)


def _two_countries(found: Found) -> Iterator[RenderableType]:
    if pairs := found.preview.observations.get("ambiguous_numbers"):
        chosen = found.request.options.rules.ambiguous_numbers
        outcome = (
            "They are rejected. --ambiguous-numbers national or international says which number is meant."
            if chosen == "reject"
            else f"The {chosen} one is sent, as --ambiguous-numbers {chosen} says."
        )
        yield from _section("Numbers that can be of two countries", countries_table(pairs), Text(outcome, "dim"))


def _columns(found: Found) -> Iterator[RenderableType]:
    rules = found.request.options.rules
    parts: list[RenderableType] = [columns_table(found.columns, found.plan, rules)]
    if any(why_left_out(column, rules) == NOT_ASKED for column in found.plan.left_out):
        parts.append(Text("--extension-field NAME sends a column that was not asked for.", "dim"))
    yield from _section("Where the columns go", *parts)


def _causes(preview: Preview) -> Iterator[str]:
    for refusal in preview.report.refusals():
        yield from (refusal.reason.meaning, refusal.reason.hint)


def _samples(preview: Preview) -> Iterator[RenderableType]:
    values = [each for fields in preview.samples.values() for each in fields]
    same = sum(1 for each in values if each.before == each.after)
    title = f"{counted(len(preview.samples), 'row')}, before and after"
    if same < len(values):
        blanks = f", {BLANK} is a blank at the edge" if any(EDGE.search(each.before) for each in values) else ""
        masks = f"Masked: A, a and x are letters, 9 is a digit{blanks}. Values that stay as they are: {same:,}."
        yield from _section(title, samples_table(preview.samples), Text(masks, "dim"))
    elif values:
        yield from _section(title, "All values stay as they are.")


def _notes(found: Found) -> Iterator[str]:
    yield from _remarks(found)
    if found.plan.field(SIDE_EFFECT):
        yield GREETING
    yield from found.warnings[:MOST_WARNINGS]
    if len(found.warnings) > MOST_WARNINGS:
        yield "... and others like these."


def _remarks(found: Found) -> Iterator[str]:
    """Yield what is noteworthy about rows that can be sent; what several fields have in common, once."""
    rows_by_remark: dict[str, list[str]] = {}
    for cause, rows in found.preview.remarks.items():
        if cause.code == AMBIGUOUS_NUMBER.code:  # the page has a table of them
            continue
        name = next((each.name for each in found.plan.fields if cause.meaning.startswith(f"{each.name}: ")), None)
        where = "" if name is None else f" ({label(name)})"
        meaning = cause.meaning if name is None else cause.meaning.removeprefix(f"{name}: ")
        rows_by_remark.setdefault(f"{meaning} {cause.hint}", []).append(f"{counted(rows, 'row')}{where}")
    yield from (f"{', '.join(rows)}: {remark}" for remark, rows in rows_by_remark.items())


def _advice(found: Found) -> Iterator[RenderableType]:
    yield Text(_outcome(found), "green" if found.is_fine else "red")
    ways = []
    if not found.is_fine:
        ways.append(f"Fix them, or {_leniency(found)}.")
    if found.preview.report.refusals():
        where = found.request.rejects_path
        ways.append(
            f"The rows that are left out are in {shown(where)}, with the reasons."
            if where
            else "--rejects-path rejects.csv writes the rows that are left out to a file, with the reasons."
        )
    if found.preview.sendable and (found.plan.field(AGENT) or found.plan.extensions):
        ways.append(CRM_DECIDES)
    if ways:
        yield _list(ways)


def _leniency(found: Found) -> str:
    if not found.preview.sendable:
        return "give options by which they can be read"
    if found.request.options.rules.on_invalid == "fail":
        return "leave them out with --on-invalid reject"
    return f"allow as many with --max-rejected {found.preview.report.refused}"


def _outcome(found: Found) -> str:
    report, options = found.preview.report, found.request.options
    refused = f"{counted(report.refused, 'row')} cannot be sent"
    if not report.rows:
        return "There are no rows, so an import would do nothing."
    others = [f"the {name}" for bucket, name in OTHERS.items() if report.count(bucket)]
    if not found.preview.sendable:
        return "No row can be sent." if report.refused else f"There are no rows to send, but {' and '.join(others)}."
    if not report.refused:
        return f"Every row can be sent, but for {' and '.join(others)}." if others else "Every row can be sent."
    if options.rules.on_invalid == "fail":
        return f"{refused}, so with --on-invalid fail an import would send nothing."
    if found.is_fine:
        limit = NO_LIMIT if options.max_rejected is None else options.max_rejected
        return f"{refused}, which --max-rejected {limit} allows: an import would send the others."
    allowed = allowed_refusals(options.max_rejected, report.rows)
    return f"{refused}, and --max-rejected allows {allowed}: an import would send the others, and then fail."
