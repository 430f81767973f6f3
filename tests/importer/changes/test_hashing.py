"""Payloads and bytes of fields are the same in each release, or all customers would be sent again unannounced."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.changes import hashing
from airflow_provider_socialscrm.importer.changes.hashing import (
    field_bytes,
    fine_buckets,
    fractions,
    payload_texts,
    payloads,
)
from airflow_provider_socialscrm.importer.columns.cleaning import json_text

ROWS = {
    "whatsApp": ["8615266667780", "4915112345678", "525512345678"],
    "friendName": ["李小龙", 'Zoë "Z" Müller', None],
    "tabName": ["VIP,New", None, None],
    "welcome": ["Hello", None, "Hi"],
    "desc": ["two\nlines", None, None],
}
MEMBERS = [(name, json_text(pa.array(values, pa.string()))) for name, values in ROWS.items()]
ONCE = ("welcome", "desc")

GOLDEN = ["f9f5e9583ac8a9ff", "4dbcefa6373502d5", "2eb668669fdc4be3"]
GOLDEN_WITH_AGENTS = ["748e590af4d4322e", "f2ca2b6115bbcd17", "2eb668669fdc4be3"]
GOLDEN_BYTES = [89, 162, 0]


def in_hex(hashes) -> list[str]:
    return [f"{each:016x}" for each in hashes.tolist()]


def test_payloads_are_those_of_earlier_releases():
    texts = payload_texts(MEMBERS, ONCE)

    assert in_hex(payloads(texts)) == GOLDEN
    assert in_hex(payloads(texts, ["agent_wang", "agent_li", None])) == GOLDEN_WITH_AGENTS
    assert GOLDEN_WITH_AGENTS[2] == GOLDEN[2]


def test_bytes_of_fields_are_those_of_earlier_releases():
    assert field_bytes(MEMBERS[1][1]).tolist() == GOLDEN_BYTES


def test_buckets_and_fractions_are_those_of_earlier_releases():
    numbers = np.array([8615266667780, 4915112345678, 525512345678])

    assert fine_buckets(numbers).tolist() == [22, 57, 176]
    assert [f"{each:.6f}" for each in fractions(numbers)] == ["0.217354", "0.786443", "0.426803"]


def test_what_is_hashed_is_the_json_as_it_is_sent_the_number_first_and_then_in_the_order_of_the_names():
    sent = json.loads(payload_texts(MEMBERS)[0].as_py())

    assert list(sent) == ["whatsApp", "desc", "friendName", "tabName", "welcome"]
    assert sent == {name: values[0] for name, values in ROWS.items()}


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_the_order_of_columns_and_what_is_left_out_change_no_payload(order):
    texts = payload_texts([MEMBERS[place] for place in order if place != 3], ONCE)

    assert in_hex(payloads(texts)) == GOLDEN


def test_a_dictionary_is_hashed_as_its_texts():
    encoded = [(name, texts if texts.null_count else texts.dictionary_encode()) for name, texts in MEMBERS]

    assert in_hex(payloads(payload_texts(encoded, ONCE))) == GOLDEN
    assert field_bytes(MEMBERS[0][1].dictionary_encode()).tolist() == field_bytes(MEMBERS[0][1]).tolist()


def test_the_agent_who_signs_is_part_of_the_payload():
    texts = payload_texts(MEMBERS[:1])

    one, other, none = (payloads(texts, [agent] * 3) for agent in ("agent_wang", "agent_li", None))

    assert not np.any((one == other) | (one == none))
    assert (none == payloads(texts)).all()


@given(st.lists(st.none() | st.text(max_size=20)))
def test_a_byte_is_zero_for_no_value_only(texts):
    found = field_bytes(pa.array(texts, pa.string())).tolist()

    assert [byte == 0 for byte in found] == [text is None for text in texts]


@given(st.lists(st.none() | st.text(max_size=300), max_size=30), st.integers(0, 9), st.integers(1, 64))
def test_a_byte_depends_on_its_own_text_alone(texts, start, at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "_AT_ONCE", at_once)
        found = field_bytes(pa.array(texts, pa.string())[start:]).tolist()

    assert found == [int(field_bytes(pa.array([text], pa.string()))[0]) for text in texts[start:]]


@pytest.mark.parametrize("change", ["Ann Lef", "Bnn Lee", "An nLee", "AnnLee ", "Ann Lee\0", "ann lee", "Ann  Lee", ""])
def test_a_text_that_changed_has_another_byte(change):
    before, after = field_bytes(pa.array(["Ann Lee", change])).tolist()

    assert before != after


def test_bytes_of_different_texts_are_spread_evenly():
    found = field_bytes(pa.array([f"someone{number}@example.com" for number in range(51_000)]))

    counts = np.bincount(found, minlength=256)
    assert counts[0] == 0
    assert counts[1:].min() > 120
    assert counts[1:].max() < 290


def test_numbers_that_follow_each_other_are_spread_evenly():
    numbers = np.arange(8_615_000_000_000, 8_615_000_256_000)

    counts = np.bincount(fine_buckets(numbers), minlength=256)
    shares = np.histogram(fractions(numbers), bins=10, range=(0, 1))[0]

    assert counts.min() > 800
    assert counts.max() < 1_200
    assert shares.min() > 24_000
    assert shares.max() < 27_000
