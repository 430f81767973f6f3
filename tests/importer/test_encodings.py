"""A text in another encoding is recognised where that is safe, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.encodings import is_utf_16, likely_encoding

CHINESE = "8615266667780,王伟,老客户\n"
GERMAN = "8615266667780,Müller,Größe\n"
RUSSIAN = "8615266667780,Иванов,Петр\n"
HEADER = "whatsApp,agentAccount\n"


@pytest.mark.parametrize(
    ("sample", "tried", "named"),
    [
        (CHINESE.encode("gb18030"), "utf-8", "gb18030"),
        (CHINESE.encode("gb18030")[:18], "utf-8", "gb18030"),  # ends within a character
        (GERMAN.encode("cp1252"), "utf-8", "cp1252"),
        (GERMAN.encode("cp1252"), "utf-16", "cp1252"),
        (b"Ren\xe9", "utf-8", "cp1252"),
        (CHINESE.encode("utf-16"), "utf-8", "utf-16"),
        (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-8", "utf-16"),
        (HEADER.encode("utf-16-le"), "utf-8", "utf-16-le"),
        (HEADER.encode("utf-16-be"), "cp1252", "utf-16-be"),
        ((HEADER + CHINESE * 99).encode("utf-16-le"), "utf-8", "utf-16-le"),
        (CHINESE.encode(), "gb18030", "utf-8"),
        (CHINESE.encode(), "ascii", "utf-8"),
    ],
)
def test_an_encoding_that_a_text_is_written_in_is_named(sample, tried, named):
    advice = likely_encoding(sample, tried)
    assert advice is not None
    assert advice.endswith(f": set encoding={named!r}.")


@pytest.mark.parametrize(
    "sample",
    [
        RUSSIAN.encode("cp1251"),
        "8615266667780,Παπαδόπουλος\n".encode("cp1253"),
        "8615266667780,山田タロウ\n".encode("shift-jis"),
        b"8615266667780,\x81\x00\xff\xfe\n",
        b"\xe9",
    ],
)
def test_no_encoding_is_named_where_the_text_would_come_out_as_nonsense(sample):
    assert likely_encoding(sample, "utf-8") is None


def test_the_encoding_that_was_tried_is_not_named_again():
    assert likely_encoding(GERMAN.encode("cp1252"), "windows-1252") is None


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (HEADER.encode("utf-16"), True),
        (HEADER.encode("utf-16-le"), True),
        (HEADER.encode("utf-16-be"), True),
        ("whatsApp,备注".encode("utf-16-le"), True),
        (HEADER.encode(), False),
        (b"whatsApp\0,b\n", False),
        (b"\0\n", False),
        (b"\0" * 64, False),
        (b"", False),
    ],
)
def test_utf_16_is_told_from_a_text_with_zeros(sample, expected):
    assert is_utf_16(sample) is expected


@given(st.binary(), st.sampled_from(["utf-8", "gb18030", "utf-16", "cp1252"]))
def test_any_bytes_may_be_looked_at(sample, tried):
    advice = likely_encoding(sample, tried)
    assert advice is None or advice.startswith("It looks like ")
