from __future__ import annotations

import pytest

from airflow_provider_socialscrm.sandbox.signatures import (
    body_token,
    create_time_seconds,
    header_token,
    is_same,
    timestamp_seconds,
)

KEY = "QOEAcPj6Tb8XRhwFvYih"


def test_the_body_token_of_the_source_documents_example():
    assert body_token("1", "WhatsApp", "2023-06-01 12:12:12", KEY) == "d5b3aedbd8fad73eb71016d2dc5450eb"


def test_the_header_token_is_the_md5_of_tenant_timestamp_and_key():
    assert header_token("1", "1685592732000", KEY) == "b1604a93937a8d1252ca4e79d0505035"


def test_tokens_are_compared_exactly_and_any_text_may_be_compared():
    assert is_same("ab", "ab")
    assert not is_same("AB", "ab")
    assert not is_same("\N{SNOWMAN}", "ab")


@pytest.mark.parametrize(
    ("text", "zone", "seconds"),
    [
        ("2023-06-01 12:12:12", "Asia/Shanghai", 1685592732.0),
        ("2023-06-01 12:12:12", "UTC", 1685621532.0),
        ("2023-6-1 12:12:12", "UTC", None),
        ("2023-06-01T12:12:12", "UTC", None),
        ("2023-06-31 12:12:12", "UTC", None),
        ("", "UTC", None),
    ],
)
def test_create_time_is_read_in_its_zone_and_only_in_its_one_format(text, zone, seconds):
    assert create_time_seconds(text, zone) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1685592732000", 1685592732.0),
        ("1685592732.0", None),
        ("-1", None),
        ("", None),
        ("\N{ARABIC-INDIC DIGIT ONE}", None),
        ("9" * 5000, None),
    ],
)
def test_a_timestamp_is_whole_milliseconds(text, seconds):
    assert timestamp_seconds(text) == seconds
