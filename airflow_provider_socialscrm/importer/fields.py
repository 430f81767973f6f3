"""Columns to the API's fields: as text, checked, encoded once.

Every value the API takes is a string (contract 2.3). Whole columns are converted at a time; what cannot be sent is
found here, before any call, and explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.causes import (
    BAD_BIRTHDAY,
    BAD_NUMBER,
    COMMA_IN_TAG,
    LONGEST_NUMBER,
    NO_AGENT,
    NO_NUMBER,
    NOT_A_NUMBER,
    SHORTEST_NUMBER,
)
from airflow_provider_socialscrm.importer.dead_letter import OWN_COLUMNS
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.report import Cause
from airflow_provider_socialscrm.importer.text import as_text, is_list

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.source import Batch

NUMBER: Final = "whatsApp"
AGENT: Final = "agentAccount"
BIRTHDAY: Final = "birthday"
TAGS: Final = ("tabName", "cancelTabName")

API_FIELDS: Final = (
    AGENT, NUMBER, "friendName", "sex", BIRTHDAY, "address", "email", "profession", "income", "desc", *TAGS,
    "stage", "source", "languageTag", "welcome",
)  # fmt: skip
"""The row fields the vendor names (contract 2.3). Any other column is an extension field (contract 2.4)."""

SIDE_EFFECT: Final = "welcome"
"""The field that makes the CRM act on the customer, so that sending a row again may do harm (contract 2.9)."""

_SIDE_EFFECT_KEY: Final = f'"{SIDE_EFFECT}":'.encode()

PANDAS_INDEX: Final = "__index_level_"
"""How pandas begins the names of index columns that have none, in Parquet files and Arrow tables."""


class Row(NamedTuple):
    """A row that can be sent.

    :param position: its place in the input, from 0.
    :param body: its JSON, encoded for good.
    :param agent: body scheme: the login that signs for it; ``None`` stands for the connection's user.
    :param batch: where its own columns are found again.
    :param order: its place in the order of sending, which is the same in each try.
    """

    position: int
    body: bytes
    agent: str | None
    batch: Batch
    order: int = -1

    def __repr__(self) -> str:  # a customer must not show in a log
        return f"Row(position={self.position})"


class InvalidRow(NamedTuple):
    """A row that cannot be sent, with every reason."""

    position: int
    reasons: tuple[Cause, ...]
    batch: Batch


@dataclass(slots=True)
class _Problems:
    """Reasons by row of one batch."""

    by_index: dict[int, list[Cause]] = field(default_factory=dict)

    def note(self, bad: pa.Array, reason: Cause) -> None:
        for index in pc.indices_nonzero(pc.fill_null(bad, False)).to_pylist():
            self.by_index.setdefault(index, []).append(reason)


def check_columns(columns: Sequence[str], *, agent_in_row: bool) -> None:
    """Raise where no row could be sent for want of a column.

    :param agent_in_row: header scheme: each row names its agent.
    :raises InputError: naming every column that is missing.
    """
    needed = [NUMBER, AGENT] if agent_in_row else [NUMBER]
    if missing := [name for name in needed if name not in columns]:
        alike = [name for name in columns if name.lower() in {m.lower() for m in missing}]
        hint = f" Rename {', '.join(alike)}: the API's names are case-sensitive." if alike else ""
        scheme = " (the header scheme wants an agent in each row)" if AGENT in missing else ""
        raise InputError(f"The data has no column {' and no column '.join(missing)}{scheme}.{hint}")


def encode(batch: Batch, *, agent_in_row: bool) -> tuple[list[Row], list[InvalidRow]]:
    """Return a batch's rows as the API takes them, and those it cannot take.

    A missing or empty value is left out, so it neither sets nor clears the field. So are the columns that a dead letter
    adds, and pandas' unnamed index in a Parquet file.

    :param batch: columns that bear the API's names; any other is an extension field, a flat key beside the others.
    :param agent_in_row: header scheme: ``agentAccount`` goes into the row; else it says who signs.
    """
    problems = _Problems()
    columns = {
        name: _field(name, column, problems)
        for name, column in zip(batch.records.schema.names, batch.records.columns, strict=True)
        if name not in OWN_COLUMNS and not name.startswith(PANDAS_INDEX)
    }
    if AGENT in columns:
        problems.note(pc.is_null(columns[AGENT]), NO_AGENT)
    agents = columns[AGENT] if agent_in_row else columns.pop(AGENT, None)
    signers = [None] * batch.records.num_rows if agent_in_row or agents is None else agents.to_pylist()
    bodies = _encoded(columns)
    rows = [
        Row(batch.start + index, body, signer, batch)
        for index, (body, signer) in enumerate(zip(bodies, signers, strict=True))
        if index not in problems.by_index
    ]
    invalid = [
        InvalidRow(batch.start + index, tuple(reasons), batch) for index, reasons in sorted(problems.by_index.items())
    ]
    return rows, invalid


def has_side_effects(row: Row) -> bool:
    """Say whether sending this row twice may do harm."""
    # Another key could end like it, so what looks like the key is looked at again.
    return _SIDE_EFFECT_KEY in row.body and SIDE_EFFECT in msgspec.json.decode(row.body)


def _encoded(columns: dict[str, pa.Array]) -> Iterable[bytes]:
    names = tuple(columns)
    for values in zip(*(column.to_pylist() for column in columns.values()), strict=True):
        yield msgspec.json.encode({name: value for name, value in zip(names, values, strict=True) if value is not None})


def _field(name: str, column: pa.Array, problems: _Problems) -> pa.Array:
    if pa.types.is_dictionary(column.type) and pa.types.is_floating(column.type.value_type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        problems.note(pc.is_inf(column), NOT_A_NUMBER)
    if name in TAGS and is_list(column.type):
        problems.note(_has_comma(column), COMMA_IN_TAG)
    text = as_text(column)
    checked = _CHECKS.get(name)
    return checked(text, problems) if checked else text


def _has_comma(tags: pa.Array) -> pa.Array:
    parents = pc.list_parent_indices(tags)
    guilty = parents.filter(pc.fill_null(pc.match_substring(as_text(pc.list_flatten(tags)), ","), False))
    return pc.is_in(pa.array(range(len(tags)), parents.type), guilty)


def _number(text: pa.Array, problems: _Problems) -> pa.Array:
    digits = pc.utf8_normalize(text, form="NFKC")  # full-width digits become ASCII
    digits = pc.replace_substring_regex(digits, r"\.0+$|\(0\)", "")  # a float's end; a prefix dialled within a country
    digits = pc.replace_substring_regex(digits, r"[\s().+\x{2010}-\x{2015}-]|\pZ|\p{Cf}", "")
    digits = pc.replace_substring_regex(digits, "^00", "")
    problems.note(pc.is_null(digits), NO_NUMBER)
    right = pc.match_substring_regex(digits, rf"^[0-9]{{{SHORTEST_NUMBER},{LONGEST_NUMBER}}}$")
    problems.note(pc.invert(right), BAD_NUMBER)
    return digits


def _birthday(text: pa.Array, problems: _Problems) -> pa.Array:
    padded = pc.replace_substring_regex(text, r"^([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})$", r"\1/0\2/0\3")
    padded = pc.replace_substring_regex(padded, r"/0([0-9]{2})", r"/\1")
    moments = pc.strptime(padded, format="%Y/%m/%d", unit="s", error_is_null=True)
    # 30 February is read as 1 March, so the date must also read back as it was.
    real = pc.fill_null(pc.equal(pc.strftime(moments, format="%Y/%m/%d"), padded), False)
    problems.note(pc.and_(pc.is_valid(text), pc.invert(real)), BAD_BIRTHDAY)
    return padded


_CHECKS: Final[dict[str, Callable[[pa.Array, _Problems], pa.Array]]] = {NUMBER: _number, BIRTHDAY: _birthday}
