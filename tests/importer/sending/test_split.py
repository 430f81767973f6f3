from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.customers import API_FIELDS
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending import split
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sources.base import Batch

BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": ["8613800000000"]}))


def chunk_of(*bodies: dict, agent: str | None = None) -> Chunk:
    rows = [{"whatsApp": str(8613800000000 + place)} | body for place, body in enumerate(bodies)]
    return Chunk(tuple(row_of(place, body, agent) for place, body in enumerate(rows)), agent)


def row_of(place: int, body: dict, agent: str | None) -> Row:
    extensions = frozenset(body).difference(API_FIELDS)
    return Row(
        place,
        msgspec.json.encode(body),
        agent,
        BATCH,
        place,
        number=int(body["whatsApp"]),
        named_agent=body.get("agentAccount"),
        extension_fields=extensions,
    )


def places(parts: list[Chunk]) -> list[list[int]]:
    return [[row.position for row in part.rows] for part in parts]


def halves_by_extension(chunk: Chunk) -> list[Chunk]:
    return split.by_extension(chunk, lambda _fields: False)


def probing_by_extension(chunk: Chunk) -> list[Chunk]:
    return split.by_extension(chunk, lambda _fields: True)


bodies = st.lists(
    st.fixed_dictionaries(
        {"whatsApp": st.sampled_from(["8613800000001", "8613800000002", "8613800000003"])},
        optional={"agentAccount": st.sampled_from("abc"), "Level": st.just("x"), "desc": st.text(max_size=50)},
    ),
    min_size=2,
    max_size=30,
)


@given(bodies, st.sampled_from([None, "agent_wang"]))
@pytest.mark.parametrize(
    "take_apart",
    [
        split.halved_by_rows,
        split.by_agent,
        split.by_number,
        halves_by_extension,
        probing_by_extension,
        split.around_the_middle,
    ],
)
def test_parts_hold_every_row_once_none_is_empty_and_all_keep_who_signs(take_apart, bodies, agent):
    chunk = chunk_of(*bodies, agent=agent)
    parts = take_apart(chunk)
    assert all(part.rows for part in parts)
    assert sorted(place for part in places(parts) for place in part) == [*range(len(bodies))]
    assert all(part == sorted(part) for part in places(parts))  # rows keep their order
    assert {part.agent for part in parts} == {agent}


@pytest.mark.parametrize("count", range(2, 40))
def test_halves_differ_by_one_row_at_most_whatever_the_rows_size(count):
    first, second = split.halved_by_rows(
        chunk_of(*({"desc": "x" * 3**place} for place in range(min(count, 9))), *[{}] * (count - 9))
    )
    assert 0 <= len(second.rows) - len(first.rows) <= 1


def test_by_agent_gives_each_agent_its_own_chunk_in_order_of_appearance():
    chunk = chunk_of(*({"agentAccount": name} for name in "abacb"))
    assert places(split.by_agent(chunk)) == [[0, 2], [1, 4], [3]]


def test_by_agent_gives_one_chunk_back_where_one_agent_is_all_there_is():
    assert places(split.by_agent(chunk_of(*[{"agentAccount": "a"}] * 3))) == [[0, 1, 2]]
    assert places(split.by_agent(chunk_of({}, {}, {}, agent="a"))) == [[0, 1, 2]]


def test_by_agent_halves_rows_of_which_none_names_an_agent_and_keeps_a_last_one_alone():
    assert places(split.by_agent(chunk_of({}, {}, {}))) == [[0], [1, 2]]
    assert places(split.by_agent(chunk_of({}))) == [[0]]


def test_by_number_spreads_rows_of_one_number_over_chunks():
    same, other = {"whatsApp": "8613800000001"}, {"whatsApp": "8613800000002"}
    parts = split.by_number(chunk_of(same, other, same, same))
    assert places(parts) == [[0, 1], [2], [3]]
    assert all(len({row.number for row in part.rows}) == len(part.rows) for part in parts)


def test_by_extension_clears_the_rows_without_extension_fields_and_halves_the_others():
    plain, suspect = {"friendName": "Zoë", "desc": "x"}, {"Loyalty Level": "Gold"}
    assert places(halves_by_extension(chunk_of(plain, suspect, plain, suspect, suspect))) == [[0, 2], [1], [3, 4]]
    assert places(halves_by_extension(chunk_of(plain, suspect))) == [[0], [1]]


@pytest.mark.parametrize("body", [{"friendName": "x"}, {"Loyalty Level": "Gold"}])
def test_by_extension_halves_rows_that_are_all_alike(body):
    assert places(halves_by_extension(chunk_of(*[body] * 5))) == [[0, 1], [2, 3, 4]]


def test_by_extension_sends_a_row_with_a_field_nobody_knows_yet_alone():
    plain, known, new = {"desc": "x"}, {"Level": "Gold"}, {"Level": "Gold", "Shoe Size": "42"}
    asked: list[frozenset[str]] = []

    def has_new(fields: frozenset[str]) -> bool:
        asked.append(fields)
        return "Shoe Size" in fields

    assert places(split.by_extension(chunk_of(plain, known, new, plain, known), has_new)) == [[0, 3], [2], [1], [4]]
    assert places(split.by_extension(chunk_of(new, known, known, new), has_new)) == [[0, 1], [2, 3]]
    assert asked == [{"Level", "Shoe Size"}, {"Level"}]  # of the middle row, once a call


@pytest.mark.parametrize(("count", "expected"), [(2, [[1], [0]]), (3, [[1], [0], [2]]), (6, [[3], [0, 1, 2], [4, 5]])])
def test_around_the_middle_gives_the_middle_row_first_and_alone(count, expected):
    assert places(split.around_the_middle(chunk_of(*[{}] * count))) == expected


def test_rows_of_rejected_agents_are_taken_off_a_chunk():
    chunk = chunk_of(*({"agentAccount": name} for name in "abcab"))
    kept, theirs = split.without_agents(chunk, {"a", "c"})
    assert kept is not None
    assert places([kept]) == [[1, 4]]
    assert {agent: [row.position for row in rows] for agent, rows in theirs.items()} == {"a": [0, 3], "c": [2]}


def test_nothing_is_left_of_a_chunk_whose_agents_are_all_rejected():
    kept, theirs = split.without_agents(chunk_of({}, {}, agent="ghost"), {"ghost"})
    assert kept is None
    assert [row.position for row in theirs["ghost"]] == [0, 1]


def test_rows_that_name_no_agent_stay_whatever_agents_are_rejected():
    kept, theirs = split.without_agents(chunk_of({}, {}), {"ghost", ""})
    assert kept is not None
    assert places([kept]) == [[0, 1]]
    assert theirs == {}
