"""Which column, or which constant, each of the API's fields is made of. Decided once, from the columns' names alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from airflow_provider_socialscrm.importer.cleaning import clean_text
from airflow_provider_socialscrm.importer.dead_letter import OWN_COLUMNS
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import EMPTY, Rules
from airflow_provider_socialscrm.importer.text import value_as_text

NUMBER: Final = "whatsApp"
AGENT: Final = "agentAccount"
SEX: Final = "sex"
BIRTHDAY: Final = "birthday"
TAGS: Final = ("tabName", "cancelTabName")

SIDE_EFFECT: Final = "welcome"
"""The field that makes the CRM act on the customer, so that sending a row again may do harm (contract 2.9)."""

API_FIELDS: Final = (
    AGENT, NUMBER, "friendName", SEX, BIRTHDAY, "address", "email", "profession", "income", "desc", *TAGS,
    "stage", "source", "languageTag", SIDE_EFFECT,
)  # fmt: skip
"""The row fields the vendor names (contract 2.3). Any other column is an extension field (contract 2.4)."""

NEVER_EMPTY: Final = (NUMBER, AGENT)
"""Fields that a row needs, so that they cannot be sent empty."""

KEPT_OUT: Final = (*NEVER_EMPTY, SIDE_EFFECT, "cancelTabName")
"""Fields that ``empty="send"`` does not touch unless it names them: the CRM ignores an empty ``cancelTabName``
(contract 2.3), and each ``welcome`` costs a call."""

PANDAS_INDEX: Final = "__index_level_"
"""How pandas begins the names of index columns that have none, in Parquet files and Arrow tables."""

LIKENESS: Final = 0.75
"""Share of matching letters, as ``difflib`` counts, that makes a name a misspelt other: freindName has 0.9."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of each row.

    :param name: as it is sent: one of :data:`API_FIELDS`, or an extension field.
    :param column: where its values come from; ``None`` where they are all ``default``.
    :param default: the text of rows that have no value; ``None`` leaves the field out of them.
    :param send_empty: whether a row without a value sends an empty text.
    """

    name: str
    column: str | None
    default: str | None = None
    send_empty: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What each row is made of.

    :param fields: in the order they are sent: as the columns are, then the constants.
    :param extensions: names of the extension fields among them.
    :param doubts: fields that may be misspelt, a sentence each.
    """

    fields: tuple[Field, ...]
    extensions: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def field(self, name: str) -> Field | None:
        """Return a field by its name, if rows have it."""
        return next((field for field in self.fields if field.name == name), None)


def plan_fields(columns: Sequence[str], rules: Rules, *, agent_in_row: bool) -> Plan:
    """Return what rows are made of. Left out are columns without a name, those a dead letter adds, and pandas' index.

    :param columns: names of the data's columns, each once.
    :param rules: the user's ``columns``, ``defaults``, ``extension_fields`` and ``empty``.
    :param agent_in_row: header scheme: each row names its agent.
    :raises InputError: naming everything that cannot be, at once.
    """
    left_out = (*OWN_COLUMNS, "")
    own = [name for name in columns if clean_text(name) not in left_out and not name.startswith(PANDAS_INDEX)]
    targets = _targets(own, rules)
    wrong = [
        *_wrong_columns(own, rules),
        *_wrong_targets(targets, rules),
        *_wrong_defaults(rules),
        *_wrong_extension_fields(own, targets, rules),
        *_wrong_empty(targets, rules),
        *_missing(own, {*targets.values(), *rules.defaults}, agent_in_row=agent_in_row),
    ]
    if wrong:
        raise InputError(" ".join(wrong))
    mapped = [_field(name, column, rules) for column, name in targets.items()]
    constants = [_field(name, None, rules) for name in rules.defaults if name not in targets.values()]
    fields = (*mapped, *constants)
    return Plan(fields, tuple(each.name for each in fields if each.name not in API_FIELDS), tuple(_doubts(targets)))


def _targets(columns: Sequence[str], rules: Rules) -> dict[str, str]:
    """Return the field that each column goes to; columns that go nowhere are not in it."""
    targets: dict[str, str] = {}
    for column in columns:
        name = rules.columns[column] if column in rules.columns else _by_name(column, rules)
        if name is not None:
            targets[column] = name
    return targets


def _by_name(column: str, rules: Rules) -> str | None:
    if column in API_FIELDS or rules.extension_fields is None or column in rules.extension_fields:
        return column
    return None


def _field(name: str, column: str | None, rules: Rules) -> Field:
    if isinstance(rules.empty, str):
        send_empty = rules.empty == "send" and name not in KEPT_OUT
    else:
        send_empty = rules.empty.get(name) == "send"
    default = value_as_text(rules.defaults.get(name))
    return Field(name, column, clean_text(default or "") or None, send_empty)


def _is_field(name: str, rules: Rules) -> bool:
    return name in API_FIELDS or name in (rules.extension_fields or ())


def _wrong_columns(columns: Sequence[str], rules: Rules) -> Iterator[str]:
    for column in (column for column in rules.columns if column not in columns):
        yield f"columns maps '{column}', which the data does not have{_did_you_mean(column, columns)}."


def _wrong_targets(targets: Mapping[str, str], rules: Rules) -> Iterator[str]:
    for column, name in targets.items():
        if column in rules.columns and not _is_field(name, rules):
            yield (
                f"columns maps '{column}' to '{name}', which is no field of the API{_did_you_mean(name, API_FIELDS)}: "
                "if it is one of your CRM's own, name it in extension_fields."
            )
    for name, times in Counter(map(clean_text, targets.values())).items():
        if times > 1:
            sources = ", ".join(f"'{column}'" for column, target in targets.items() if clean_text(target) == name)
            yield f"{name} would come from {sources}: map all but one of them to None, which leaves a column out."


def _wrong_defaults(rules: Rules) -> Iterator[str]:
    for name in (name for name in rules.defaults if not _is_field(name, rules)):
        yield (
            f"defaults names '{name}', which is no field of the API{_did_you_mean(name, API_FIELDS)}: if it is one of "
            "your CRM's own, name it in extension_fields."
        )


def _wrong_extension_fields(columns: Sequence[str], targets: Mapping[str, str], rules: Rules) -> Iterator[str]:
    known = {*columns, *targets.values(), *rules.defaults}
    for name in rules.extension_fields or ():
        if name in API_FIELDS:
            yield f"extension_fields names '{name}', which is one of the API's own fields: it goes along as it is."
        elif name not in known:
            yield f"extension_fields names '{name}', which is no column and no field{_did_you_mean(name, columns)}."


def _wrong_empty(targets: Mapping[str, str], rules: Rules) -> Iterator[str]:
    if isinstance(rules.empty, str):
        return
    for name, choice in rules.empty.items():
        if name not in targets.values() and name not in rules.defaults:
            yield f"empty names '{name}', which no column goes to{_did_you_mean(name, targets.values())}."
        elif choice not in EMPTY:
            yield f"empty for '{name}' is {choice!r}, not {' or '.join(EMPTY)}."
        elif choice == "send" and name in NEVER_EMPTY:
            yield f"empty cannot send an empty '{name}', since each row needs one."


def _missing(columns: Sequence[str], names: set[str], *, agent_in_row: bool) -> Iterator[str]:
    missing = [name for name in ((NUMBER, AGENT) if agent_in_row else (NUMBER,)) if name not in names]
    if not missing:
        return
    scheme = (
        " (the header scheme wants an agent in each row; defaults can give one for all)" if AGENT in missing else ""
    )
    alike = {name: _alike(name, columns) for name in missing}
    hints = "".join(
        f" Is it '{found[0]}'? Then set columns={{'{found[0]}': '{name}'}}." for name, found in alike.items() if found
    )
    if not hints and NUMBER in missing:
        hints = " Say which one has the numbers, as in columns={'mobile': 'whatsApp'}."
    yield f"The data has no column {' and no column '.join(missing)}{scheme}.{hints}"


def _doubts(targets: Mapping[str, str]) -> Iterator[str]:
    for name in (name for name in targets.values() if name not in API_FIELDS):
        if (found := _alike(name, API_FIELDS)) and found[0] not in targets.values():
            mend = f"If {found[0]} is meant, set columns={{'{name}': '{found[0]}'}}."
            yield f"'{name}' is sent as an extension field. {mend}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    found = _alike(name, known)
    return f" (is it '{found[0]}'?)" if found else ""


def _alike(name: str, known: Iterable[str]) -> list[str]:
    by_folded = {_folded(other): other for other in known}
    return [by_folded[match] for match in get_close_matches(_folded(name), by_folded, 1, LIKENESS)]


def _folded(name: str) -> str:
    """Return a name without case and separators, by which spellings differ that mean the same: whats_app."""
    return "".join(filter(str.isalnum, str(name))).casefold()
