"""Many numbers are checked at once as the library checks each, and counted by country."""

from __future__ import annotations

import random

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType

from airflow_provider_socialscrm.importer.fields.country_codes import codes_of, count_countries, country_code
from airflow_provider_socialscrm.importer.fields.phone_readings import OLD_FORMS
from airflow_provider_socialscrm.importer.fields.valid_numbers import FEW, are_surely_valid, count_fixed_lines

PLAIN_CODES = sorted(COUNTRY_CODE_TO_REGION_CODE.keys() - OLD_FORMS.keys() - {1})
"""Codes whose numbers have one form, and cannot be mobiles as they are dialled in China."""


def examples(code):
    """Return the library's examples of all kinds and regions of a country code, and random ends of each."""
    chance = random.Random(code)  # noqa: S311 - the same numbers in each run
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        for kind in PhoneNumberType.values():
            if region != "001" and (number := phonenumbers.example_number_for_type(region, kind)):
                national = phonenumbers.national_significant_number(number)
                yield national
                for kept in range(1, len(national), 2):
                    yield national[:kept] + "".join(chance.choices("0123456789", k=len(national) - kept))


def type_of(code, national):
    zeros = len(national) - len(national.lstrip("0"))
    return phonenumbers.number_type(
        phonenumbers.PhoneNumber(code, int(national), None, zeros > 0 or None, zeros or None)
    )


def test_no_number_is_taken_that_the_library_does_not_know():
    written = [(code, each) for code in PLAIN_CODES for each in examples(code) if 7 <= len(f"{code}{each}") <= 15]
    found = are_surely_valid(pa.array([f"{code}{each}" for code, each in written]))
    kinds = [type_of(code, each) for code, each in written]
    wrong = [
        each
        for each, is_valid, kind in zip(written, found, kinds, strict=True)
        if is_valid and kind == PhoneNumberType.UNKNOWN
    ]
    mobile = [is_valid for is_valid, kind in zip(found, kinds, strict=True) if kind == PhoneNumberType.MOBILE]
    assert wrong == []
    assert all(mobile)
    assert len(mobile) > 1_000


def test_few_and_many_numbers_are_checked_alike():
    written = pa.array(["8615266667780", "861526666778", "4915112345678", "12125550123", "13105550123", "5215512345678",
                        "553188881234", "553118881234", "494924423798509", "999123456789"])  # fmt: skip
    few = are_surely_valid(written)
    assert few.tolist() == [True, False, True, True, False, True, True, False, False, False]
    many = are_surely_valid(pa.concat_arrays([written] * FEW))
    assert many.reshape(FEW, -1).tolist() == [few.tolist()] * FEW


@pytest.mark.parametrize("count", [1, FEW])
def test_fixed_lines_are_numbers_that_can_be_nothing_else(count):
    lines = ["861065529988", "4930123456", "442079460958", "553133331234"]
    others = ["8615266667780", "14155552671", "525512345678", "5215512345678", "553188881234", "18005550000"]
    assert count_fixed_lines(np.array([int(each) for each in (lines + others) * count])) == len(lines) * count
    assert count_fixed_lines(np.empty(0, np.int64)) == 0


def test_numbers_are_counted_by_country():
    written = [
        "8615266667780",
        "8615266667781",
        "447911123456",
        "12125550123",
        "79161234567",
        "80012345678",
        "390612345678",
    ]
    keys = np.array([int(each) for each in written])
    assert codes_of(keys).tolist() == [int(country_code(each)) for each in written]
    assert count_countries(keys) == {"US or CA": 1, "RU or KZ": 1, "IT": 1, "GB": 1, "CN": 2, "+800": 1}
    assert count_countries(np.empty(0, np.int64)) == {}
