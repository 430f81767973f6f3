"""Map columns and constants to the API's fields, once for an import, by the columns' names alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from unicodedata import category

from airflow_provider_socialscrm.api.customers import AGENT, API_FIELDS, NEVER_EMPTY, NUMBER, SIDE_EFFECT
from airflow_provider_socialscrm.api.redaction import is_personal, redact
from airflow_provider_socialscrm.importer.columns.cleaning import clean_text
from airflow_provider_socialscrm.importer.columns.text import value_as_text
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS
from airflow_provider_socialscrm.importer.spelling import alike, did_you_mean

KEPT_OUT: Final = (*NEVER_EMPTY, SIDE_EFFECT, "cancelTabName")
"""Fields that ``empty="send"`` includes only if it names them: the CRM ignores an empty ``cancelTabName``
(vendor API 3.2), and each ``welcome`` costs a call."""

PANDAS_INDEX: Final = "__index_level_"
"""Beginning of pandas' names for index columns without a name, in Parquet files and Arrow tables."""

INDEX: Final = re.compile(r"Unnamed: 0(?:\.\d+)*")
"""Name of the first column if it has none; it is usually an index."""

_UNSEEN: Final = ("Cf", "Zs", "Zl", "Zp", "Cc")
"""Unicode categories of invisible characters: zero-width ones, blanks, controls. Within a word some have a meaning."""

UNNAMED: Final = re.compile(r"Unnamed: \d+(?:\.\d+)*(?:_level_\d+)?")
"""Names that pandas and our CSV reader give to columns without a name."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of each row, and the column it comes from.

    :param name: the name that is sent: one of :data:`API_FIELDS`, or an extension field's.
    :param column: the column with its values; ``None`` if every row has ``default``.
    :param default: the text for rows without a value; ``None`` leaves the field out.
    :param send_empty: whether a row without a value sends an empty text.
    """

    name: str
    column: str | None
    default: str | None = None
    send_empty: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The mapping of an import: the fields of each row.

    :param fields: the fields, in the order of the columns, then the constants.
    :param extensions: names of the extension fields among them.
    :param renamed: columns that map to a field whose name differs in case, blanks or underscores, without the user's
        saying so.
    :param left_out: columns that are not sent although they may hold a customer's data and no argument leaves them out.
    :param doubts: a sentence for each extension field that may be misspelt.
    """

    fields: tuple[Field, ...]
    extensions: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def field(self, name: str) -> Field | None:
        """Return the field of this name, or ``None`` if rows do not have it."""
        return next((field for field in self.fields if field.name == name), None)


def plan_fields(columns: Sequence[str], rules: Rules, *, agent_in_row: bool) -> Plan:
    """Map columns to fields.

    A column maps to a field if ``columns`` says so, if it has the field's name, or if its name differs only in case,
    blanks or underscores. Others are sent only if ``extension_fields`` selects them. The columns that a dead letter
    adds, and pandas' index, are never sent, because they hold no customer's data.

    :param columns: names of the data's columns, each once.
    :param rules: the user's rules.
    :param agent_in_row: whether each row must name its agent, as on the header scheme.
    :raises InputError: naming all mistakes at once.
    """
    own = [name for name in columns if is_own(name) or name in rules.columns]
    targets = _targets(own, rules)
    names = {*targets.values(), *rules.defaults}
    left_out = tuple(name for name in own if name not in targets and not _is_asked(name, rules))
    missing = [name for name in (NEVER_EMPTY if agent_in_row else (NUMBER,)) if name not in names]
    unserved = [name for name in API_FIELDS if name not in {*targets.values(), *missing}]
    wrong = [
        *rules.wrong_fields(),
        *_wrong_columns(own, rules),
        *_wrong_targets(targets),
        *_wrong_extension_fields(own, targets, rules),
        *_wrong_names(names, rules),
        *_misspelt(left_out, unserved),
        *_alike_extensions(left_out, targets, rules),
        *_missing(own, missing, rules),
    ]
    if wrong:
        raise InputError(" ".join(wrong))
    mapped = [_field(name, column, rules) for column, name in targets.items()]
    constants = [_field(name, None, rules) for name in rules.defaults if name not in targets.values()]
    fields = (*mapped, *constants)
    return Plan(
        fields,
        tuple(each.name for each in fields if each.name not in API_FIELDS),
        {name: target for name, target in targets.items() if not _is_asked(name, rules) and tidy_name(name) != target},
        left_out,
        tuple(_doubts(targets)) if rules.sends_all else (),
    )


def is_own(column: str) -> bool:
    """Return whether a column may hold a customer's data: neither a dead letter nor pandas added it."""
    return own_name(column) not in OWN_COLUMNS and not column.startswith(PANDAS_INDEX)


def own_name(column: str) -> str:
    """Return a column's name as a dead letter writes it if it is one of those that it adds.

    Warehouses write names in capitals.
    """
    return tidy_name(column).lower()


def is_unnamed(column: str) -> bool:
    """Return whether a column has no name."""
    return not tidy_name(column) or UNNAMED.fullmatch(tidy_name(column)) is not None


def is_index(column: str) -> bool:
    """Return whether a column is a table's index, which pandas writes first and without a name."""
    return INDEX.fullmatch(tidy_name(column)) is not None


def column_label(column: str) -> str:
    """Return a column's name without anything that looks like a customer's number or address."""
    return redact(tidy_name(column)) or "(no name)"


def column_labels(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return names of columns for a log, or only their number if the header may be a customer's row.

    :param names: the names to show.
    :param columns: the names of all columns of the table.
    """
    if any(map(is_personal, columns)):
        return [f"{len(names):,} with names that may be a customer's"] if names else []
    return [tidy_name(name) or "(no name)" for name in names]


@lru_cache(maxsize=1024)
def tidy_name(column: str) -> str:
    """Return a column's name without invisible characters around it: blanks, zero-width ones, byte order marks."""
    name = clean_text(str(column))
    seen = [at for at, character in enumerate(name) if category(character) not in _UNSEEN]
    return name[seen[0] : seen[-1] + 1] if seen else ""


def _targets(columns: Sequence[str], rules: Rules) -> dict[str, str]:
    """Return the field of each column that maps to one."""
    targets: dict[str, str | None] = {}
    for column in columns:
        asked = _asked(column, rules)
        targets[column] = rules.columns[asked] if asked is not None else _by_exact_name(column, rules)
    for column in columns:
        if targets[column] is None and not _is_asked(column, rules) and not is_unnamed(column):
            targets[column] = _BY_PLAIN_NAME.get(_plain(column))
            if targets[column] is None and rules.sends_all:
                targets[column] = tidy_name(column)
    return {column: name for column, name in targets.items() if name is not None}


def _asked(column: str, rules: Rules) -> str | None:
    """Return the key of ``columns`` that names a column."""
    return next((name for name in (column, tidy_name(column)) if name in rules.columns), None)


def _is_asked(column: str, rules: Rules) -> bool:
    return _asked(column, rules) is not None


def _by_exact_name(column: str, rules: Rules) -> str | None:
    name = tidy_name(column)
    return name if name in API_FIELDS or name in map(tidy_name, rules.named_extensions) else None


def _field(name: str, column: str | None, rules: Rules) -> Field:
    if isinstance(rules.empty, str):
        send_empty = rules.empty == "send" and name not in KEPT_OUT
    else:
        send_empty = rules.empty.get(name) == "send"
    default = value_as_text(rules.defaults.get(name))
    return Field(name, column, clean_text(default or "") or None, send_empty)


def _wrong_columns(columns: Sequence[str], rules: Rules) -> Iterator[str]:
    known = {*columns, *map(tidy_name, columns)}
    for column in (column for column in rules.columns if column not in known):
        yield f"columns maps '{column}', which the data does not have{did_you_mean(column, columns)}."


def _wrong_targets(targets: Mapping[str, str]) -> Iterator[str]:
    for name, times in Counter(map(clean_text, targets.values())).items():
        if times > 1:
            sources = ", ".join(f"'{column}'" for column, target in targets.items() if clean_text(target) == name)
            yield (
                f"{name} would come from {sources}: if they are columns of different tables, give them one name there; "
                "otherwise map all but one of them to None in columns, which leaves a column out."
            )


def _wrong_extension_fields(columns: Sequence[str], targets: Mapping[str, str], rules: Rules) -> Iterator[str]:
    known = {*map(tidy_name, columns), *targets.values(), *rules.defaults}
    for name in (name for name in rules.named_extensions if tidy_name(name) not in known):
        yield f"extension_fields names '{name}', which is neither a column nor a field{did_you_mean(name, columns)}."


def _wrong_names(names: Collection[str], rules: Rules) -> Iterator[str]:
    for name in (name for name in rules.date_fields if name not in names):
        yield f"date_fields names '{name}', which is not sent{did_you_mean(name, names)}: name it in extension_fields."
    for name in (name for name in rules.values if name not in names):
        yield f"values names '{name}', which no column maps to{did_you_mean(name, names)}."
    for name in (name for name in rules.empty_fields if name not in names):
        yield f"empty names '{name}', which no column maps to{did_you_mean(name, names)}."


def _misspelt(left_out: Sequence[str], unserved: Sequence[str]) -> Iterator[str]:
    for column in left_out:
        if found := alike(column, unserved):
            name = tidy_name(column)
            yield (
                f"The column '{name}' is not sent, but its name is close to the field {found}: set "
                f"columns={{'{name}': '{found}'}} to send it, or columns={{'{name}': None}} to leave it out."
            )


def _alike_extensions(left_out: Sequence[str], targets: Mapping[str, str], rules: Rules) -> Iterator[str]:
    named = {_plain(name): name for name in rules.named_extensions if name in targets.values()}
    for column in left_out:
        if field := named.get(_plain(column)):
            name = tidy_name(column)
            yield (
                f"The column '{name}' is not sent, but its name differs from the extension field '{field}' only in "
                f"case, blanks or underscores: if they are columns of different tables, give them one name there; "
                f"otherwise set columns={{'{name}': None}} to leave it out."
            )


def _missing(columns: Sequence[str], missing: Sequence[str], rules: Rules) -> Iterator[str]:
    if not missing:
        return
    scheme = (
        " (the header scheme requires an agent in each row; set one for all in defaults)" if AGENT in missing else ""
    )
    hints = "".join(
        f" Is it '{found}'? Then set columns={{'{found}': '{name}'}}."
        for name in missing
        if (found := alike(name, [column for column in columns if not _is_asked(column, rules)]))
    )
    if not hints and NUMBER in missing:
        hints = " Name the one with the numbers, as in columns={'mobile': 'whatsApp'}."
    yield f"The data has no column {' and no column '.join(missing)}{scheme}.{hints}"


def _doubts(targets: Mapping[str, str]) -> Iterator[str]:
    for name in (name for name in targets.values() if name not in API_FIELDS):
        if (found := alike(name, API_FIELDS)) and found not in targets.values():
            instead = f"If {found} is meant, set columns={{'{name}': '{found}'}}."
            yield f"'{name}' is sent as an extension field. {instead}"


def _plain(name: str) -> str:
    """Return a name without case, blanks, underscores and invisible characters."""
    return "".join(char for char in name if char != "_" and category(char) not in _UNSEEN).casefold()


_BY_PLAIN_NAME: Final = {_plain(name): name for name in API_FIELDS}
