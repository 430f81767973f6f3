"""Convert columns to texts by the rules of their fields, and find all values that cannot be sent.

The API takes only strings (vendor API 3.2). Whole columns are converted at once, and of a column that repeats its
values only the distinct ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.api.customers import AGENT, BIRTHDAY, NEVER_EMPTY, NUMBER, SEX, TAGS
from airflow_provider_socialscrm.importer.columns.cleaning import clean, clean_text
from airflow_provider_socialscrm.importer.columns.findings import FieldColumn, Finding, RuleResult
from airflow_provider_socialscrm.importer.columns.null_words import null_words, without
from airflow_provider_socialscrm.importer.columns.rounded_numbers import Precision
from airflow_provider_socialscrm.importer.columns.text import MIXED, as_raw_text, as_text, is_list, value_as_text
from airflow_provider_socialscrm.importer.columns.values import (
    as_utf8,
    inexact,
    rounded,
    rows_with,
    unsendable,
    whole_floats,
)
from airflow_provider_socialscrm.importer.fields.birthdays import birthdays, dates
from airflow_provider_socialscrm.importer.fields.mapping import Field
from airflow_provider_socialscrm.importer.fields.phones import whatsapp_numbers
from airflow_provider_socialscrm.importer.fields.sexes import sexes
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.fields.tags import tags
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.reasons import (
    COMMA_IN_TAG,
    INEXACT_NUMBER,
    NO_AGENT,
    NULL_WORD,
    ROUNDED_NUMBER,
    Reason,
)

WITHOUT_IT: Final = "The row is sent without it."
"""Hint for a value that is omitted because it cannot be sent."""

SAMPLE: Final = 512
"""Rows to look at to see whether a column repeats its values."""

REPEATED: Final = 4
"""How often each value must occur in the sample, on average, for the distinct values to be converted instead."""


def check_field(field: Field, column: pa.Array, rules: Rules, facts: TableFacts) -> FieldColumn:
    """Return a field's texts, with null where a row leaves the field out, and their problems and remarks.

    :param field: the field.
    :param column: its column, of any type.
    :param rules: the user's rules.
    :param facts: facts about the whole table.
    """
    distinct = _distinct(column)
    if distinct is None:
        return FieldColumn(field.name, _check(field, column, rules, facts))
    return FieldColumn(field.name, _check(field, distinct.dictionary, rules, facts), distinct.indices)


def _distinct(column: pa.Array) -> pa.DictionaryArray | None:
    """Return a column that repeats its values as a dictionary, in which a missing value is one, too."""
    if pa.types.is_dictionary(column.type):
        # Only the values that occur: the dictionary of a slice has those of the whole table.
        used = column.indices.cast(pa.int64()).dictionary_encode(null_encoding="encode")
        return pa.DictionaryArray.from_arrays(used.indices, column.dictionary.take(used.dictionary))
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or len(column) < SAMPLE:
        return None
    if len(column[:SAMPLE].unique()) * REPEATED > SAMPLE:
        return None
    return pc.dictionary_encode(column, null_encoding="encode")


def _check(field: Field, column: pa.Array, rules: Rules, facts: TableFacts) -> RuleResult:
    column = as_utf8(column)
    own = clean(as_raw_text(column))
    if field.name == SEX:
        facts.observe_sexes(own)
    text = _replaced(without(own, rules.null_values), rules.values.get(field.name, {}))
    words = None if field.name == NUMBER else null_words(text)  # the rule for numbers does so itself
    has_form = field.name in _RULES_WITH_FORM or field.name in rules.date_fields
    if has_form and words is not None:  # a word cannot be a value here, so it is a missing one
        text = _blanked(text, words)
    if field.default is not None:
        text = pc.fill_null(text, field.default)
    checked = _rule_of(field.name, column, rules, facts)(text)
    problems = _with_type(field.name, checked.problems, _of_type(field.name, column, own, text, facts))
    text = pc.fill_null(checked.text, "") if field.send_empty else checked.text
    remarks = (*_remarks(field.name, column, words, sent=not has_form), *checked.remarks)
    found = RuleResult(text, problems, remarks)
    return _without_bad(field.name, found) if rules.bad_values == "omit" and field.name not in NEVER_EMPTY else found


def _of_type(name: str, column: pa.Array, own: pa.Array, text: pa.Array, facts: TableFacts) -> tuple[Finding, ...]:
    """Return the problems that values have by their type, except those that the user's ``values`` replace."""
    found = [each for each in (*unsendable(column), *_lost_by_type(name, column, own, facts)) if each[1].true_count]
    if not found:
        return ()
    as_it_was = pc.fill_null(pc.equal(text, own), False)
    return tuple((reason, pc.and_(mask, as_it_was)) for reason, mask in found)


def _with_type(name: str, problems: tuple[Finding, ...], of_type: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if of_type and name == NUMBER:  # a number with lost digits has no other problem worth reporting
        lost = reduce(pc.or_, (mask for _, mask in of_type))
        problems = tuple((reason, pc.and_not(mask, lost)) for reason, mask in problems)
    return (*of_type, *problems)


def _replaced(text: pa.Array, values: Mapping[Any, Any]) -> pa.Array:
    """Return texts with the user's replacements."""
    texts = {
        clean_text(value_as_text(key) or ""): clean_text(value_as_text(value) or "") for key, value in values.items()
    }
    at = pc.index_in(text, pa.array(list(texts), pa.string())) if texts else None
    if at is None or at.null_count == len(at):
        return text
    replaced = pa.array([value or None for value in texts.values()], pa.string()).take(at)
    return pc.if_else(pc.is_valid(at), replaced, text)


def _rule_of(name: str, column: pa.Array, rules: Rules, facts: TableFacts) -> Callable[[pa.Array], RuleResult]:
    if name == NUMBER:
        return lambda text: whatsapp_numbers(text, rules.default_region, rules.ambiguous_numbers, facts.precision)
    if name == SEX:
        return lambda text: sexes(text, facts.sex_letters)
    if name == BIRTHDAY:
        return lambda text: birthdays(text, rules.dayfirst, facts.today)
    if name in rules.date_fields:
        return lambda text: dates(text, rules.dayfirst)
    if name in TAGS:
        return lambda text: tags(text, _lists(column))
    return _RULES.get(name, RuleResult)


def _blanked(text: pa.Array, rows: pa.Array) -> pa.Array:
    # Not if_else: before Arrow 24 it corrupts a slice of strings when it writes nulls.
    return pc.replace_with_mask(text, rows, pa.scalar(None, text.type)) if rows.true_count else text


def _lists(column: pa.Array) -> pa.Array | None:
    """Return which rows hold a list, in a column of lists or of mixed types."""
    if column.type.equals(MIXED):
        return pc.is_valid(column.flatten()[MIXED.get_field_index("socialscrm_list")])
    return pc.is_valid(column) if is_list(column.type) else None


def _remarks(name: str, column: pa.Array, words: pa.Array | None, *, sent: bool) -> tuple[Finding, ...]:
    if name in NEVER_EMPTY or words is None:
        return ()
    word = NULL_WORD if sent else replace(NULL_WORD, hint="It is treated as a missing value.")
    return ((_of_field(name, word), words), (_of_field(name, INEXACT_NUMBER), inexact(column)))


def _without_bad(name: str, checked: RuleResult) -> RuleResult:
    """Return the texts without those that cannot be sent, with a remark for each reason."""
    text = checked.text
    for _, mask in checked.problems:
        text = _blanked(text, pc.fill_null(mask, False))
    omitted = [(_of_field(name, replace(reason, hint=WITHOUT_IT)), mask) for reason, mask in checked.problems]
    return RuleResult(text, (), (*omitted, *checked.remarks))


def _of_field(name: str, reason: Reason) -> Reason:
    return reason if reason.meaning.startswith(f"{name} ") else replace(reason, meaning=f"{name}: {reason.meaning}")


def _lost_by_type(name: str, column: pa.Array, text: pa.Array, facts: TableFacts) -> tuple[Finding, ...]:
    if name in TAGS and column.type.equals(MIXED):
        return _lost_by_type(name, column.flatten()[MIXED.get_field_index("socialscrm_list")], text, facts)
    if name in TAGS and is_list(column.type):
        return ((COMMA_IN_TAG, rows_with(column, pc.match_substring(as_text(pc.list_flatten(column)), ","))),)
    if name == NUMBER:
        return (
            (ROUNDED_NUMBER, pc.or_(rounded(column), _rounded_before(text, whole_floats(column), facts.precision))),
        )
    return ()


def _rounded_before(digits: pa.Array, floats: pa.Array, of_table: Precision | None) -> pa.Array:
    if not floats.true_count:
        return floats
    precision = of_table or Precision()
    if of_table is None or of_table.observing:
        precision.observe_floats(digits.filter(floats).drop_null())
    return pc.and_(floats, precision.rounded(digits))


def _agent(text: pa.Array) -> RuleResult:
    return RuleResult(text, ((NO_AGENT, pc.is_null(text)),))


_RULES: Final[dict[str, Callable[[pa.Array], RuleResult]]] = {AGENT: _agent}

_RULES_WITH_FORM: Final = (NUMBER, AGENT, BIRTHDAY, SEX)
"""Fields in which a word such as NULL cannot be a value."""
