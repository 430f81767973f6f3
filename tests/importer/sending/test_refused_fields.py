from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import SettingError, refusal
from airflow_provider_socialscrm.importer.errors import ExtensionFieldsError
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.refused_fields import (
    MOST_SETS,
    MOST_UNDECIDED,
    REFUSED_ROWS,
    UNREAD,
    Culprits,
    Fields,
    RefusedFieldsDetector,
)
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import OfflineCrm, number_of, rejected_rows, table_of

Event = tuple[str, str, int]
"""What happened, to rows with which fields (a letter each), and how many times in a row."""


def fields(letters: str) -> Fields:
    return frozenset(letters)


def after(events: Sequence[Event], detector: RefusedFieldsDetector[int] | None = None) -> list[Culprits | None]:
    """Return what each refusal led to."""
    detector = detector or RefusedFieldsDetector()
    found = []
    for happened, letters, times in events:
        for _ in range(times):
            if happened == "refused":
                found.append(detector.on_rejected(fields(letters), 0))
            else:
                detector.on_accepted([fields(letters)])
    return found


ENOUGH, TOO_FEW = REFUSED_ROWS, REFUSED_ROWS - 1


@pytest.mark.parametrize(
    ("events", "suspects", "accepted"),
    [
        ([("refused", "a", ENOUGH)], "a", ""),
        ([("refused", "ab", ENOUGH)], "ab", ""),
        ([("accepted", "a", 9), ("refused", "ab", ENOUGH)], "b", "a"),
        ([("refused", "ab", TOO_FEW), ("accepted", "a", 1), ("refused", "ab", 1)], "b", "a"),
        ([("accepted", "", 9), ("refused", "a", ENOUGH)], "a", ""),
        # Each field was accepted, and never both together.
        ([("accepted", "a", 1), ("accepted", "b", 1), ("refused", "ab", ENOUGH)], "ab", "ab"),
        # Rows leave out what is blank: no set comes twenty times, and yet one field is in all refused rows.
        ([("refused", "xa", 7), ("refused", "xb", 7), ("refused", "xab", 6)], "x", ""),
        ([("refused", "xa", 7), ("accepted", "ab", 1), ("refused", "xb", 7), ("refused", "xab", 6)], "x", "ab"),
        # Other rows are bad meanwhile.
        ([("accepted", "a", 1), ("refused", "a", 99), ("refused", "ax", ENOUGH)], "x", "a"),
    ],
)
def test_fields_with_which_no_row_is_accepted_are_the_cause_once_twenty_rows_were_refused(events, suspects, accepted):
    *before, last = after(events)
    assert last == Culprits(fields(suspects), fields(accepted))
    assert before == [None] * len(before)


@pytest.mark.parametrize(
    "events",
    [
        [("refused", "a", TOO_FEW)],
        [("refused", "a", TOO_FEW), ("accepted", "a", 1), ("refused", "a", 999)],
        [("accepted", "a", 1), ("refused", "a", 999)],
        [("refused", "a", TOO_FEW), ("refused", "b", TOO_FEW)],
        [("accepted", "abc", 1), ("refused", "ab", TOO_FEW), ("refused", "bc", TOO_FEW), ("refused", "ac", TOO_FEW)],
        [("refused", "", 999)],  # no field to blame
    ],
)
def test_while_rows_may_be_at_fault_no_field_is_blamed(events):
    assert not any(after(events))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["refused", "refused", "refused", "accepted"]),
            st.sampled_from(["", "a", "b", "ab", "ac", "abc"]),
            st.integers(1, REFUSED_ROWS),
        ),
        max_size=12,
    )
)
def test_the_verdicts_are_those_of_the_rule_read_word_for_word(events):
    refused: list[Fields] = []
    accepted: set[Fields] = set()
    expected = []
    for happened, letters, times in events:
        if happened == "accepted":
            accepted.add(fields(letters))
            continue
        own, known = fields(letters), frozenset().union(*accepted)
        for _ in range(times):
            refused.append(own)
            suspects = {name for name in own - known if sum(name in row for row in refused) >= REFUSED_ROWS}
            if not suspects and own and own not in accepted and refused.count(own) >= REFUSED_ROWS:
                suspects = set(own)
            expected.append(Culprits(frozenset(suspects), own & known) if suspects else None)
    assert after(events) == expected


def test_rows_are_held_back_until_a_row_with_the_same_fields_is_accepted():
    detector: RefusedFieldsDetector[str] = RefusedFieldsDetector()
    for name, letters in [("first", "ab"), ("second", "a"), ("third", "ab")]:
        detector.on_rejected(fields(letters), name)
    assert detector.at_fault() == []
    assert detector.on_accepted([fields("a"), fields("")]) == ["second"]
    assert detector.on_accepted([fields("b")]) == []
    assert detector.on_accepted([fields("ba")]) == ["first", "third"]
    assert detector.release() == []


def test_a_row_whose_fields_were_accepted_before_or_that_has_none_is_at_fault_at_once():
    detector: RefusedFieldsDetector[str] = RefusedFieldsDetector()
    detector.on_accepted([fields("b"), fields("a")])
    for name, letters in [("known", "a"), ("bare", ""), ("new", "c")]:
        detector.on_rejected(fields(letters), name)
    assert detector.at_fault() == ["known", "bare"]
    assert detector.release() == ["new"]


def test_few_rows_are_held_back_and_of_more_the_first_are_at_fault():
    detector: RefusedFieldsDetector[int] = RefusedFieldsDetector()
    released = []
    for number in range(3 * MOST_UNDECIDED):
        detector.on_rejected(fields("a"), number)
        released += detector.at_fault()
    assert [*released, *detector.release()] == [*range(3 * MOST_UNDECIDED)]
    assert len(released) == 2 * MOST_UNDECIDED


def test_a_row_with_a_field_no_accepted_row_has_is_told_from_others():
    detector: RefusedFieldsDetector[int] = RefusedFieldsDetector()
    assert detector.has_new(fields("a"))
    detector.on_accepted([fields(""), fields("ab")])
    assert [detector.has_new(fields(letters)) for letters in ("", "a", "ab", "bc")] == [False, False, False, True]


def reading(letters: str, read: list[str]) -> Iterator[Fields]:
    for each in letters:
        read.append(each)
        yield fields(each)


def test_without_a_refusal_one_row_of_each_accepted_call_is_read():
    detector: RefusedFieldsDetector[int] = RefusedFieldsDetector()
    read: list[str] = []
    for _ in range(1000):
        detector.on_accepted(reading("abc", read))
    assert read == ["a"] * 1000
    detector.on_rejected(fields("c"), 0)
    assert len(read) == 1000 + 2 * UNREAD
    assert detector.at_fault() == [0]


def test_what_was_accepted_long_ago_is_not_forgotten():
    detector: RefusedFieldsDetector[int] = RefusedFieldsDetector()
    detector.on_accepted([fields("a")] * 100)
    for _ in range(10 * UNREAD):
        detector.on_accepted([fields("b")] * 100)
    assert not any(after([("refused", "a", 999)], detector))


def numbered(number: int) -> Fields:
    return frozenset(f"field {bit}" for bit in range(number.bit_length()) if number >> bit & 1)


def test_of_very_many_sets_none_is_remembered_and_single_fields_are_still_told():
    detector: RefusedFieldsDetector[int] = RefusedFieldsDetector()
    detector.on_accepted(map(numbered, range(1, 3 * MOST_SETS)))
    for number in range(1, 3 * MOST_SETS):
        assert detector.on_rejected(numbered(number), number) is None
        assert detector.at_fault() == [number]
    kept = [*detector._accepted_sets, *detector._refused_sets]
    assert len(kept) < MOST_SETS
    found = [detector.on_rejected(numbered(number) | {"x"}, number) for number in range(1, ENOUGH + 1)]
    assert found[:-1] == [None] * TOO_FEW
    assert found[-1] == Culprits(fields("x"), numbered(ENOUGH))


# Whole imports.

UNFITTING = 533


def importing(
    rows: Sequence[dict[str, str]],
    takes: Callable[[dict[str, str]], bool],
    rejects: Path | None = None,
    **options: Any,
) -> tuple[Import, OfflineCrm]:
    crm = OfflineCrm(lambda row: 0 if takes(row) else UNFITTING)
    chosen = Options(max_rejected=len(rows), rules=Rules(extension_fields=ALL), **options)
    return Import(open_source(table_of(rows)), crm, chosen, rejects), crm


def person(place: int, **extension_fields: str) -> dict[str, str]:
    return {"whatsApp": number_of(place), "friendName": f"N{place}"} | extension_fields


def gold_or_silver(row: dict[str, str]) -> bool:
    return row.get("Level", "Gold") in {"Gold", "Silver"}


def without_shoes(row: dict[str, str]) -> bool:
    return "Shoes" not in row


def stopped(rows: Sequence[dict[str, str]], takes: Callable[[dict[str, str]], bool], **options: Any) -> tuple[Any, ...]:
    """Import what cannot be imported, and return the manifest's counts, the calls and what is said."""
    run, crm = importing(rows, takes, **options)
    with pytest.raises(ExtensionFieldsError) as failure:
        run.run()
    crm.close()
    return {name: count for name, count in run.manifest()["rows"].items() if count}, len(crm.calls), str(failure.value)


def rejected(rows: Sequence[dict[str, str]], takes: Callable[[dict[str, str]], bool], path: Path, **options: Any):
    """Import rows of which some are bad, and return the positions of those rejected."""
    run, crm = importing(rows, takes, path, **options)
    run.run()
    crm.close()
    found = rejected_rows(path)
    assert {(bucket, code) for _, bucket, code in found} == {("rejected", "533")}
    assert run.manifest()["rows"]["accepted"] == len(rows) - len(found)
    return [place for place, _, _ in found]


@pytest.fixture
def dead_letter(tmp_path: Path) -> Path:
    return tmp_path / "dead.jsonl"


@pytest.mark.parametrize(("rows_per_call", "concurrency"), [(1, 1), (1, 16), (10, 4), (100, 4), (1000, 1), (1000, 16)])
def test_a_column_the_crm_does_not_know_stops_a_large_import_within_few_calls(rows_per_call, concurrency):
    rows = [person(place, Shoes="42") for place in range(20_000)]
    counts, calls, said = stopped(rows, without_shoes, rows_per_call=rows_per_call, concurrency=concurrency)
    assert counts == {"total": 20_000, "not_sent": 20_000}
    assert calls <= 6 * REFUSED_ROWS
    assert "accepted no row with 'Shoes'." in said


def test_the_rows_refused_before_the_run_stops_are_not_rejected_and_the_dead_letter_says_why(dead_letter):
    run, crm = importing([person(place, Shoes="42") for place in range(300)], without_shoes, dead_letter, concurrency=1)
    with pytest.raises(ExtensionFieldsError):
        run.run()
    crm.close()
    lines = [msgspec.json.decode(line) for line in dead_letter.read_bytes().splitlines()]
    assert len(lines) == 300
    assert {line["socialscrm_bucket"] for line in lines} == {"not_sent"}
    assert [line["socialscrm_code"] for line in lines].count("533") == REFUSED_ROWS


def test_fields_that_other_rows_were_accepted_with_are_told_from_the_suspects():
    rows = [person(place, Level="Gold") | ({"Shoes": "42"} if place >= 5000 else {}) for place in range(20_000)]
    counts, calls, said = stopped(rows, without_shoes)
    assert counts["accepted"] >= 5000
    assert calls - 50 <= 6 * REFUSED_ROWS
    assert "accepted no row with 'Shoes', while it accepted rows with 'Level'." in said


def test_a_column_that_few_rows_have_is_found_among_accepted_rows():
    rows = [person(place, Level="Gold") | ({} if place % 50 else {"Shoes": "42"}) for place in range(5000)]
    counts, _, said = stopped(rows, without_shoes, concurrency=1)
    assert counts["accepted"] > 0
    assert "rejected" not in counts
    assert "accepted no row with 'Shoes', while it accepted rows with 'Level'." in said


def test_rows_that_go_alone_because_of_a_welcome_stop_the_run_too():
    rows = [person(place, Shoes="42", welcome="Hello!") for place in range(1000)]
    counts, calls, _ = stopped(rows, without_shoes)
    assert counts == {"total": 1000, "not_sent": 1000}
    assert calls <= REFUSED_ROWS + 16


def with_blanks(place: int, chance: random.Random, optional: int) -> dict[str, str]:
    return person(place, **{f"Field {number}": "x" for number in range(optional) if chance.random() < 0.5})


@pytest.mark.one_in(3)
@pytest.mark.parametrize("optional", [3, 12])
@pytest.mark.parametrize("seed", range(3))
def test_a_column_the_crm_does_not_know_is_named_alone_however_many_blanks_the_others_have(seed, optional):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    rows = [with_blanks(place, chance, optional) | {"Shoes": "42"} for place in range(20_000)]
    counts, calls, said = stopped(rows, without_shoes, concurrency=4)
    assert counts == {"total": 20_000, "not_sent": 20_000}
    assert calls <= 6 * REFUSED_ROWS
    assert "accepted no row with 'Shoes'." in said


SHARES = pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
SEEDS = pytest.mark.parametrize("seed", range(3))


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("seed", "share"), [(0, 0.05), (1, 0.1), (2, 0.3)])
@pytest.mark.parametrize(("rows_per_call", "concurrency"), [(1, 16), (10, 1), (100, 1), (100, 16)])
def test_bad_rows_among_good_ones_are_rejected_and_no_others(dead_letter, share, seed, rows_per_call, concurrency):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    rows = [person(place, Level="Tin" if chance.random() < share else "Gold", Note="x") for place in range(1000)]
    bad = [place for place, row in enumerate(rows) if row["Level"] == "Tin"]
    found = rejected(rows, gold_or_silver, dead_letter, rows_per_call=rows_per_call, concurrency=concurrency)
    assert found == bad


@pytest.mark.one_in(3)
@SEEDS
@SHARES
@pytest.mark.parametrize("optional", [3, 12])
def test_bad_rows_are_rejected_however_many_sets_of_fields_there_are(dead_letter, share, seed, optional):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    rows = [with_blanks(place, chance, optional) for place in range(1000)]
    for row in chance.sample(rows, 700):
        row["Level"] = "Tin" if chance.random() < share else "Gold"
    bad = [place for place, row in enumerate(rows) if row.get("Level") == "Tin"]
    assert rejected(rows, gold_or_silver, dead_letter) == bad


@pytest.mark.one_in(3)
@SEEDS
@SHARES
def test_bad_rows_with_a_welcome_are_rejected_and_no_others(dead_letter, share, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    levels = ["Tin" if chance.random() < share else "Gold" for _ in range(400)]
    rows = [person(place, Level=level, welcome="Hello!") for place, level in enumerate(levels)]
    assert rejected(rows, gold_or_silver, dead_letter) == [place for place in range(400) if levels[place] == "Tin"]


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("bad", [range(30), range(10, 90), range(970, 1000)])
def test_bad_rows_in_a_block_are_rejected(dead_letter, bad, concurrency):
    rows = [person(place, Level="Tin" if place in bad else "Gold") for place in range(1000)]
    assert rejected(rows, gold_or_silver, dead_letter, concurrency=concurrency) == [*bad]


def test_a_table_that_begins_with_chunks_of_bad_rows_is_imported_while_other_chunks_are_on_their_way(dead_letter):
    rows = [person(place, Level="Tin" if place < 300 else "Gold") for place in range(3000)]
    assert rejected(rows, gold_or_silver, dead_letter) == [*range(300)]


def test_bad_rows_at_the_end_are_no_reason_to_stop_where_rows_like_them_were_accepted_long_before(dead_letter):
    rows = [
        *(person(place, Level="Gold") for place in range(300)),
        *(person(place) for place in range(300, 6000)),
        *(person(place, Level="Tin") for place in range(6000, 6050)),
    ]
    assert rejected(rows, gold_or_silver, dead_letter, concurrency=1) == [*range(6000, 6050)]


@pytest.mark.parametrize("size", [1, 2, TOO_FEW])
def test_fewer_rows_than_stop_a_run_are_rejected(dead_letter, size):
    assert rejected([person(place, Shoes="42") for place in range(size)], without_shoes, dead_letter) == [*range(size)]


def test_rows_whose_verdict_is_held_back_when_something_else_stops_the_run_are_not_sent():
    def wrong_key_or_shoes(row: dict[str, str]) -> bool:
        if row["whatsApp"].endswith("09"):
            raise refusal(look_up(522, family=Family.IMPORT))
        return without_shoes(row)

    rows = [person(place, Shoes="42") for place in range(15)]
    run, crm = importing(rows, wrong_key_or_shoes, rows_per_call=1, concurrency=1)
    with pytest.raises(SettingError):
        run.run()
    crm.close()
    assert run.manifest()["rows"]["not_sent"] == 15
