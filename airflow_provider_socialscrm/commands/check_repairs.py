"""What a file needs before it can be checked, all at once: its delimiter, its encoding, its columns."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.customers import AGENT, API_FIELDS, NUMBER
from airflow_provider_socialscrm.api.redaction import is_personal
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.commands.check_names import guesses
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields.mapping import is_own, is_unnamed, plan_fields, tidy_name
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.importer.spelling import alike
from airflow_provider_socialscrm.wording import first_of

if TYPE_CHECKING:
    from airflow_provider_socialscrm.commands.check_options import Request
    from airflow_provider_socialscrm.importer.fields.mapping import Plan
    from airflow_provider_socialscrm.importer.options import Rules
    from airflow_provider_socialscrm.importer.sources.base import Source

MOST_NAMES: Final = 30
"""Columns that an error names."""

MOST_BATCHES: Final = 10
"""Batches that are read to find text in another encoding: 100,000 rows, read in a second."""

TEXT: Final = ("encoding", "delimiter")

UNKNOWN: Final = "COLUMN"
"""In a command, the place of the column with the numbers, if no column has a common name for it."""

PROGRAM: Final = ("python", "-m", "airflow_provider_socialscrm")


@dataclass(frozen=True, slots=True)
class Repairs:
    """The problems that keep a file from being checked.

    :param problems: a sentence or more for each.
    :param fix: arguments of the importer that help with all of them; empty if some problem has none.
    """

    problems: Sequence[str]
    fix: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The line above the command."""
        if UNKNOWN in self.fix.get("columns", {}):
            return f"Run next, with the column of the numbers in place of {UNKNOWN}:"
        return "Run next, if what it sets is right:"

    def command(self, given: Sequence[str]) -> str:
        """Return the whole command to run next, or nothing if no options help.

        :param given: the arguments of the one that failed.
        """
        return shlex.join([*PROGRAM, *given, *self._options()]) if self.fix else ""

    def _options(self) -> Iterator[str]:
        for name in TEXT:
            if name in self.fix:
                yield from (f"--{name}", "tab" if self.fix[name] == "\t" else self.fix[name])
        if columns := self.fix.get("columns"):
            yield from ("--columns", *(f"{column}={field}" for column, field in columns.items()))


def plan_of(source: Source, request: Request) -> Plan:
    """Return which field each column maps to.

    :raises InputError: with all columns, and with the mapping that helps.
    """
    is_header = request.settings.auth_scheme is AuthScheme.HEADER
    rules = request.options.rules
    try:
        return plan_fields(source.columns, rules, agent_in_row=is_header)
    except InputError as failure:
        columns = _missing_columns(source.columns, rules, agent_in_row=is_header)
        fix = {"columns": columns} if columns else {}
        raise InputError(f"{failure} {_names(source.columns)}", fix=fix) from None


def find_repairs(data: Any, request: Request, first: InputError) -> Repairs:
    """Return everything that keeps a file from being checked, as far as its header can be read.

    :param data: the opened path.
    :param first: why the check failed.
    """
    problems: dict[str, Mapping[str, Any]] = {}
    if not first.fix:
        return Repairs([str(first)], {})
    text = {name: request.arguments[name] for name in TEXT if name in request.arguments}
    source = None
    while source is None:
        try:
            source = open_source(data, **text)
        except InputError as failure:
            is_new = str(failure) not in problems
            problems[str(failure)] = failure.fix
            if not failure.fix or not is_new:
                return Repairs([*problems], {})
            text |= failure.fix
    for attempt in (lambda: plan_of(source, request), lambda: deque(islice(source.batches(), MOST_BATCHES), 0)):
        try:
            attempt()
        except InputError as failure:
            problems[str(failure)] = failure.fix
    problems.setdefault(str(first), first.fix)
    fix = {name: value for each in problems.values() for name, value in each.items()}
    return Repairs([*problems], fix if all(problems.values()) else {})


def _missing_columns(columns: Sequence[str], rules: Rules, *, agent_in_row: bool) -> dict[str, str]:
    """Return the mapping that lets an import begin; empty if there is none, or names may be a customer's values."""
    if any(map(is_personal, columns)):
        return {}
    free = [name for name in columns if is_own(name) and not is_unnamed(name) and tidy_name(name) not in rules.columns]
    plain = {_plain(name): name for name in API_FIELDS}
    taken = {*rules.columns.values(), *rules.defaults, *(plain.get(_plain(name)) for name in free)}
    unserved = [name for name in API_FIELDS if name not in taken]
    misspelt = {tidy_name(name): field for name in free if (field := alike(name, unserved))}
    needed = [name for name in (NUMBER, AGENT)[: 1 + agent_in_row] if name in unserved]
    common = {column: field for column, field in guesses(free, taken).items() if field in needed}
    found = {field: column for column, field in (common | misspelt).items()}
    if NUMBER in needed and NUMBER not in found:
        return {UNKNOWN: NUMBER} if free else {}
    mapping = {column: field for field, column in found.items()}
    try:
        plan_fields(columns, replace(rules, columns={**rules.columns, **mapping}), agent_in_row=agent_in_row)
    except InputError:
        return {}
    return mapping


def _plain(name: str) -> str:
    return tidy_name(name).replace(" ", "").replace("_", "").casefold()


def _names(columns: Sequence[str]) -> str:
    if any(map(is_personal, columns)):  # a customer's number or address, which must not show
        return "A column name looks like a phone number or a mail address. Does the first line hold the column names?"
    names = [f"'{name}'" for name in columns]
    return f"The file has the columns {first_of(names, MOST_NAMES)}."
