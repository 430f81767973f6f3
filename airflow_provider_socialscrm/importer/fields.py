"""Columns to the API's fields: as text, by the rule of each field, with all that is wrong.

Every value the API takes is a string (contract 2.3). Whole columns are converted at a time, and a column that repeats
its values by those alone. What cannot be sent is found here, before any call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.birthdays import birthdays
from airflow_provider_socialscrm.importer.causes import COMMA_IN_TAG, NO_AGENT, ODD_SEX, ROUNDED_NUMBER
from airflow_provider_socialscrm.importer.checked import Checked, Column, Finding
from airflow_provider_socialscrm.importer.cleaning import clean
from airflow_provider_socialscrm.importer.mapping import AGENT, BIRTHDAY, NUMBER, SEX, TAGS, Field
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.phones import whatsapp_numbers
from airflow_provider_socialscrm.importer.text import MIXED, as_text, is_list, trimmed, untrimmed
from airflow_provider_socialscrm.importer.values import readable, rows_with, unsendable

SEXES: Final = ("unknown", "male", "female")
"""What the vendor documents (contract 2.3); in other languages of its console it may know other words."""

SAMPLE: Final = 512
"""Rows looked at to see whether a column repeats its values."""

REPEATED: Final = 4
"""How often each value stands in the sample, on average, for the column to be converted by its distinct values."""

EXACT_FLOAT32: Final = 2.0**24
"""From here on a 32-bit float no longer holds every integer, so a phone number in one has lost digits."""


def check_field(field: Field, column: pa.Array, rules: Rules) -> Column:
    """Return a field's texts, null where a row leaves the field out, and what is wrong with them.

    :param field: which one, and what becomes of rows without a value.
    :param column: the column it is made of, of any type.
    :param rules: the user's.
    """
    distinct = _distinct(column)
    if distinct is None:
        return Column(field.name, _check(field, column, rules))
    return Column(field.name, _check(field, distinct.dictionary, rules), distinct.indices)


def _distinct(column: pa.Array) -> pa.DictionaryArray | None:
    """Return a column that repeats its values as a dictionary of them, in which a missing one is a value, too."""
    if pa.types.is_dictionary(column.type):
        if column.null_count == 0:
            return column
        values = pa.concat_arrays([column.dictionary, pa.nulls(1, column.dictionary.type)])
        return pa.DictionaryArray.from_arrays(pc.fill_null(column.indices.cast(pa.int64()), len(values) - 1), values)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or len(column) < SAMPLE:
        return None
    if len(column[:SAMPLE].unique()) * REPEATED > SAMPLE:
        return None
    return pc.dictionary_encode(column, null_encoding="encode")


def _check(field: Field, column: pa.Array, rules: Rules) -> Checked:
    column = readable(column)
    text = clean(untrimmed(column))
    if field.default is not None:
        text = pc.fill_null(text, field.default)
    rule = _RULES.get(field.name)
    checked = rule(text, rules) if rule else Checked(text)
    of_type = (*unsendable(column), *_lost_by_type(field.name, column))
    text = pc.fill_null(checked.text, "") if field.send_empty else checked.text
    return Checked(text, (*of_type, *checked.problems), checked.remarks)


def _lost_by_type(name: str, column: pa.Array) -> tuple[Finding, ...]:
    if name in TAGS and column.type.equals(MIXED):
        return _lost_by_type(name, column.flatten()[MIXED.get_field_index("socialscrm_list")])
    if name in TAGS and is_list(column.type):
        return ((COMMA_IN_TAG, rows_with(column, pc.match_substring(as_text(pc.list_flatten(column)), ","))),)
    if name == NUMBER and (pa.types.is_float32(column.type) or pa.types.is_float16(column.type)):
        return ((ROUNDED_NUMBER, pc.greater_equal(pc.cast(column, pa.float64()), EXACT_FLOAT32)),)
    return ()


def _number(text: pa.Array, rules: Rules) -> Checked:
    return whatsapp_numbers(text, rules.default_region)


def _birthday(text: pa.Array, rules: Rules) -> Checked:
    return birthdays(text, rules.dayfirst, datetime.now(UTC).date())


def _agent(text: pa.Array, rules: Rules) -> Checked:  # noqa: ARG001 - all rules are called alike
    return Checked(text, ((NO_AGENT, pc.is_null(text)),))


def _sex(text: pa.Array, rules: Rules) -> Checked:  # noqa: ARG001
    lower = pc.utf8_lower(text)
    known = pc.is_in(lower, pa.array(SEXES))
    odd = pc.and_(pc.is_valid(text), pc.invert(known))
    return Checked(pc.if_else(known, lower, text), remarks=((ODD_SEX, odd),))


def _tags(text: pa.Array, rules: Rules) -> Checked:  # noqa: ARG001
    if not pc.any(pc.match_substring(text, ",")).as_py():
        return Checked(text)
    names = pc.replace_substring_regex(text, r"[\s,]*,[\s,]*", ",")
    return Checked(trimmed(pc.replace_substring_regex(names, "^,|,$", "")))


_RULES: Final[dict[str, Callable[[pa.Array, Rules], Checked]]] = {
    NUMBER: _number,
    AGENT: _agent,
    SEX: _sex,
    BIRTHDAY: _birthday,
} | dict.fromkeys(TAGS, _tags)
