"""The tables of a check's page. Cells fold where the page is narrow; none is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from airflow_provider_socialscrm.api.customers import API_FIELDS
from airflow_provider_socialscrm.commands.check_words import in_options, shown
from airflow_provider_socialscrm.importer.causes import UNREADABLE
from airflow_provider_socialscrm.importer.report import Bucket, Cause

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.mapping import Field, Plan
    from airflow_provider_socialscrm.importer.preview import SampleField
    from airflow_provider_socialscrm.importer.report import Refusal

FIRST_ROWS: Final = 3
"""Rows that a reason names."""

LONGEST_CODE: Final = 18
"""Characters of the longest code; several together go on further lines."""

UNREADABLE_LINES: Final = Cause(UNREADABLE.code, UNREADABLE.meaning, "Fix the lines that are named further down.")
"""What holds for all of them; the importer's cause is that of the first one."""

STYLES: Final = {Bucket.INVALID: "red", Bucket.DUPLICATE: "yellow"}


def reasons_table(refusals: Sequence[Refusal]) -> Table:
    """Return why rows stay behind, and what to do about it."""
    table = _table("Rows", "Code", "What is wrong, and what to do", "First rows", numbers=1)
    table.columns[1].max_width, table.leading = LONGEST_CODE, 1
    for refusal in refusals:
        cause = UNREADABLE_LINES if refusal.cause.code == UNREADABLE.code else refusal.cause
        table.add_row(
            f"{refusal.rows:,}",
            Text(str(cause.code), STYLES[refusal.bucket]),
            Text.assemble(in_options(cause.meaning), "\n", (in_options(cause.hint), "dim")),
            _first_rows(refusal),
        )
    return table


def columns_table(columns: Sequence[str], plan: Plan) -> Table:
    """Return which field each column goes to, and which fields have no column."""
    table = _table("Column", "Field", "What it is")
    by_column = {field.column: field for field in plan.fields}
    for column in columns:
        if field := by_column.get(column):
            table.add_row(shown(column), shown(field.name), ", ".join(_kind(field)))
        else:
            table.add_row(shown(column), "", Text("left out", "yellow"))
    for field in plan.fields:
        if field.column is None:
            table.add_row("", shown(field.name), ", ".join(_kind(field)))
    return table


def samples_table(samples: Mapping[int, Sequence[SampleField]]) -> Table:
    """Return the values of rows that would be sent otherwise than they are, masked."""
    table = _table("Row", "Field", "Before", "After", numbers=1)
    for position, fields in sorted(samples.items()):
        changed = [each for each in fields if each.before != each.after]
        for number, each in enumerate(changed):
            table.add_row("" if number else str(position), shown(each.name), _value(each.before), _value(each.after))
    return table


def _table(*titles: str, numbers: int = 0) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place < numbers else "left", overflow="fold")
    return table


def _first_rows(refusal: Refusal) -> str:
    first = ", ".join(map(str, refusal.first_positions[:FIRST_ROWS]))
    return f"{first}, ..." if refusal.rows > FIRST_ROWS else first


def _kind(field: Field) -> Iterator[str]:
    yield "the API's own" if field.name in API_FIELDS else "extension field"
    if field.default is not None:
        yield f"{'always' if field.column is None else 'if blank'} {shown(field.default)!r}"
    elif field.send_empty:
        yield "blank ones are sent"


def _value(masked: str) -> Text:
    return Text(masked) if masked else Text("nothing", "dim italic")
