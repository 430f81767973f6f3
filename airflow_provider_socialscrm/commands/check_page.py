"""What a check found, as a page to read from top to bottom. Cells fold where the page is narrow; none is cut."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from airflow_provider_socialscrm.api.customers import AGENT, API_FIELDS
from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS, NO_LIMIT
from airflow_provider_socialscrm.commands.check_suggestions import enough_for, left_out, suggestions
from airflow_provider_socialscrm.importer.fields.mapping import column_label, is_own, is_unnamed, tidy_name
from airflow_provider_socialscrm.importer.fields.phone_readings import is_between_others
from airflow_provider_socialscrm.importer.reasons import AMBIGUOUS_NUMBER, UNREADABLE, Bucket
from airflow_provider_socialscrm.importer.results.progress import span
from airflow_provider_socialscrm.importer.results.threshold import allowed_number
from airflow_provider_socialscrm.wording import by_country, counted, worded

if TYPE_CHECKING:
    from rich.console import RenderableType

    from airflow_provider_socialscrm.commands.check_found import Found
    from airflow_provider_socialscrm.importer.dry_run import Preview
    from airflow_provider_socialscrm.importer.examples import Example
    from airflow_provider_socialscrm.importer.fields.mapping import Field
    from airflow_provider_socialscrm.importer.options import Rules
    from airflow_provider_socialscrm.importer.results.report import Refusal

MOST_WARNINGS: Final = 15
"""Warnings on the page."""

LINES_HINT: Final = "Fix the lines named under 'Worth a look'."
"""What to do about unreadable rows. The importer's own hint sends a reader to a log, which a check does not write."""

NO_REGION: Final = (
    "They are rejected. To send them, choose --ambiguous-numbers international if all numbers begin with their country "
    "code, --default-region US if those without it are American, or --default-region CN --ambiguous-numbers national "
    "if they are Chinese."
)
"""What to choose for numbers that can be of China or of North America."""

ADDITIONS: Final = "What the task below adds"

CHOICES: Final = "A line with # is a choice: to choose it, remove the #."

LEFT_OUT: Final = (
    "{names}. Should the CRM have one of these? Send it with columns={{...}}, or with extension_fields=[...] if the "
    "CRM has a field of that name."
)
"""The question about columns that no field has the name of. No check can know what may be sent."""

NOT_A_FIELD: Final = "not a field of the API"
"""Why most columns are left out."""

EDGE: Final = re.compile(r"^\s+|\s+$")
"""Blanks that are invisible in a table."""

BLANK: Final = "\N{OPEN BOX}"
"""What the page shows in place of such a blank."""

BUCKETS: Final = {
    Bucket.INVALID: ("red", "invalid: cannot be sent as {they}"),
    Bucket.UNKNOWN: ("red", "unknown: held, since the welcome may have reached the customer already"),
    Bucket.DUPLICATE: ("yellow", "duplicate: another row with the same number is sent instead"),
    Bucket.BLANK: ("", "blank: no value in any column, left out"),
}
"""Colour and meaning of rows that an import would not send."""

HARMLESS: Final = {Bucket.DUPLICATE: "duplicates", Bucket.BLANK: "blank rows"}
"""Rows that are neither sent nor rejected."""

CRM_DECIDES: Final = (
    "A check makes no call: the CRM may still reject rows, for an agent or an extension field that it does not know."
)


def page_of(found: Found) -> Iterator[RenderableType]:
    """Yield the page part by part, up to the title of the task."""
    yield from _counts(found)
    yield from _countries(found.preview)
    yield from _reasons(found.preview)
    yield from _two_countries(found)
    yield from _columns(found)
    yield from _samples(found.preview)
    if notes := [shown(note) for note in _notes(found)]:
        yield from _section("Worth a look", _list(notes))
    if names := [label(column) for column in left_out(found)]:
        yield from _section("Left out", LEFT_OUT.format(names=", ".join(names)))
    if parts := [*_additions(found)]:
        yield from _section(ADDITIONS, *parts)
    yield from _section("What next", *_advice(found))
    yield from ("", Text("The same as a task of a DAG", "bold"), "")


def shown(text: str) -> str:
    """Return a text on one line and without control characters, which could change the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def label(column: str) -> str:
    """Return a column's name for the page. Hides a customer's number, which is a name where a file has no header."""
    return shown(column_label(column))


def _section(title: str, *parts: RenderableType) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, "bold")
    yield from (Padding(part, (0, 0, 0, 2)) for part in parts)


def _table(*titles: str, numbers: int = 0) -> Table:
    """Return an empty table whose first columns are numbers."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place < numbers else "left", overflow="fold")
    return table


def _list(sentences: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    for sentence in sentences:
        table.add_row("-", sentence)
    return table


def _counts(found: Found) -> Iterator[RenderableType]:
    report, preview = found.preview.report, found.preview
    shape = f"{counted(report.rows, 'row')} x {counted(len(found.columns), 'column')}"
    files = f" in {found.files:,} files" if found.files > 1 else ""
    yield Text.assemble((shown(found.request.file), "bold"), f": {shape}{files}")
    calls = (
        f", in {counted(preview.calls, 'call')}: at least {span(preview.seconds)} at "
        f"{found.request.settings.calls_per_second:g} calls a second"
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_row(Text(f"{preview.sendable:,}", "bold green"), f"can be sent{calls if preview.calls else ''}")
    for bucket, (colour, meaning) in BUCKETS.items():
        if rows := report.rows_in(bucket):
            they = worded(rows, "it is", "they are")
            table.add_row(Text(f"{rows:,}", f"bold {colour}"), meaning.format(they=they))
    yield ""
    yield Padding(table, (0, 0, 0, 2))


def _countries(preview: Preview) -> Iterator[RenderableType]:
    """Yield where the numbers that can be sent belong, so that a wrong country is seen before any message."""
    if not (countries := preview.observations.get("countries")):
        return
    fixed = preview.examples.fixed_lines if preview.examples else 0
    lines = f" Of them, {counted(fixed, 'is a fixed line', 'are fixed lines')}: fixed lines rarely have WhatsApp."
    yield ""
    yield Padding(Text(f"Numbers by country: {by_country(countries)}.{lines if fixed else ''}"), (0, 0, 0, 2))


def _reasons(preview: Preview) -> Iterator[RenderableType]:
    refusals = preview.report.refusals()
    if not refusals:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for refusal in refusals:
        meaning, hint = refusal.reason.meaning, refusal.reason.hint
        if refusal.reason.code == UNREADABLE.code:
            meaning, hint = UNREADABLE.meaning, LINES_HINT  # the counted meaning is that of the first line alone
        colour = BUCKETS[refusal.bucket][0]
        table.add_row(Text(f"{refusal.rows:,}", f"bold {colour}"), Text(str(refusal.reason.code), colour))
        table.add_row("", shown(meaning))
        table.add_row("", Text(shown(hint), "dim"))
        for line in _examples(preview, refusal):
            table.add_row("", line)
        table.add_row("", "")
    values = [value for each in refusals for one in _examples_of(preview, each) for value in one.values.values()]
    legend = f" {_legend(values)}" if any(values) else ""
    counting = Text(f"Rows are counted from 0: row 0 is the first customer.{legend}", "dim")
    yield from _section("Why rows are left out", table, counting)


def _examples_of(preview: Preview, refusal: Refusal) -> list[Example]:
    return preview.examples.of(refusal.bucket, refusal.reason.code) if preview.examples else []


def _examples(preview: Preview, refusal: Refusal) -> Iterator[Text]:
    examples = _examples_of(preview, refusal)
    for each in examples:
        values = [Text.assemble(label(name), " ", _value(value)) for name, value in each.values.items()]
        yield Text(f"- row {each.position}{': ' if values else ''}").append_text(Text(", ").join(values))
    if refusal.rows > len(examples) > 0:
        yield Text(f"- and {counted(refusal.rows - len(examples), 'more row')}")


def _two_countries(found: Found) -> Iterator[RenderableType]:
    pairs: Mapping[str, int] = found.preview.observations.get("ambiguous_numbers", {})
    if not pairs:
        return
    table = _table("Rows", "Countries", numbers=1)
    for countries, rows in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(f"{rows:,}", shown(countries))
    rules = found.request.options.rules
    outcome = NO_REGION if rules.default_region is None else _outcome_of_two(pairs, rules, rules.default_region)
    yield from _section("Numbers that are valid in two countries", table, Text(outcome, "dim"))


def _outcome_of_two(pairs: Collection[str], rules: Rules, region: str) -> str:
    chosen = rules.ambiguous_numbers
    others = [] if chosen == "international" else [pair for pair in pairs if is_between_others(pair, region)]
    sentences = [
        "They are rejected. To send them, choose --ambiguous-numbers national or international."
        if chosen == "reject"
        else f"They are sent as {chosen} numbers, because of --ambiguous-numbers {chosen}."
    ]
    if others:
        rest = (
            f"Those of {', '.join(others)} are rejected, because neither is {region}: write them with + and the "
            "country code, or choose --ambiguous-numbers international if all of them are American."
        )
        sentences = [rest] if len(others) == len(pairs) else [*sentences, rest]
    return " ".join(sentences)


def _columns(found: Found) -> Iterator[RenderableType]:
    rules, examples = found.request.options.rules, found.preview.examples
    by_column = examples.by_column if examples else {}
    fields = {field.column: field for field in found.plan.fields}
    table = _table("Column", "Field", "What happens")
    for column in found.columns:
        field = fields.get(column)
        what = ", ".join(treatment_of(field, rules)) if field else f"left out: {why_left_out(column, rules)}"
        cell = Text(what, "" if field else "yellow")
        if values := ", ".join(by_column.get(column, ())):
            cell.append(f"\n{values}", "dim")
        table.add_row(label(column), label(field.name) if field else "", cell)
    for field in found.plan.fields:
        if field.column is None:
            table.add_row("", label(field.name), ", ".join(treatment_of(field, rules)))
    yield from _section("Columns and fields", table)


def treatment_of(field: Field, rules: Rules) -> Iterator[str]:
    """Yield what happens to the values of a field."""
    yield "sent" if field.name in API_FIELDS else "sent as an extension field"
    if field.name in rules.date_fields:
        yield "as a date"
    if words := rules.values.get(field.name):
        yield f"{counted(len(words), 'value')} replaced"
    if field.default is not None:
        yield f"{'always' if field.column is None else 'if blank'} {shown(field.default)!r}"
    elif field.send_empty:
        yield "also if blank"


def why_left_out(column: str, rules: Rules) -> str:
    """Return why a column is not sent."""
    if column in rules.columns or tidy_name(column) in rules.columns:
        return "by --columns"
    if is_unnamed(column):
        return "no name"
    return NOT_A_FIELD if is_own(column) else "added by this provider or by pandas"


def _samples(preview: Preview) -> Iterator[RenderableType]:
    values = [each for fields in preview.samples.values() for each in fields]
    if not values:
        return
    table = _table("Row", "Field", "Before", "After", numbers=1)
    for position, fields in sorted(preview.samples.items()):
        changed = [each for each in fields if each.before != each.after]
        for number, each in enumerate(changed):
            table.add_row("" if number else str(position), label(each.name), _value(each.before), _value(each.after))
    unchanged = sum(each.before == each.after for each in values)
    masks = f"{_legend(each.before for each in values)} Unchanged values: {unchanged:,}."
    parts = (table, Text(masks, "dim")) if table.rows else ("No value changes.",)
    yield from _section(f"{counted(len(preview.samples), 'row')}, before and after", *parts)


def _legend(values: Iterable[str]) -> str:
    """Return what the signs of masked values mean."""
    blanks = f", {BLANK} is a blank at the start or end" if any(map(EDGE.search, values)) else ""
    return f"Masked: A, a and x are letters, 9 is a digit{blanks}."


def _value(masked: str) -> Text:
    return Text(EDGE.sub(lambda blanks: BLANK * len(blanks[0]), masked)) if masked else Text("nothing", "dim italic")


def _additions(found: Found) -> Iterator[RenderableType]:
    added = [*suggestions(found)]
    for each in added:
        yield Text(each.code, "bold")
        yield Padding(Text(f"{shown(each.why)}.", "dim"), (0, 0, 0, 4))
    if any(each.is_choice for each in added):
        yield Text(CHOICES, "dim")


def _notes(found: Found) -> Iterator[str]:
    yield from _remarks(found)
    if found.preview.welcome:
        yield found.preview.welcome
    yield from found.warnings[:MOST_WARNINGS]
    if len(found.warnings) > MOST_WARNINGS:
        yield f"... and {counted(len(found.warnings) - MOST_WARNINGS, 'warning')} more."


def _remarks(found: Found) -> Iterator[str]:
    """Yield the remarks about rows that can be sent. A remark that several fields share comes once."""
    rows_by_remark: dict[str, list[str]] = {}
    for reason, rows in found.preview.remarks.items():
        if reason.code == AMBIGUOUS_NUMBER.code:  # the page has a table of them
            continue
        name = next((each.name for each in found.plan.fields if reason.meaning.startswith(f"{each.name}: ")), None)
        where = "" if name is None else f" ({label(name)})"
        meaning = reason.meaning if name is None else reason.meaning.removeprefix(f"{name}: ")
        rows_by_remark.setdefault(f"{meaning} {reason.hint}", []).append(f"{counted(rows, 'row')}{where}")
    yield from (f"{', '.join(rows)}: {remark}" for remark, rows in rows_by_remark.items())


def _advice(found: Found) -> Iterator[RenderableType]:
    refusals = found.preview.report.refusals()
    steps = []
    if not found.is_fine:
        steps.append(_repair(found))
    if refusals:
        path = found.request.arguments.get("rejects_path")
        steps.append(
            f"The {_left_out(refusals)} in {shown(path)}, with the reasons."
            if path
            else "--rejects-path rejects.csv saves the rows left out, with the reasons."
        )
    if refusals or found.preview.remarks or found.warnings:
        steps.append(AS_OPTIONS)
    if found.preview.sendable and (found.plan.field(AGENT) or found.plan.extensions):
        steps.append(CRM_DECIDES)
    yield Text(outcome_of(found), "green" if found.is_fine else "red")
    if steps:
        yield _list(steps)


def _repair(found: Found) -> str:
    them = worded(found.preview.report.refused, "it", "them")
    if not found.preview.sendable:
        return f"Fix {them} as the reasons say."
    if found.request.options.rules.on_invalid == "fail":
        return f"Fix {them}, or leave {them} out with --on-invalid reject."
    share = enough_for(found.preview.report.refused, found.preview.report.rows)
    return f"Fix {them}, or allow as many with --max-rejected {share}."


def _left_out(refusals: Sequence[Refusal]) -> str:
    return worded(sum(refusal.rows for refusal in refusals), "row left out is", "rows left out are")


def outcome_of(found: Found) -> str:
    """Return in a sentence what an import would do."""
    report, options = found.preview.report, found.request.options
    rejected = f"{counted(report.refused, 'row')} cannot be sent"
    if not report.rows:
        return "The file has no rows: an import would do nothing."
    harmless = " and the ".join(name for bucket, name in HARMLESS.items() if report.rows_in(bucket))
    if not found.preview.sendable:
        return "No row can be sent." if report.refused else f"There is nothing to send besides the {harmless}."
    if not report.refused:
        return f"Every row can be sent, except the {harmless}." if harmless else "Every row can be sent."
    if options.rules.on_invalid == "fail":
        return f"{rejected}: with --on-invalid fail, an import would send nothing."
    if found.is_fine:
        limit = NO_LIMIT if options.max_rejected is None else options.max_rejected
        return f"{rejected}, which --max-rejected {limit} allows: an import would send the others."
    allowed = allowed_number(options.max_rejected, report.rows)
    return f"{rejected}, and --max-rejected allows {allowed}: an import would send the others, and then fail."
