"""The tables of a check's page. Cells fold where the page is narrow; none is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from airflow_provider_socialscrm.api.customers import API_FIELDS
from airflow_provider_socialscrm.commands.check_words import counted, label, shown
from airflow_provider_socialscrm.importer.fields.mapping import is_own, is_unnamed, tidy_name
from airflow_provider_socialscrm.importer.reasons import UNREADABLE, Bucket, Reason

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.dry_run import SampleField
    from airflow_provider_socialscrm.importer.fields.mapping import Field, Plan
    from airflow_provider_socialscrm.importer.options import Rules
    from airflow_provider_socialscrm.importer.results.report import Refusal

FIRST_ROWS: Final = 3
"""Rows that a reason names."""

LONGEST_CODE: Final = 21
"""Characters of the longest code; several together go on further lines."""

UNREADABLE_LINES: Final = Reason(UNREADABLE.code, UNREADABLE.meaning, "Fix the lines that are named further down.")
"""What holds for all of them; the importer's cause is that of the first one."""

NOT_ASKED: Final = "not asked for"
"""Why most columns are left out."""

EDGE: Final = re.compile(r"^\s+|\s+$")
"""Blanks that nobody sees in a table."""

BLANK: Final = "\N{OPEN BOX}"
"""What shows in place of such a blank."""

STYLES: Final = {Bucket.INVALID: "red", Bucket.DUPLICATE: "yellow"}


def reasons_table(refusals: Sequence[Refusal]) -> Table:
    """Return why rows are left out, and what to do about it."""
    table = _table("Rows", "Code", "What is wrong, and what to do", "First rows", numbers=1)
    table.columns[1].max_width, table.leading = LONGEST_CODE, 1
    for refusal in refusals:
        cause = UNREADABLE_LINES if refusal.reason.code == UNREADABLE.code else refusal.reason
        table.add_row(
            f"{refusal.rows:,}",
            Text(str(cause.code), STYLES[refusal.bucket]),
            Text.assemble(shown(cause.meaning), "\n", (shown(cause.hint), "dim")),
            _first_rows(refusal),
        )
    return table


def columns_table(columns: Sequence[str], plan: Plan, rules: Rules) -> Table:
    """Return which field each column goes to or why it is left out, and which fields have no column."""
    table = _table("Column", "Field", "What happens")
    by_column = {field.column: field for field in plan.fields}
    for column in columns:
        if field := by_column.get(column):
            table.add_row(label(column), label(field.name), ", ".join(_treatment(field, rules)))
        else:
            table.add_row(label(column), "", Text(f"left out: {why_left_out(column, rules)}", "yellow"))
    for field in plan.fields:
        if field.column is None:
            table.add_row("", label(field.name), ", ".join(_treatment(field, rules)))
    return table


def why_left_out(column: str, rules: Rules) -> str:
    """Return why no field takes a column."""
    if column in rules.columns or tidy_name(column) in rules.columns:
        return "by --column"
    if is_unnamed(column):
        return "no name"
    return NOT_ASKED if is_own(column) else "not the customer's"


def countries_table(pairs: Mapping[str, int]) -> Table:
    """Return how many numbers can be of which countries."""
    table = _table("Rows", "Countries", numbers=1)
    for countries, rows in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(f"{rows:,}", shown(countries))
    return table


def options_table(options: Mapping[str, str]) -> Table:
    """Return how to give what sentences name as the operator has it."""
    table = Table.grid(padding=(0, 3))
    for name, option in options.items():
        table.add_row(name, option)
    return table


def samples_table(samples: Mapping[int, Sequence[SampleField]]) -> Table:
    """Return the values of rows that would be sent otherwise than they are, masked."""
    table = _table("Row", "Field", "Before", "After", numbers=1)
    for position, fields in sorted(samples.items()):
        changed = [each for each in fields if each.before != each.after]
        for number, each in enumerate(changed):
            table.add_row("" if number else str(position), label(each.name), _value(each.before), _value(each.after))
    return table


def _table(*titles: str, numbers: int = 0) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place < numbers else "left", overflow="fold")
    return table


def _first_rows(refusal: Refusal) -> str:
    first = ", ".join(map(str, refusal.first_positions[:FIRST_ROWS]))
    return f"{first}, ..." if refusal.rows > FIRST_ROWS else first


def _treatment(field: Field, rules: Rules) -> Iterator[str]:
    yield "sent" if field.name in API_FIELDS else "sent as an extension field"
    if field.name in rules.date_fields:
        yield "as a date"
    if words := rules.values.get(field.name):
        yield f"{counted(len(words), 'value')} replaced"
    if field.default is not None:
        yield f"{'always' if field.column is None else 'if blank'} {shown(field.default)!r}"
    elif field.send_empty:
        yield "also where blank"


def _value(masked: str) -> Text:
    if not masked:
        return Text("nothing", "dim italic")
    return Text(EDGE.sub(lambda blanks: BLANK * len(blanks[0]), masked))
