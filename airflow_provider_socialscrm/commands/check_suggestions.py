"""What to add to the task after a check: arguments of the operator, each with what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.customers import AGENT, API_FIELDS
from airflow_provider_socialscrm.api.redaction import is_personal
from airflow_provider_socialscrm.commands.check_folders import PLACEHOLDER, folder_beside
from airflow_provider_socialscrm.commands.check_names import guesses
from airflow_provider_socialscrm.importer import reasons
from airflow_provider_socialscrm.importer.fields.mapping import is_own, is_unnamed
from airflow_provider_socialscrm.importer.fields.phone_readings import is_between_others
from airflow_provider_socialscrm.importer.spelling import alike
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow_provider_socialscrm.commands.check_found import Found

WIDTH: Final = 70
"""Columns after which a list or a dictionary gets a line for each of its items."""

DAY_OR_MONTH: Final = frozenset({reasons.AMBIGUOUS_BIRTHDAY.code, reasons.AMBIGUOUS_DATE.code})

OMITTABLE: Final = DAY_OR_MONTH | {
    reason.code
    for reason in (
        reasons.BAD_BIRTHDAY,
        reasons.BIRTHDAY_OUT_OF_RANGE,
        reasons.BAD_DATE,
        reasons.BAD_TAGS,
        reasons.COMMA_IN_TAG,
        reasons.NOT_A_NUMBER,
        reasons.NOT_TEXT,
    )
}
"""Codes of values that a row can be sent without."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An argument to add to the task, or to replace there.

    :param argument: its name.
    :param value: its whole value, with what was given on the command line.
    :param why: what it does, for whom.
    :param is_choice: whether a person has to choose it, because it changes which rows are sent, or what of them.
    """

    argument: str
    value: Any
    why: str
    is_choice: bool = True

    @property
    def code(self) -> str:
        """The argument as it stands in the task, of which a choice is a comment."""
        code = f"{self.argument}={pformat(self.value, width=WIDTH, sort_dicts=False)},"
        return "\n".join(f"# {line}" for line in code.splitlines()) if self.is_choice else code


def suggestions(found: Found) -> Iterator[Suggestion]:
    """Yield what may be added to the task, by what the check found."""
    yield from _columns(found)
    yield from _values(found)
    yield from _rows(found)


def is_not_a_field(column: str) -> bool:
    """Return whether a column is left out only because it is not a field of the API."""
    return is_own(column) and not is_unnamed(column)


def left_out(found: Found) -> list[str]:
    """Return the columns that are left out only because they are not fields of the API."""
    return [column for column in found.plan.left_out if is_not_a_field(column)]


def enough_for(refused: int, rows: int) -> float:
    """Return a share of two digits that allows a number of rejected rows, and as many in a file that has grown.

    :param refused: at least one.
    :param rows: rows of the file.
    """
    share, scale = Fraction(refused, rows), 100
    while share * scale < 10:  # noqa: PLR2004 - two digits
        scale *= 10
    return min(1.0, ceil(share * scale) / scale)


def _columns(found: Found) -> Iterator[Suggestion]:
    rules = found.request.options.rules
    sent = {field.name for field in found.plan.fields}
    meant = {name: field for name in found.plan.extensions if (field := alike(name, API_FIELDS)) and field not in sent}
    hidden = any(map(is_personal, found.columns))
    guessed = {} if hidden else guesses(left_out(found), sent | {*meant.values()})
    why = [
        f"{when}: sends {', '.join(f'{name} as {field}' for name, field in them.items())}"
        for when, them in (("if misspelt", meant), ("a guess by the name", guessed))
        if them
    ]
    if AGENT in guessed.values():
        why.append(f"{AGENT} takes logins of agents")
    if why:
        yield Suggestion("columns", {**rules.columns, **meant, **guessed}, "; ".join(why))


def _values(found: Found) -> Iterator[Suggestion]:
    rules, rows = found.request.options.rules, _rows_by_code(found)
    words = found.preview.examples.null_words if found.preview.examples else ()
    if words:
        yield Suggestion(
            "null_values",
            [*rules.null_values, *sorted(words)],
            "reads these words as missing values instead of sending them",
        )
    without_region = rules.default_region is None
    if national := rows.get(reasons.NATIONAL_NUMBER.code):
        why = f"the country of numbers that begin with 0, in {counted(national, 'row')}: write yours instead of CN"
        yield Suggestion("default_region", "CN", why)
    elif without_region and (unused := rows.get(reasons.NUMBER_NOT_IN_USE.code)):
        them = f"numbers without a country code, in up to {counted(unused, 'row')}"
        why = f"the country of {them}: write yours instead of CN"
        yield Suggestion("default_region", "CN", why)
    if ambiguous := _in_the_region(found):
        why = f"reads {counted(ambiguous, 'number')} by default_region; 'international' by the country code"
        yield Suggestion("ambiguous_numbers", "national", why)
    dates = sum(rows.get(code, 0) for code in DAY_OR_MONTH)
    if dates:
        why = (
            f"reads dates such as 03/04/2026 with the day first, in {counted(dates, 'row')}; False with the month first"
        )
        yield Suggestion("dayfirst", True, why)
    if omittable := _omittable(found):
        yield Suggestion(
            "bad_values", "omit", f"sends {counted(omittable, 'row')} without the values that cannot be sent"
        )


def _in_the_region(found: Found) -> int:
    """Return the rejected rows whose number could be one in ``default_region``."""
    rules = found.request.options.rules
    if rules.default_region is None or rules.ambiguous_numbers != "reject":
        return 0
    pairs = found.preview.observations["ambiguous_numbers"]
    return sum(rows for pair, rows in pairs.items() if not is_between_others(pair, rules.default_region))


def _rows(found: Found) -> Iterator[Suggestion]:
    report, options = found.preview.report, found.request.options
    if not found.is_fine and found.preview.sendable:
        if options.rules.on_invalid == "fail":
            yield Suggestion("on_invalid", "reject", "sends the other rows")
        share = enough_for(report.refused, report.rows)
        refused = f"{report.refused:,} of {counted(report.rows, 'row')}"
        why = f"lets the task succeed with {refused} rejected; a share fits files of any size"
        yield Suggestion("max_rejected", share, why)
    if report.refusals() and "rejects_path" not in found.request.arguments:
        folder = folder_beside(found.request.file)
        why = "saves the rows left out with their reasons, in a file for each run"
        if folder == PLACEHOLDER:
            why += ": write a folder outside of git, because these are customers' data"
        yield Suggestion("rejects_path", f"{folder}/rejects/", why, is_choice=folder == PLACEHOLDER)


def _rows_by_code(found: Found) -> dict[int | str, int]:
    rows: dict[int | str, int] = {}
    for refusal in found.preview.report.refusals():
        for code in _codes(refusal.reason):
            rows[code] = rows.get(code, 0) + refusal.rows
    return rows


def _omittable(found: Found) -> int:
    return sum(
        refusal.rows for refusal in found.preview.report.refusals() if OMITTABLE.issuperset(_codes(refusal.reason))
    )


def _codes(reason: reasons.Reason) -> Sequence[str]:
    return str(reason.code).split(" + ")
