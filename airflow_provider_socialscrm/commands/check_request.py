"""What a command line asks for, in the importer's terms."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import EMPTY, Options, Rules

TAB: Final = ("tab", r"\t")
"""Ways to write a tab that need no shell's tricks."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a command line asks for.

    :param file: path or pattern, as given.
    :param rejects_path: where to write rejected rows and duplicates.
    :param encoding: of text files.
    :param delimiter: between the values of CSV files.
    :param options: the limits of a call, and how the table is read.
    :param settings: scheme and pace; what else a connection has is made up, since nothing is sent.
    """

    file: str
    rejects_path: str | None
    encoding: str
    delimiter: str
    options: Options
    settings: Settings


def request_of(given: Namespace) -> Request:
    """Return what parsed arguments ask for.

    :raises InputError: when they make no sense, alone or together.
    """
    return Request(
        file=_one_file(given.file),
        rejects_path=given.rejects_path,
        encoding=given.encoding,
        delimiter="\t" if given.delimiter in TAB else given.delimiter,
        options=Options(
            rows_per_call=given.rows_per_call,
            bytes_per_call=given.bytes_per_call,
            max_rejected=given.max_rejected,
            rules=_rules(given),
        ),
        settings=_settings(given),
    )


def _rules(given: Namespace) -> Rules:
    return Rules(
        columns=_once("--column", given.column),
        defaults=_once("--default", given.default),
        values=_values(given.values),
        extension_fields=given.extension_fields,
        date_fields=given.date_fields or (),
        null_values=given.null_values or (),
        default_region=given.default_region,
        ambiguous_numbers=given.ambiguous_numbers,
        dayfirst=given.dayfirst,
        empty=_empty(given.empty),
        bad_values=given.bad_values,
        duplicates=given.duplicates,
        on_invalid=given.on_invalid,
    )


def _settings(given: Namespace) -> Settings:
    # Tenant and login are as long as real ones are, since their bytes count in each call.
    return Settings(
        base_url="",
        tenant_id="100000",
        api_key="",
        user_name="agent_name",
        auth_scheme=AuthScheme(given.auth_scheme),
        calls_per_second=given.calls_per_second,
    )


def _once(option: str, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    given = list(pairs)
    if twice := [name for name, times in Counter(name for name, _ in given).items() if times > 1]:
        raise InputError(f"{option} names '{twice[0]}' more than once: leave one of them.")
    return dict(given)


def _values(given: Sequence[tuple[str, str, str | None]]) -> dict[str, dict[str, str | None]]:
    _once("--values", ((f"{name}:{before}", after) for name, before, after in given))
    by_field: dict[str, dict[str, str | None]] = {}
    for name, before, after in given:
        by_field.setdefault(name, {})[before] = after
    return by_field


def _empty(given: Sequence[str]) -> str | Mapping[str, str]:
    of_all = [text for text in given if "=" not in text]
    by_field = [tuple(text.rsplit("=", 1)) for text in given if "=" in text]
    if of_all and by_field:
        raise InputError("--empty is given for all fields and for some: leave one of them.")
    return _once("--empty", by_field) if by_field else (of_all or [EMPTY[0]])[-1]  # type: ignore[arg-type]


def _one_file(files: Sequence[str]) -> str:
    if len(files) == 1:
        return files[0]
    pattern = Path(files[0]).with_name(f"*{Path(files[0]).suffix}")
    raise InputError(
        f"FILE is one path or one pattern, and here are {len(files)} paths: if the shell made them of a pattern, put "
        f"it in quotes, as in '{pattern}'."
    )
