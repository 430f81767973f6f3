"""The ledger's options, and their defaults.

DAG files load this module when they are parsed, so it must import nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from math import isnan
from os import PathLike
from typing import Any, Final

from airflow_provider_socialscrm.api.customers import NEVER_EMPTY, SIDE_EFFECT
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.spelling import did_you_mean
from airflow_provider_socialscrm.wording import with_article

RESEND: Final = ("changed", "all", "adopt")
"""Choices for the rows to send: those that changed, all once more, or none, since the CRM has them already."""

RETRY_REJECTED: Final = ("changed", "always")
"""Choices for rows that were refused: send them when they change, or in each run."""

DIGEST: Final = re.compile(r"[0-9]{1,12}-[0-9a-f]{32}")
"""Form of a difference's digest: the moment at which it was computed, and a hash."""

MOST_ONCE: Final = 8
"""Fields that are sent once: a bit of a byte each."""


_TIME: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week)s?", re.IGNORECASE)
_PRINTED_TIME: Final = re.compile(
    r"(?:(?P<days>\d+) days?, )?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?)"
)

_A_TIME: Final = "a time, as in timedelta(days=30) or '30 days'"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The folder of what earlier imports had accepted, and what follows from it for the rows of this one.

    :param path: a folder of its own on local or object storage, the same in every run.
    :param resend: ``changed`` sends the rows that differ from what was accepted; ``all`` sends each row once more,
        without the fields of ``once``; ``adopt`` makes no call and treats the input as accepted.
    :param resend_after: rows accepted this long ago are sent again although they did not change, which repairs what
        people edited in the CRM. From half of this time on each run sends some of them, so that the runs share
        them evenly. A time may be text, as in ``30 days``, here and in ``retry_rejected``.
    :param once: fields that are sent until a number was accepted with one, and never again.
    :param ignore: fields that are sent along, but never make a row change.
    :param retry_rejected: send rows that were refused when they ``changed``, ``always``, or after this time. Those that
        were refused because of a setting or a missing agent are sent in each run.
    :param max_changes: rows that are new, changed or retried before the run stops without a call: a number, or a share
        of the ledger as a float below 1. It does not count until a first run has come to its end.
    :param max_gone: customers that the last import had and the input has not, before the run stops without a call: a
        number, or a share of the ledger as a float below 1.
    :param min_rows: the fewest rows the input may have. With it an empty or missing input also fails the task where
        ``on_empty`` says to skip it.
    :param gone_path: the file for the numbers that the ledger has and the input has not.
    :param expected_changes: the digest of a dry run; another difference is not sent.
    """

    path: Any
    resend: str = RESEND[0]
    resend_after: Any = None  # a template is text, so its type is not that of the value
    once: Iterable[str] = (SIDE_EFFECT,)
    ignore: Iterable[str] = ()
    retry_rejected: str | timedelta = RETRY_REJECTED[0]
    max_changes: Any = None
    max_gone: Any = None
    min_rows: Any = None
    gone_path: Any = None
    expected_changes: str | None = None

    def __post_init__(self) -> None:
        """Check the arguments, all at once; those with a template are checked when they are rendered.

        :raises InputError: naming each argument that is wrong.
        """
        for name in ("resend_after", "retry_rejected"):
            object.__setattr__(self, name, _as_time(getattr(self, name)))
        wrong = [*_path_errors(self.path, self.gone_path), *_choice_errors(self.resend, self.retry_rejected)]
        wrong += [*_time_errors(resend_after=self.resend_after, retry_rejected=self.retry_rejected)]
        wrong += [*_field_errors(once=self.once, ignore=self.ignore)]
        wrong += [*_limit_errors("max_changes", "rows", self.max_changes)]
        wrong += [*_limit_errors("max_gone", "customers", self.max_gone)]
        wrong += [*_min_rows_errors(self.min_rows), *_digest_errors(self.expected_changes)]
        if wrong:
            raise InputError(f"ledger: {'; '.join(wrong)}.")
        for name in ("once", "ignore"):
            names = getattr(self, name)
            object.__setattr__(self, name, names if is_template(names) else tuple(names))

    @property
    def left_out(self) -> frozenset[str]:
        """The fields that the payload leaves out."""
        return frozenset({*self.once, *self.ignore})

    @property
    def retry_seconds(self) -> float | None:
        """Seconds after which a refused row is sent again although it did not change; ``None`` is never."""
        if isinstance(self.retry_rejected, timedelta):
            return self.retry_rejected.total_seconds()
        return 0.0 if self.retry_rejected == "always" else None

    @property
    def expected_moment(self) -> int | None:
        """When the expected difference was computed, in seconds since the epoch; ``None`` if none is expected."""
        return int(self.expected_changes.partition("-")[0]) if self.expected_changes else None


def is_template(value: Any) -> bool:
    """Return whether only a run knows a value."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def _as_time(value: Any) -> Any:
    """Return the time that text writes, and anything else unchanged."""
    if not isinstance(value, str):
        return value
    with suppress(OverflowError):
        if found := _TIME.fullmatch(value.strip()):
            return timedelta(**{f"{found[2].lower()}s": float(found[1])})
        if found := _PRINTED_TIME.fullmatch(value.strip()):
            return timedelta(**{unit: float(number) for unit, number in found.groupdict("0").items()})
    return value


def _shown(value: Any) -> str:
    """Return a value as text, or only its type where its text may have customers."""
    is_plain = value is None or isinstance(value, str | int | float | timedelta)
    return repr(value) if is_plain else with_article(type(value).__name__)


def _path_errors(path: Any, gone_path: Any) -> Iterator[str]:
    if not _is_path(path):
        yield f"path is {_shown(path)}, not the path of a folder"
    if gone_path is not None and not _is_path(gone_path):
        yield f"gone_path is {_shown(gone_path)}, not the path of a file"


def _is_path(value: Any) -> bool:
    return hasattr(value, "open") or isinstance(value, PathLike) or (isinstance(value, str) and bool(value.strip()))


def _choice_errors(resend: Any, retry_rejected: Any) -> Iterator[str]:
    if resend not in RESEND and not is_template(resend):
        meant = did_you_mean(resend, RESEND) if isinstance(resend, str) else ""
        yield f"resend is {_shown(resend)}, not {', '.join(RESEND[:-1])} or {RESEND[-1]}{meant}"
    known = retry_rejected in RETRY_REJECTED or isinstance(retry_rejected, timedelta) or is_template(retry_rejected)
    if not known:
        yield f"retry_rejected is {_shown(retry_rejected)}, not {' or '.join(RETRY_REJECTED)}, nor {_A_TIME}"


def _time_errors(**times: Any) -> Iterator[str]:
    for name, value in times.items():
        if is_template(value):
            continue
        if isinstance(value, timedelta) and value <= timedelta(0):
            yield f"{name} is {_shown(value)}, not a time above 0"
        elif name == "resend_after" and value is not None and not isinstance(value, timedelta):
            yield f"resend_after is {_shown(value)}, not {_A_TIME}"


def _field_errors(**fields: Any) -> Iterator[str]:
    for name, value in fields.items():
        if is_template(value):
            continue
        if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
            yield f"{name} is {_shown(value)}, not a list of names"
        elif wrong := [each for each in value if not isinstance(each, str) or not each.strip()]:
            yield f"{name} has {_shown(wrong[0])}, which is not a field's name"
        elif own := [each for each in value if each in NEVER_EMPTY]:
            yield f"{name} has '{own[0]}', without which no row is sent"
        elif name == "once" and len(set(value)) > MOST_ONCE:
            yield f"once has {len(set(value))} fields, and at most {MOST_ONCE} are possible"
    once, ignore = fields["once"], fields["ignore"]
    if all(isinstance(value, tuple | list | set | frozenset) for value in (once, ignore)):
        for name in sorted(map(str, set(once) & set(ignore))):
            yield f"'{name}' is in once and in ignore: name it in one of them"


def _limit_errors(name: str, what: str, value: Any) -> Iterator[str]:
    if value is None or is_template(value):
        return
    is_number = type(value) is int and value >= 0
    is_share = type(value) is float and not isnan(value) and 0 <= value < 1
    if not is_number and not is_share:
        yield f"{name} is {_shown(value)}: give a whole number of {what}, or a share of the ledger as a float below 1"


def _min_rows_errors(value: Any) -> Iterator[str]:
    if value is not None and not is_template(value) and (type(value) is not int or value < 1):
        yield f"min_rows is {_shown(value)}, not a whole number above 0"


def _digest_errors(expected: Any) -> Iterator[str]:
    if expected is None or is_template(expected):
        return
    if not isinstance(expected, str) or not DIGEST.fullmatch(expected):
        yield "expected_changes is not the digest of a dry run, which is in its manifest under changes"
