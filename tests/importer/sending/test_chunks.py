"""Chunks keep every row once and in order, and are as full as rows and bytes allow."""

from __future__ import annotations

import itertools
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.customers import import_call
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.fields.checked_batch import sending_order
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits, chunk_rows
from airflow_provider_socialscrm.importer.sources.base import Batch

BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": pa.array([], pa.string())}))
AGENTS = [None, "novak", "agent_\u738b"]


def row(position, text="", agent=None, **fields):
    """Return an encoded row."""
    body = json.dumps({"whatsApp": str(10**12 + position), "desc": text} | fields, ensure_ascii=False)
    return Row(position, body.encode(), agent, BATCH, has_side_effects="welcome" in fields)


def client(scheme):
    """Return a client that is only asked for sizes."""
    return Client(Settings("https://crm.test", "100123", "key", "admin\u00e9", auth_scheme=scheme))


def call_size(asked, chunk):
    """Return the bytes of the body that really carries a chunk."""
    return len(import_call(asked.settings, chunk.bodies, agent=chunk.agent, now=1_700_000_000.5).body)


def positions(chunks):
    """Return the positions of chunks, one after the other."""
    return [row.position for chunk in chunks for row in chunk.rows]


drawn_rows = st.lists(
    st.tuples(st.text("ab\u00e9\u738b\U0001f600", max_size=40), st.sampled_from(AGENTS), st.booleans()), max_size=40
).map(
    lambda drawn: [
        row(position, text, agent, **({"welcome": "Hi"} if greets and position % 5 == 0 else {}))
        for position, (text, agent, greets) in enumerate(drawn)
    ]
)
drawn_limits = st.builds(Limits, st.integers(1, 12), st.integers(1, 1500))
schemes = st.sampled_from(list(AuthScheme))


@given(drawn_rows, drawn_limits, schemes)
def test_every_row_is_in_one_chunk_of_its_agent_and_in_order(rows, limits, scheme):
    chunks = list(chunk_rows(rows, limits, client(scheme).envelope_size))

    assert sorted(positions(chunks)) == list(range(len(rows)))
    assert [chunk for chunk in chunks if not chunk.rows] == []
    assert [r for chunk in chunks for r in chunk.rows if r.agent != chunk.agent] == []
    for agent, greets in itertools.product(AGENTS, [False, True]):
        of_kind = [chunk for chunk in chunks if chunk.agent == agent and chunk.rows[0].has_side_effects is greets]
        assert positions(of_kind) == [r.position for r in rows if r.agent == agent and r.has_side_effects is greets]


@given(drawn_rows, drawn_limits, schemes)
def test_a_call_is_never_over_a_limit_except_for_a_single_row_that_is(rows, limits, scheme):
    asked = client(scheme)
    chunks = list(chunk_rows(rows, limits, asked.envelope_size))

    assert [chunk for chunk in chunks if len(chunk.rows) > limits.rows] == []
    assert [chunk for chunk in chunks if call_size(asked, chunk) > limits.bytes and len(chunk.rows) > 1] == []


@given(drawn_rows, drawn_limits, schemes)
def test_chunks_are_so_full_that_the_next_row_would_not_fit(rows, limits, scheme):
    asked = client(scheme)
    plain = [chunk for chunk in chunk_rows(rows, limits, asked.envelope_size) if chunk.repeatable]

    for one, following in itertools.pairwise(plain):
        if one.agent == following.agent:
            one_more = Chunk((*one.rows, following.rows[0]), one.agent)
            assert len(one_more.rows) > limits.rows or call_size(asked, one_more) > limits.bytes


@given(drawn_rows.filter(bool), schemes, st.sampled_from(AGENTS))
def test_a_calls_size_is_its_envelope_its_rows_and_the_commas_between(rows, scheme, agent):
    asked = client(scheme)
    chunk = Chunk(tuple(rows), agent)
    assert call_size(asked, chunk) == asked.envelope_size(agent) + chunk.body_size


@pytest.mark.parametrize("scheme", list(AuthScheme))
@pytest.mark.parametrize("agent", AGENTS)
def test_the_byte_limit_is_exact(scheme, agent):
    asked, rows = client(scheme), [row(n, "x" * 20, agent) for n in range(3)]
    exact = call_size(asked, Chunk(tuple(rows), agent))

    def sizes(limit):
        return [len(chunk.rows) for chunk in chunk_rows(rows, Limits(100, limit), asked.envelope_size)]

    assert sizes(exact) == [3]
    assert sizes(exact - 1) == [2, 1]
    assert sizes(1) == [1, 1, 1]


def test_the_row_limit_is_exact():
    rows = [row(n) for n in range(7)]
    assert [len(chunk.rows) for chunk in chunk_rows(rows, Limits(3, 10**6), lambda _: 0)] == [3, 3, 1]


def test_a_limit_lowered_meanwhile_holds_for_the_next_chunk():
    limits = Limits(4, 10**6)
    chunks = chunk_rows([row(n) for n in range(9)], limits, lambda _: 0)

    sizes = [len(next(chunks).rows)]
    limits.rows = 2
    assert sizes + [len(chunk.rows) for chunk in chunks] == [4, 2, 2, 1]


def test_no_rows_make_no_chunk():
    assert list(chunk_rows([], Limits(1, 1), lambda _: 0)) == []


def test_a_row_with_a_welcome_goes_alone_and_only_its_call_does_harm_when_repeated():
    rows = [row(0), row(1, welcome="Hi"), row(2), row(3, welcome="Hi"), row(4)]
    chunks = list(chunk_rows(rows, Limits(100, 10**6), lambda _: 0))

    assert sorted([r.position for r in chunk.rows] for chunk in chunks) == [[0, 2, 4], [1], [3]]
    assert {positions([chunk])[0]: chunk.repeatable for chunk in chunks} == {0: True, 1: False, 3: False}


def test_rows_with_a_welcome_travel_with_the_others_where_they_may_be_sent_together():
    rows = [row(0), row(1, welcome="Hi"), row(2)]
    chunks = chunk_rows(rows, Limits(100, 10**6), lambda _: 0, together=True)
    assert [[r.position for r in chunk.rows] for chunk in chunks] == [[1, 0, 2]]


@given(drawn_rows, drawn_limits, st.booleans())
def test_rows_are_arranged_in_the_order_they_are_sent_in_whether_they_may_be_sent_together_or_not(
    rows, limits, together
):
    order = sending_order(range(len(rows)), [r.agent for r in rows], [r.has_side_effects for r in rows])
    arranged = [rows[place].position for place in order]

    assert sorted(arranged) == [r.position for r in rows]
    chunks = chunk_rows(rows, limits, lambda _: 0, together=together)
    assert [r.position for chunk in chunks for r in chunk.rows] == arranged


@given(st.lists(st.text("a\u738b", max_size=60), min_size=2, max_size=40), st.sampled_from(AGENTS))
def test_halves_hold_the_whole_and_divide_it_as_evenly_as_rows_allow(texts, agent):
    whole = Chunk(tuple(row(n, text, agent) for n, text in enumerate(texts)), agent)
    left, right = whole.halved_by_bytes()

    assert positions([left, right]) == positions([whole])
    assert [half.agent for half in (left, right)] == [agent, agent]
    assert min(len(left.rows), len(right.rows)) >= 1
    assert abs(left.size - right.size) <= 2 * max(len(r.body) for r in whole.rows)


def test_halving_ends_with_single_rows():
    waiting, single = [Chunk(tuple(row(n, "x" * (n % 7) ** 3) for n in range(50)))], []
    while waiting:
        chunk = waiting.pop(0)
        if len(chunk.rows) == 1:
            single.append(chunk)
        else:
            waiting[:0] = chunk.halved_by_bytes()
    assert [[r.position for r in chunk.rows] for chunk in single] == [[n] for n in range(50)]


def test_a_chunks_repr_shows_no_customer():
    chunk = Chunk((row(0, "Secret", "novak"),), "novak")
    assert repr(chunk) == "Chunk()"
