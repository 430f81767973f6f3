"""Options of an import, and their defaults.

DAG files load this module when they are parsed, so it must import nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Literal

from airflow_provider_socialscrm.api.customers import API_FIELDS, NEVER_EMPTY
from airflow_provider_socialscrm.api.retry import Clock, RetryLimits
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.spelling import did_you_mean
from airflow_provider_socialscrm.importer.unwritable import is_unwritable

DEFAULT_ROWS: Final = 100
"""Rows per call. The vendor states no limit for imports (vendor API 5.2); its other endpoints take 50 to 20,000."""

AUTO: Final = "auto"
"""The value of ``rows_per_call`` that has the run find how many rows a call may carry."""

DEFAULT_BYTES: Final = 1024 * 1024
"""Bytes per call, 1 MiB. The vendor states no limit; this is a common default of web servers."""

DEFAULT_CONCURRENCY: Final = 16
"""Calls in flight: enough for 45 calls a second while responses take up to 350 ms."""

SAVE_INTERVAL: Final = 1.0
"""Seconds between two saves of the checkpoint: a kill repeats some 45 calls, and Airflow's database is spared."""

PROGRESS_INTERVAL: Final = 10.0
"""Seconds between two reports of progress: often enough for the UI, and six lines a minute in the log."""

ROWS_AT_ONCE: Final = 5_000
"""Rows that are put into calls together, at least: small files, and the few rows that changed, share calls. A batch of
10,000 rows does not wait for the next one."""

ON_UNKNOWN: Final = ("hold", "resend")
"""Choices for a row with side effects whose outcome is unknown: hold it as unknown, or send it again."""

ON_EMPTY: Final = ("succeed", "skip")
"""Choices for an input without rows: succeed, or skip the task."""

EMPTY: Final = ("omit", "send")
"""Choices for a missing or blank value: leave it out of the row, or send an empty text."""

DUPLICATES: Final = ("last", "first", "send")
"""Choices for rows with the same number: send the last, the first, or all of them."""

ON_INVALID: Final = ("reject", "fail")
"""Choices for rows that cannot be sent: reject them and send the others, or send nothing."""

AMBIGUOUS_NUMBERS: Final = ("reject", "national", "international")
"""Choices for a number that could be one in the default region or one in another country."""

BAD_VALUES: Final = ("reject", "omit")
"""Choices for an optional value that cannot be sent: reject its row, or omit the value."""

_MISTAKEN: Final = {"UK": "GB", "EL": "GR"}
"""ISO 3166 letters of two countries, by the letters that the European Union uses for them."""

ALL: Final = "all"
"""The value of ``extension_fields`` that selects every column other than the API's own fields."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How columns become the fields of customers.

    :param columns: the API's field for a column, by the column's name; ``None`` leaves the column out. A column that is
        not named here maps to the field of the same name, regardless of case, blanks and underscores.
    :param defaults: values of fields for the rows that have none.
    :param values: replacements for values, by field, applied first: ``{"sex": {"M": "male"}}``.
    :param extension_fields: the columns and fields to send in addition to the API's own; ``"all"`` is every column,
        ``None`` is none.
    :param date_fields: the extension fields that are dates, sent as ``yyyy/MM/dd``.
    :param null_values: texts that mean a missing value, in any column.
    :param default_region: the country of numbers without country code, as two letters; ``None`` if there is none.
    :param ambiguous_numbers: how to read a number that could be one in ``default_region`` or one in another country
        without its plus: ``reject`` it, or take the ``national`` or the ``international`` reading. Without
        ``default_region`` ``international`` says that every number begins with its country code, and ``national`` is
        an error of the run.
    :param dayfirst: whether 01/02/2020 is the first of February; ``None`` rejects dates that can be read both ways.
    :param empty: whether to leave out a missing or blank value (``omit``) or send an empty text (``send``), for all
        fields or by field.
    :param bad_values: whether to ``reject`` a row with an optional value that cannot be sent, or to ``omit`` the value.
    :param duplicates: which of the rows with the same number to send: the ``last`` that can be sent, the ``first``, or
        all (``send``).
    :param on_invalid: whether to ``reject`` rows that cannot be sent and send the others, or to ``fail`` and send
        nothing.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    extension_fields: Sequence[str] | str | None = None
    date_fields: Sequence[str] = ()
    null_values: Sequence[str] = ()
    default_region: str | None = None
    ambiguous_numbers: str = AMBIGUOUS_NUMBERS[0]
    dayfirst: bool | None = None
    empty: str | Mapping[str, str] = EMPTY[0]
    bad_values: str = BAD_VALUES[0]
    duplicates: str = DUPLICATES[0]
    on_invalid: str = ON_INVALID[0]

    def __post_init__(self) -> None:
        """Check the arguments, all at once.

        :raises InputError: naming each argument that is wrong.
        """
        wrong = [
            *_mapping_errors(columns=self.columns, defaults=self.defaults, values=self.values),
            *_value_errors(defaults=self.defaults, values=self.values),
            *_name_list_errors(
                "extension_fields",
                () if self.sends_all or self.extension_fields is None else self.extension_fields,
                ALL,
            ),
            *_name_list_errors("date_fields", self.date_fields),
            *_name_list_errors("null_values", self.null_values),
            *_choice_errors("ambiguous_numbers", self.ambiguous_numbers, AMBIGUOUS_NUMBERS),
            *_choice_errors("bad_values", self.bad_values, BAD_VALUES),
            *_choice_errors("duplicates", self.duplicates, DUPLICATES),
            *_choice_errors("on_invalid", self.on_invalid, ON_INVALID),
            *(() if isinstance(self.empty, Mapping) else _choice_errors("empty", self.empty, EMPTY)),
        ]
        if self.dayfirst not in (None, True, False):
            wrong.append(f"dayfirst is {self.dayfirst!r}, not True, False or None")
        wrong += _region_errors(self.default_region)
        if wrong:
            raise InputError("; ".join(wrong) + ".")

    def wrong_fields(self) -> Iterator[str]:
        """Yield a sentence for each mistake that no data can make right."""
        known = {*API_FIELDS, *self.named_extensions}
        asked = {f"columns maps '{column}' to": name for column, name in self.columns.items() if name is not None}
        asked |= {f"defaults names '{name}'": name for name in self.defaults}
        asked |= {f"values names '{name}'": name for name in self.values}
        for what, name in asked.items():
            if name not in known and not self.sends_all:
                shown = f"{what} '{name}'" if what.endswith(" to") else what
                yield (
                    f"{shown}, which is not a field of the API{did_you_mean(name, API_FIELDS)}: if it is one of your "
                    "CRM's own, name it in extension_fields."
                )
        for name in (name for name in self.named_extensions if name in API_FIELDS):
            yield (
                f"extension_fields names '{name}', which is one of the API's own fields: it is sent anyway, so remove "
                "it here."
            )
        for name in (name for name in self.date_fields if name in API_FIELDS):
            yield f"date_fields names '{name}', which is one of the API's own fields: name extension fields only."
        for name in (name for name, words in self.values.items() if not isinstance(words, Mapping)):
            yield f"values for '{name}' is a {type(self.values[name]).__name__}, not a dictionary."
        for name, choice in self.empty_fields.items():
            if choice not in EMPTY:
                yield f"empty for '{name}' is {choice!r}, not {' or '.join(EMPTY)}."
            elif choice == "send" and name in NEVER_EMPTY:
                yield f"empty cannot send an empty '{name}', since each row needs one."

    @property
    def empty_fields(self) -> Mapping[str, str]:
        """The choice for missing values by field, if ``empty`` is given by field."""
        return {} if isinstance(self.empty, str) else self.empty

    @property
    def sends_all(self) -> bool:
        """Whether every column other than the API's own fields is sent."""
        return self.extension_fields == ALL

    @property
    def named_extensions(self) -> Sequence[str]:
        """The extension fields that are named one by one."""
        return () if self.extension_fields is None or isinstance(self.extension_fields, str) else self.extension_fields


@dataclass(frozen=True, slots=True)
class IsolationLimits:
    """How many calls a run may spend on finding bad rows.

    With the defaults a run continues where a third of the rows are bad, which takes about two calls for each accepted
    row, and stops where nearly all of them are.

    :param calls: in addition to what accepted rows allow.
    :param calls_per_accepted_row: that each accepted row allows.
    """

    calls: float = 5_000.0
    calls_per_accepted_row: float = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """One import's settings.

    :param rows_per_call: the most rows in a call; ``"auto"`` finds them; ``None`` is what
        :func:`resolved_rows_per_call` makes of it.
    :param bytes_per_call: the most bytes in a call's body.
    :param concurrency: calls in flight.
    :param max_rejected: rows that may be refused before the run counts as failed: an int is a number of rows, a float
        up to 1.0 a share of the input, ``None`` allows all. Rejected, invalid and unknown rows count.
    :param on_unknown: what to do with a row with side effects whose call may have been accepted: ``hold`` it as
        unknown, or ``resend`` it.
    :param on_empty: whether an input without rows is accepted (``succeed``) or ends the run (``skip``).
    :param allow_missing_rejects: whether a retry goes on if rows that were not accepted are in no file that it finds.
    :param check_agents: whether each agent that rows name is looked up before the first row is sent.
    :param rules: how columns become the fields of customers.
    :param parallel_tasks: tasks of the tenant that run at once, this one included. They divide the rate limit unless
        they share it through Redis.
    :param retry_limits: how often and how long a chunk is retried.
    :param isolation_limits: how many calls may be spent on finding bad rows.
    :param clock: time, sleep and randomness.
    :param save_interval: seconds between two saves of the checkpoint while rows are sent that may be repeated.
    :param progress_interval: seconds between two reports of progress.
    :param rows_at_once: rows that are put into calls together, at least, however small the files are.
    """

    rows_per_call: int | str | None = None
    bytes_per_call: int = DEFAULT_BYTES
    concurrency: int = DEFAULT_CONCURRENCY
    max_rejected: float | None = 0
    on_unknown: str = "hold"
    on_empty: str = ON_EMPTY[0]
    allow_missing_rejects: bool = False
    check_agents: bool = False
    rules: Rules = field(default_factory=Rules)
    parallel_tasks: int = 1
    retry_limits: RetryLimits = field(default_factory=RetryLimits)
    isolation_limits: IsolationLimits = field(default_factory=IsolationLimits)
    clock: Clock = field(default_factory=Clock)
    save_interval: float = SAVE_INTERVAL
    progress_interval: float = PROGRESS_INTERVAL
    rows_at_once: int = ROWS_AT_ONCE

    def __post_init__(self) -> None:
        """Check the arguments, all at once.

        :raises InputError: naming each argument that is wrong.
        """
        wrong = [
            f"{name} is {value!r}, not a whole number above 0"
            for name in ("bytes_per_call", "concurrency", "parallel_tasks", "rows_at_once")
            if type(value := getattr(self, name)) is not int or value < 1  # True is an int, but not a number of rows
        ]
        wrong[:0] = _rows_errors(self.rows_per_call)
        wrong += [
            f"{name} is {value!r}, not a number of seconds"
            for name in ("save_interval", "progress_interval")
            if not _is_duration(value := getattr(self, name))  # without an end nothing would ever be saved
        ]
        wrong += _threshold_errors(self.max_rejected)
        wrong += _choice_errors("on_unknown", self.on_unknown, ON_UNKNOWN)
        wrong += _choice_errors("on_empty", self.on_empty, ON_EMPTY)
        wrong += [
            f"{name} is {value!r}, not True or False"
            for name in ("allow_missing_rejects", "check_agents")
            if type(value := getattr(self, name)) is not bool
        ]
        if wrong:
            raise InputError("; ".join(wrong) + ".")

    @property
    def resend(self) -> bool:
        """Whether every row may be sent twice."""
        return self.on_unknown == "resend"


def resolved_rows_per_call(value: int | str | None, *, has_ledger: bool) -> int | Literal["auto"]:
    """Return the rows in a call, or ``"auto"``, which is the default of an import with a ledger.

    A ledger keeps the size that a run has found for the next one.

    :param value: as given; ``None`` is the default.
    """
    if value is None:
        return AUTO if has_ledger else DEFAULT_ROWS
    return value if isinstance(value, int) else AUTO


def _rows_errors(rows: Any) -> list[str]:
    # True is an int, but not a number of rows.
    if rows is None or (isinstance(rows, str) and rows == AUTO) or (type(rows) is int and rows >= 1):
        return []
    return [f"rows_per_call is {rows!r}, not a whole number above 0 or '{AUTO}'"]


def _is_duration(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value < inf


def _threshold_errors(allowed: Any) -> list[str]:
    if allowed is None or (type(allowed) is int and allowed >= 0) or (type(allowed) is float and 0 <= allowed <= 1):
        return []
    limits = "a whole number of rows, a share of them as a float from 0.0 to 1.0, or None for no limit"
    whole = f" (for {allowed:.0f} rows write {allowed:.0f})" if type(allowed) is float and 1 < allowed < inf else ""
    return [f"max_rejected is {allowed!r}: give {limits}{whole}"]


def _region_errors(region: Any) -> list[str]:
    if region is None or (isinstance(region, str) and re.fullmatch("[A-Z]{2}", region) and region not in _MISTAKEN):
        return []
    meant = str(region).strip().upper()
    meant = _MISTAKEN.get(meant, meant)
    instead = (
        f"write {meant!r}" if re.fullmatch("[A-Z]{2}", meant) else "write a country's two letters, as in 'CN' or 'DE'"
    )
    return [f"default_region is {region!r}: {instead}"]


def _choice_errors(name: str, value: Any, choices: Sequence[str]) -> list[str]:
    return [] if value in choices else [f"{name} is {value!r}, not {' or '.join(choices)}"]


def _mapping_errors(**arguments: Any) -> list[str]:
    given = ((name, value) for name, value in arguments.items() if not isinstance(value, Mapping))
    return [f"{name} is a {type(value).__name__}, not a dictionary" for name, value in given]


def _value_errors(**arguments: Any) -> list[str]:
    return [
        f"{name} has an infinite number, one with thousands of digits, or bytes that are not UTF-8: give text instead"
        for name, value in arguments.items()
        if isinstance(value, Mapping) and is_unwritable(value)
    ]


def _name_list_errors(name: str, names: Any, instead: str | None = None) -> list[str]:
    if (
        not isinstance(names, str | Mapping)
        and isinstance(names, Iterable)
        and all(type(each) is str for each in names)
    ):
        return []
    return [f"{name} is {names!r}, not {f'{instead!r} or ' if instead else ''}a list of names"]
