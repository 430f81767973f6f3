"""Convert WhatsApp numbers, as people write them, to the vendor's form: digits only, the country code first.

Additions by programs are removed. A number that lost digits and a cell with two numbers are rejected. The result is
digits, with or without a plus, and :mod:`.readings` decides which number they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from unicodedata import decimal

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.findings import Finding, RuleResult
from airflow_provider_socialscrm.importer.columns.null_words import null_words
from airflow_provider_socialscrm.importer.columns.rounded_numbers import Precision
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.reasons import (
    BAD_NUMBER,
    LONGEST_NUMBER,
    NATIONAL_NUMBER,
    NO_NUMBER,
    NO_PERSON,
    NUMBER_NOT_IN_USE,
    ROUNDED_NUMBER,
    SHORTEST_NUMBER,
    ambiguous_number,
    fixed_line,
    taken_number,
)

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.fields.country_codes import Flags

LONGEST_ENDING: Final = 4
"""Digits of an extension, or of the end of a second number: 0812 345 678/9, +852 9123 4567-8."""

LONGEST_SURE_ENDING: Final = 2
"""Digits of an ending that is not a group of the number, unless the library writes the number so."""

LONGEST_CELL: Final = 64
"""Characters of a cell with one number, in any notation."""

LONGEST_AREA: Final = 7
"""Digits of a country code and an area code, which may precede a slash: +49 33056/12345."""

_SENDABLE: Final = rf"^[1-9][0-9]{{{SHORTEST_NUMBER - 1},{LONGEST_NUMBER - 1}}}$"
_NATIONAL: Final = rf"^\+?(?:00)?0[0-9]{{{SHORTEST_NUMBER - 1},{LONGEST_NUMBER - 1}}}$"
_WITH_CODE: Final = rf"^(?:\+|00)?[0-9]{{{SHORTEST_NUMBER},{LONGEST_NUMBER}}}$"
_DIALLABLE: Final = rf"^\+?[0-9]{{{SHORTEST_NUMBER - 3},{LONGEST_NUMBER}}}$"
"""A number that may be dialled within a region, where it may lack its country code of up to three digits."""

_MARK: Final = r"^(?:\+|00)"
"""What says that a country code follows."""

_DIGITS: Final = r"^\+?[0-9]+$"
_SPACED: Final = r"^\+?[0-9][-0-9 ()]*$"
"""Digits in groups, as most people write them, without additions."""

_NOTHING: Final = r"\b\B"
"""A pattern that matches nothing."""

_SCIENTIFIC: Final = r"^\+?[0-9]+(?:[.,][0-9]*)?[eE]\+?0*[0-9]{1,2}$"
_WHOLE_FLOAT: Final = rf"^(?:(\+?[0-9]{{{SHORTEST_NUMBER},}})[.,]0+|(\+?[0-9]+)[.,]0)$"
_FRACTION: Final = rf"^\+?[0-9]{{{SHORTEST_NUMBER},}}\.[0-9]+$"
"""A number with a fraction. After fewer digits a dot separates groups, as in 86152.66667780."""

_ADDED: Final = (
    (r"^=?\"(.*)\"$", r"\1"),  # ="86..." keeps a spreadsheet from computing
    (r"^['`\x{2019}\x{2018}\x{00B4}]+", ""),  # '86... does, too
    (r"(?i)^(?:https?://)?(?:www\.)?wa\.me/\+?([0-9]+)/?(?:\?.*)?$", r"+\1"),
    (r"(?i)^(?:https?://(?:api|web)\.whatsapp\.com/|whatsapp://)send/?\?phone=(?:\+|%2B)?([0-9]+)(?:&.*)?$", r"+\1"),
    (r"(?i)^\+?([0-9]+)(?:[.:_][0-9]+)*@(?:s\.whatsapp\.net|c\.us)$", r"+\1"),  # .1:2 is a device
    (r"(?i)^whatsapp:\s*\+?([0-9]+)$", r"+\1"),
    (r"^-([0-9])", r"?\1"),  # a negative number is not a phone number
    (r"(?i)^(?:p|tel|phone|mobile|sms|whatsapp):(?://)?\s*", ""),
)
"""Additions of programs around a number, and their replacements. WhatsApp's own forms always have the country code."""

_OTHER_ID: Final = r"(?i)@(?:g\.us|lid|hosted\.lid|broadcast|newsletter|status)$"
"""Endings of WhatsApp's ids for groups, hidden accounts, lists and channels."""

_SEPARATORS: Final = r"[\s\pZ\p{Pd}\p{Ps}\p{Pe}./\x{2212}\x{30FC}]+"
"""Blanks, dashes, brackets, dots and slashes. People also type the minus and the long vowel mark as dashes."""

_TRUNK_ZERO: Final = r"\(\s*0\s*\)"
"""A zero as in +44 (0)20, which is dialled within the country and left out from abroad."""

_PLUS: Final = r"^(?:\++(?:00)?([0-9]+)|([0-9]+)\+)$"
"""A plus before the digits, or after them in text that runs from right to left."""

_SPOILT: Final = "?"
"""A character that is neither a digit nor a separator, which makes a text not a number."""

_MAY_BE_TWO: Final = (
    rf"/|[^0-9][0-9]{{1,{LONGEST_ENDING}}}$|[)\]}}]$|[0-9]{{{SHORTEST_NUMBER},}}[^0-9]+[0-9]{{{SHORTEST_NUMBER},}}"
)
_BRACKETED_END: Final = re.compile(r"[(\[{]\s*[0-9]+\s*[)\]}]\s*$")


def whatsapp_numbers(
    text: pa.Array, region: str | None = None, ambiguous: str = "reject", precision: Precision | None = None
) -> RuleResult:
    """Return a column of phone numbers as digits, country code first; a number that cannot be sent has one reason.

    A number with ``+`` or ``00`` is international: without a region the code must exist, the length be possible in that
    country, and no trunk zero follow. Without a region any other number must be valid as it begins with its country
    code, since nothing but the plan shows that it has one. With a region it may also be written as dialled there; only
    readings that are valid numbers count, and mobiles win over fixed lines. A number of North America that can be a
    mobile as dialled in China, too, is ambiguous, unless the region is in North America.

    :param text: strings, trimmed, without control characters; null where the row has no value.
    :param region: two letters of the country whose numbers may lack their country code, see :func:`check_region`.
    :param ambiguous: how to treat a number with two equal readings: ``reject`` it, or take the ``national`` or the
        ``international`` reading with a remark. Without a region ``international`` says that every number begins with
        its country code, as those with a plus do.
    :param precision: the digits of the whole table's numbers; ``None`` takes those of the column.
    """
    if region is None and _are_numbers(text, ambiguous):
        return RuleResult(text, ((NO_NUMBER, pc.is_null(text)),))
    plain = pc.fill_null(pc.match_substring_regex(text, _DIGITS), False)
    missing = pc.or_(pc.is_null(text), null_words(text))
    rest = pc.and_not(pc.invert(plain), missing)
    parts = (
        (plain, _numbers(text.filter(plain), region, ambiguous)),
        (rest, _untangled(text.filter(rest), region, ambiguous, precision)),
    )
    numbers, nowhere = pa.nulls(len(text), pa.string()), pc.and_not(missing, True)
    problems, remarks = [(NO_NUMBER, missing)], list[Finding]()
    for rows, checked in parts:
        numbers = pc.replace_with_mask(numbers, rows, checked.text)
        problems += [(reason, pc.replace_with_mask(nowhere, rows, mask)) for reason, mask in checked.problems]
        remarks += [(reason, pc.replace_with_mask(nowhere, rows, mask)) for reason, mask in checked.remarks]
    return RuleResult(numbers, tuple(problems), tuple(remarks))


def check_reading(region: str | None, ambiguous: str) -> None:
    """Check that numbers can be read by what a user chose.

    :param region: two letters, by ISO 3166; ``None`` if each number has its country code.
    :param ambiguous: how to treat a number with two equal readings.
    :raises InputError: saying what to write instead.
    """
    if region is not None:
        check_region(region)
    elif ambiguous == "national":
        raise InputError(
            "ambiguous_numbers is 'national', but no country is given: set default_region to the country that the "
            "numbers without a country code belong to."
        )


def check_region(region: str) -> None:
    """Check that a region has a numbering plan.

    :param region: two letters, by ISO 3166.
    :raises InputError: saying what to write instead.
    """
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - heavy, and not needed without a region

    if region not in SUPPORTED_REGIONS:
        raise InputError(
            f"default_region is {region!r}, which has no numbering plan: write a country's two letters, as in 'CN' or "
            "'DE'."
        )


def _are_numbers(text: pa.Array, ambiguous: str) -> bool:
    """Return whether all texts are digits with a country code, as in most tables."""
    present = text.drop_null()
    fits = pc.match_substring_regex(present, _SENDABLE)
    return fits.true_count == len(present) and bool(_are_sure(present, marked=ambiguous == "international").all())


def _are_sure(digits: pa.Array, *, marked: bool) -> Flags:
    """Return which digits can be nothing but a number with its country code.

    :param digits: that can be sent.
    :param marked: whether something says that the country code is there. The length decides then, because numbering
        plans grow faster than the library's metadata.
    """
    from airflow_provider_socialscrm.importer.fields.country_codes import have_possible_lengths  # noqa: PLC0415 - heavy
    from airflow_provider_socialscrm.importer.fields.valid_numbers import are_surely_valid  # noqa: PLC0415 - heavy

    return have_possible_lengths(pc.cast(digits, pa.int64())) if marked else are_surely_valid(digits)


def _untangled(text: pa.Array, region: str | None, ambiguous: str, precision: Precision | None) -> RuleResult:
    tangled = pc.invert(pc.match_substring_regex(text, _SPACED))
    cleared, lost = _tidied(text.filter(tangled), precision)
    tidy = pc.replace_with_mask(text, tangled, cleared)
    rounded = pc.replace_with_mask(pc.and_not(tangled, True), tangled, lost)
    other_id = pc.match_substring_regex(tidy, _OTHER_ID)
    single = _each(tidy, _MAY_BE_TWO, lambda value: _SPOILT if _is_two_numbers(value, region) else value)
    before = ((NO_PERSON, other_id), (ROUNDED_NUMBER, pc.and_not(rounded, other_id)))
    return _numbers(_written(single, "0"), region, ambiguous, before, again=_without_zero(single))


def _numbers(
    written: pa.Array,
    region: str | None,
    ambiguous: str,
    before: tuple[Finding, ...] = (),
    again: pa.Array | None = None,
) -> RuleResult:
    """Return the numbers that digits are, with at most one problem for each row.

    :param written: digits, with or without a plus; a text with other characters is not a number.
    :param before: problems that were found before.
    :param again: the same without an optional zero, for texts that are not a number with it.
    """
    numbers, countries, fixed = _read(written, region, ambiguous)
    if again is not None and again.null_count < len(again):
        numbers, countries, fixed = map(pc.coalesce, (numbers, countries, fixed), _read(again, region, ambiguous))
    for _, mask in before:
        numbers, countries = (pc.if_else(mask, pa.scalar(None, pa.string()), each) for each in (numbers, countries))
    doubts, taken = _in_two_countries(numbers, countries, region, ambiguous)
    dialled = pc.and_(pc.fill_null(fixed, False), pc.is_valid(numbers))
    remarks = ((fixed_line(region), dialled),) if region is not None and dialled.true_count else ()
    settled = pc.or_(pc.is_valid(numbers), pc.is_valid(countries))
    for _, mask in before:
        settled = pc.or_(settled, mask)
    return RuleResult(numbers, (*before, *_unread(written, region, settled), *doubts), (*taken, *remarks))


def _in_two_countries(
    numbers: pa.Array, countries: pa.Array, region: str | None, ambiguous: str
) -> tuple[list[Finding], list[Finding]]:
    """Return why the rows are not sent whose number has two readings, and remarks on those where one was chosen."""
    from airflow_provider_socialscrm.importer.fields.phone_readings import is_between_others  # noqa: PLC0415 - heavy

    doubts, taken = list[Finding](), list[Finding]()
    for pair in countries.drop_null().unique().to_pylist():
        rows = pc.fill_null(pc.equal(countries, pair), False)
        chosen = pc.and_(rows, pc.is_valid(numbers))
        others = is_between_others(pair, region)
        doubts.append((ambiguous_number(pair, region, is_between_others=others), pc.and_not(rows, chosen)))
        taken.append((taken_number(pair, ambiguous), chosen))
    return [each for each in doubts if each[1].true_count], [each for each in taken if each[1].true_count]


def _unread(written: pa.Array, region: str | None, settled: pa.Array) -> tuple[Finding, ...]:
    """Return the reasons of the rows that are neither numbers nor have a problem yet."""
    if settled.true_count == len(settled):
        return ()
    national = pc.match_substring_regex(written, _NATIONAL if region is None else _NOTHING)
    unused = pc.and_not(pc.match_substring_regex(written, _WITH_CODE if region is None else _DIALLABLE), national)
    bad = pc.and_not(pc.invert(national), unused)
    reasons = ((NATIONAL_NUMBER, national), (NUMBER_NOT_IN_USE, unused), (BAD_NUMBER, bad))
    return tuple((reason, pc.and_not(mask, settled)) for reason, mask in reasons)


def _read(written: pa.Array, region: str | None, ambiguous: str) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the numbers, null where there is none, the countries of those with two readings, and the fixed lines.

    The latter are numbers that are written as they are dialled in the region, and can only be fixed lines there.
    """
    from airflow_provider_socialscrm.importer.fields.phone_readings import read_number  # noqa: PLC0415 - heavy

    numbers, dialled = pa.nulls(len(written), pa.string()), pc.match_substring_regex(written, _DIGITS)
    if region is None:
        numbers = _with_code(written, ambiguous)
        dialled = pc.and_(dialled, pc.is_null(numbers))
    others = pc.if_else(dialled, written, pa.scalar(None, pa.string())).dictionary_encode()
    read = [read_number(value, region, ambiguous) for value in others.dictionary.to_pylist()]
    types = (pa.string(), pa.string(), pa.bool_())
    parts = (pa.array([each[part] for each in read], kind) for part, kind in enumerate(types))
    found, countries, fixed = (part.take(others.indices) for part in parts)
    numbers = pc.coalesce(numbers, found)
    fits = pc.match_substring_regex(numbers, _SENDABLE)
    return pc.if_else(fits, numbers, pa.scalar(None, pa.string())), countries, fixed


def _with_code(written: pa.Array, ambiguous: str) -> pa.Array:
    """Return the digits of the numbers that begin with their country code for sure, null for all others."""
    mark = pc.match_substring_regex(written, _MARK)
    digits = pc.replace_substring_regex(written, _MARK, "")
    fits = pc.fill_null(pc.match_substring_regex(digits, _SENDABLE), False)
    for marked in (True, False):
        rows = pc.and_(fits, pc.equal(mark, marked))
        sure = pa.array(_are_sure(digits.filter(rows), marked=marked or ambiguous == "international"))
        fits = pc.replace_with_mask(fits, rows, sure)
    return pc.if_else(fits, digits, pa.scalar(None, pa.string()))


def _tidied(text: pa.Array, of_table: Precision | None) -> tuple[pa.Array, pa.Array]:
    """Return texts with ASCII digits and without additions of programs, and a mask of those that lost digits."""
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pc.replace_substring_regex(text, r"\p{No}", _SPOILT)  # the ² of a footnote is not a digit
        text = pc.utf8_normalize(text, form="NFKC")  # full-width digits and signs become ASCII
        text = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"\p{Cf}", ""))
        text = _each(text, r"[^0-9\P{Nd}]", _ascii_digits)
    for added, instead in _ADDED:
        text = pc.replace_substring_regex(text, added, instead)
    text = pc.utf8_trim_whitespace(text)
    precision = of_table or Precision()
    if of_table is None or of_table.observing:
        precision.observe_scientific(text.filter(pc.match_substring_regex(text, _SCIENTIFIC)).unique().to_pylist())
    text = _each(text, _SCIENTIFIC, lambda value: precision.digits_of(value) or value)
    cut, floats = (pc.match_substring_regex(text, pattern) for pattern in (_SCIENTIFIC, _WHOLE_FLOAT))
    text = pc.replace_substring_regex(text, _WHOLE_FLOAT, r"\1\2")
    if of_table is None or of_table.observing:
        precision.observe_floats(text.filter(floats))
    rounded = pc.or_(cut, pc.and_(floats, precision.rounded(text)))
    return pc.replace_substring_regex(text, _FRACTION, _SPOILT), rounded


def _is_two_numbers(text: str, region: str | None) -> bool:
    """Return whether a cell may hold a second number or an extension, whose digits would change the first."""
    if len(text) > LONGEST_CELL:
        return True
    head, slash, tail = text.rpartition("/")
    if slash:
        area = re.sub(rf"^\D*00|{_TRUNK_ZERO}|\D", "", head)
        if len(area) > LONGEST_AREA or len(re.sub(r"\D", "", tail)) <= LONGEST_ENDING:
            return True
    if found := _BRACKETED_END.search(text):
        return len(re.sub(r"\D", "", text[: found.start()])) >= SHORTEST_NUMBER
    groups = re.findall("[0-9]+", text)
    if sum(len(group) >= SHORTEST_NUMBER for group in groups) > 1:
        return True
    return _has_ending(text, groups, region)


def _has_ending(text: str, groups: list[str], region: str | None) -> bool:
    """Return whether the last group of digits does not belong to the number before it."""
    from airflow_provider_socialscrm.importer.fields.phone_readings import is_grouped_so, read_number  # noqa: PLC0415 - heavy

    if len(groups) <= 1:
        return False
    whole, ending = "".join(re.findall(r"\+|[0-9]", text)), len(groups[-1])
    if ending > LONGEST_ENDING or ending >= len(groups[-2]):
        return False
    if not any(read_number(whole[:-ending], region)):
        return False
    if ending > LONGEST_SURE_ENDING:  # as in 040 1234 567, which is one number
        return not any(read_number(whole, region)) or len(groups[-2]) - ending > LONGEST_SURE_ENDING
    return not is_grouped_so(whole, region, ending)


def _written(tidy: pa.Array, trunk_zero: str) -> pa.Array:
    """Return digits, with one plus before them if there was any; a text that is not a number has other characters."""
    text = pc.replace_substring_regex(tidy, _TRUNK_ZERO, trunk_zero)
    return pc.replace_substring_regex(pc.replace_substring_regex(text, _SEPARATORS, ""), _PLUS, r"+\1\2")


def _without_zero(tidy: pa.Array) -> pa.Array:
    """Return digits without a zero in brackets after the country code, and null for texts without such a zero."""
    behind = pc.match_substring_regex(tidy, rf"[0-9].*{_TRUNK_ZERO}")
    return pc.if_else(behind, _written(tidy, ""), pa.scalar(None, tidy.type))


def _each(text: pa.Array, pattern: str, rule: Callable[[str], str]) -> pa.Array:
    rows = pc.match_substring_regex(text, pattern)
    return pc.replace_with_mask(text, rows, pa.array(map(rule, text.filter(rows).to_pylist()), text.type))


def _ascii_digits(value: str) -> str:
    return "".join(str(decimal(character, character)) for character in value)
