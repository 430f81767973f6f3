"""The class of each row: what a dictionary of the numbers says, and a table of decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.changes import compaction, difference, spool
from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.compare import compare
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
from airflow_provider_socialscrm.importer.changes.keys import KeyKind
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import START, World

ANN, BEN, EVE = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678
DAY = 24 * 3600


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    world = World(tmp_path / "ledger")
    yield world
    world.close()


def test_of_an_empty_ledger_each_row_is_new_and_nobody_is_gone(world):
    counts = world.counts([Sent(ANN, 1), Sent(BEN, 2)])

    assert counts.rows == {Change.NEW: 2}
    assert (counts.gone, counts.ledger) == (0, 0)
    assert not (world.storage._folder / "ledger.json").exists()


@pytest.mark.parametrize(
    ("outcome", "payload", "options", "expected"),
    [
        (Outcome.ACCEPTED, 1, {}, Change.UNCHANGED),
        (Outcome.ACCEPTED, 2, {}, Change.CHANGED),
        (Outcome.ACCEPTED, 1, {"resend": "all"}, Change.AGED),
        (Outcome.ACCEPTED, 1, {"resend": "adopt"}, Change.UNCHANGED),
        (Outcome.ACCEPTED, 1, {"resend_after": timedelta(days=9)}, Change.AGED),
        (Outcome.ACCEPTED, 1, {"resend_after": timedelta(days=21)}, Change.UNCHANGED),
        (Outcome.ACCEPTED, 1, {"retry_rejected": "always"}, Change.UNCHANGED),
        (Outcome.REJECTED, 1, {}, Change.KNOWN_BAD),
        (Outcome.REJECTED, 2, {}, Change.CHANGED),
        (Outcome.REJECTED, 1, {"resend": "all"}, Change.RETRIED),
        (Outcome.REJECTED, 1, {"retry_rejected": "always"}, Change.RETRIED),
        (Outcome.REJECTED, 1, {"retry_rejected": timedelta(days=9)}, Change.RETRIED),
        (Outcome.REJECTED, 1, {"retry_rejected": timedelta(days=11)}, Change.KNOWN_BAD),
        (Outcome.REJECTED, 1, {"resend_after": timedelta(days=9)}, Change.KNOWN_BAD),
        (Outcome.BLOCKED, 1, {}, Change.RETRIED),
        (Outcome.BLOCKED, 2, {}, Change.CHANGED),
    ],
)
def test_what_the_last_answer_was_decides(world, outcome, payload, options, expected):
    world.record(Sent(ANN, 1), outcome=outcome)
    world.now += 10 * DAY

    assert world.changes([Sent(ANN, payload)], **options) == [expected]


def test_aged_rows_are_shared_evenly_by_the_runs_and_each_goes_within_the_time(world):
    rows = [Sent(ANN + number, 1) for number in range(2_000)]
    world.record(*rows)
    shares = []
    for _ in range(20):
        world.now += DAY
        changes = world.changes(rows, resend_after=timedelta(days=10))
        aged = [row for row, change in zip(rows, changes, strict=True) if change == Change.AGED]
        world.record(*aged)
        shares.append(len(aged) / len(rows))

    assert shares[:5] == [0] * 5
    assert sum(shares[:10]) >= 1
    assert max(shares) < 0.25
    assert sorted(shares[5:])[3] > 0.05


def test_a_field_that_goes_once_is_a_reason_to_send_until_a_number_was_accepted_with_one(world):
    without, with_one = Sent(ANN, 1), Sent(ANN, 1, once=1)
    world.record(without)

    assert world.changes([with_one]) == [Change.CHANGED]
    assert world.counts([with_one]).by_field == {"welcome": 1}
    world.record(with_one)
    assert world.changes([with_one]) == [Change.UNCHANGED]
    assert world.changes([without]) == [Change.UNCHANGED]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, (Change.CHANGED, 1)), ({"resend": "all"}, (Change.AGED, 0)), ({"resend": "adopt"}, (Change.CHANGED, 1))],
)
def test_all_rows_go_again_without_what_goes_once(world, options, expected):
    world.record(Sent(ANN, 1))

    with_details = world.difference([Sent(ANN, 1, once=1)], **options)
    changes, details = with_details.verdicts().of(np.array([ANN]))

    assert (changes[0], details[0]) == expected


def test_a_field_that_was_sent_is_left_out_of_a_row_that_changes(world):
    world.record(Sent(ANN, 1, once=1))

    changes, details = (
        world.difference([Sent(ANN, 2, once=1), Sent(BEN, 2, once=1)]).verdicts().of(np.array([ANN, BEN]))
    )

    assert (changes.tolist(), details.tolist()) == ([Change.CHANGED, Change.NEW], [0, 1])


def test_a_known_bad_row_has_its_old_code(world):
    world.record(Sent(ANN, 1), outcome=Outcome.REJECTED, code="508")
    world.record(Sent(BEN, 1), outcome=Outcome.REJECTED, code="named")
    world.record(Sent(EVE, 1), outcome=Outcome.REJECTED)

    verdicts = world.difference([Sent(EVE, 1), Sent(BEN, 1), Sent(ANN, 1)]).verdicts()
    changes, details = verdicts.of(np.array([EVE, BEN, ANN]))

    assert set(changes) == {Change.KNOWN_BAD}
    assert [verdicts.codes[detail] for detail in details] == ["", "named", "508"]


def test_more_codes_than_can_be_held_are_no_code(world, monkeypatch):
    monkeypatch.setattr(difference, "MOST_CODES", 2)
    rows = [Sent(ANN + place, 1) for place in range(5)]
    for place, row in enumerate(rows):
        world.record(row, outcome=Outcome.REJECTED, code=f"code {place}")

    verdicts = world.difference(rows).verdicts()
    _, details = verdicts.of(np.array([row.key for row in rows]))

    shown = [verdicts.codes[detail] for detail in details]
    assert sum(shown[place] == f"code {place}" for place in range(5)) == 2
    assert shown.count("") == 3


def test_fields_that_changed_or_became_empty_are_counted(world):
    world.record(Sent(ANN, 1, fields=b"\1\2"), Sent(BEN, 1, fields=b"\1\2"), Sent(EVE, 1))

    counts = world.counts([Sent(ANN, 2, fields=b"\1\3"), Sent(BEN, 2, fields=b"\0\3"), Sent(EVE, 2, fields=b"\1\1")])

    assert counts.by_field == {"friendName": 1, "income": 2}
    assert counts.emptied == {"friendName": 1}


def test_who_left_is_gone_until_back_and_new_once(world):
    world.record(Sent(ANN, 1), Sent(BEN, 1))
    world.now += DAY
    first = world.difference([Sent(ANN, 1)])
    assert (first.counts.gone, first.counts.newly_gone) == (1, 1)
    writer = world.writer()
    writer.note_presence(first)
    writer.commit()
    world.now += DAY

    assert world.gone([Sent(ANN, 1)]) == [BEN]
    assert world.counts([Sent(ANN, 1)]).newly_gone == 0
    assert world.entries()[BEN]["gone"] == START + DAY

    back = world.difference([Sent(ANN, 1), Sent(BEN, 1)])
    writer = world.writer()
    writer.note_presence(back)
    writer.commit()
    assert world.entries()[BEN]["gone"] == 0


def test_who_was_never_accepted_is_not_gone_and_who_was_and_is_refused_since_is(world):
    world.record(Sent(ANN, 1), Sent(BEN, 1))
    world.record(Sent(ANN, 2), Sent(EVE, 1), outcome=Outcome.REJECTED)

    assert world.gone([Sent(BEN, 1)]) == [ANN]


def test_a_row_that_cannot_be_sent_is_not_gone(world):
    world.record(Sent(ANN, 1), Sent(BEN, 1))

    assert world.gone([Sent(ANN, 1)], others=[BEN]) == []


def test_an_empty_input_says_that_nobody_left(world):
    world.record(Sent(ANN, 1), Sent(BEN, 1))

    counts = world.counts([])

    assert (counts.total, counts.gone, counts.ledger) == (0, 0, 2)


def test_rows_with_the_same_key_all_go_if_one_does(world):
    world.record(Sent(ANN, 1))

    assert world.changes([Sent(ANN, 1), Sent(ANN, 1)]) == [Change.UNCHANGED] * 2
    assert world.changes([Sent(ANN, 1), Sent(ANN, 2)]) == [Change.CHANGED] * 2
    assert world.changes([Sent(ANN, 2), Sent(BEN, 1), Sent(ANN, 1)]) == [
        Change.CHANGED,
        Change.NEW,
        Change.CHANGED,
    ]


def test_of_rows_with_the_same_key_one_has_what_goes_once(world):
    rows = [Sent(ANN, 1), Sent(ANN, 2, once=1), Sent(ANN, 3, once=1)]

    _, details = world.difference(rows).verdicts().of(np.array([ANN] * 3))

    assert details.tolist() == [0, 1, 0]


def test_each_agent_has_customers_of_their_own_where_the_ledger_says_so(tmp_path):
    world = World(tmp_path, by_agent=True)
    world.record(Sent(world.store().keyring.keys(np.array([ANN]), ["agent_li"])[0], 1, "agent_li"))

    assert world.changes([Sent(ANN, 1, "agent_wang"), Sent(ANN, 1, "agent_li")]) == [
        Change.NEW,
        Change.UNCHANGED,
    ]


def test_a_ledger_with_hashes_finds_its_customers_and_holds_no_number(tmp_path):
    world = World(tmp_path, kind=KeyKind.HMAC, secret="a secret")
    key = int(world.store().keyring.keys(np.array([ANN]))[0])
    world.record(Sent(key, 1))

    assert world.changes([Sent(ANN, 1), Sent(BEN, 1)]) == [Change.UNCHANGED, Change.NEW]
    assert world.gone([Sent(BEN, 1)]) == [key]
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*.parquet"))
    assert ANN.to_bytes(8, "little") not in stored


def test_the_digest_is_equal_for_equal_differences_and_for_no_others(world):
    world.record(Sent(ANN, 1), Sent(EVE, 1))

    digest = world.difference([Sent(ANN, 2), Sent(BEN, 1)]).digest

    assert world.difference([Sent(BEN, 1), Sent(ANN, 2)]).digest == digest
    others = [
        [Sent(ANN, 3), Sent(BEN, 1)],
        [Sent(ANN, 2), Sent(BEN, 1, once=1)],
        [Sent(ANN, 2), Sent(BEN + 1, 1)],
        [Sent(ANN, 2), Sent(BEN, 1), Sent(EVE, 1)],
        [Sent(ANN, 2)],
    ]
    assert digest not in [world.difference(rows).digest for rows in others]
    assert world.difference([Sent(ANN, 2), Sent(BEN, 1)], resend="all").digest == digest  # the others are gone
    assert Ledger("ledger", expected_changes=digest).expected_moment == world.now


KEYS = st.integers(1, 12)
PAYLOADS = st.integers(0, 3)
ROWS = st.lists(st.tuples(KEYS, PAYLOADS, st.booleans()), max_size=12, unique_by=lambda row: row[0])
RUNS = st.lists(st.tuples(ROWS, st.sampled_from(list(Outcome)[:3]), st.booleans()), max_size=6)


@given(runs=RUNS, rows=ROWS, others=st.lists(KEYS, max_size=3, unique=True), split=st.integers(1, 5))
@settings(max_examples=settings().max_examples)
def test_classes_are_what_a_dictionary_says(tmp_path_factory, runs, rows, others, split):
    world = World(tmp_path_factory.mktemp("ledger"))
    known: dict[int, tuple[Outcome, int]] = {}
    accepted, once = set(), set()
    for sent, outcome, compacts in runs:
        world.now += 1
        writer = world.writer()
        writer.record(outcome, [Sent(key, payload, once=has) for key, payload, has in sent])
        writer.commit(compacting=False)
        if compacts:
            compact(world.store(), "by hand")
        known |= {key: (outcome, payload) for key, payload, _ in sent}
        if outcome is Outcome.ACCEPTED:
            accepted |= {key for key, _, _ in sent}
            once |= {key for key, _, has in sent if has}
        else:
            once -= {key for key, _, has in sent if has}

    store = world.store()
    pairs = InputRows(store, world.layout, memory_bytes=64)
    pairs.sendable._block_rows = split
    for key, payload, has in rows:
        pairs.add(np.array([key]), np.array([payload], np.uint64), np.array([has], np.uint8))
    pairs.add_unsendable(np.array(others, np.int64))
    found = compare(store, store.snapshot(), pairs, Ledger("ledger"), world.now)
    world.open.append(found)
    verdicts, keys = found.verdicts(), np.array([key for key, _, _ in rows], np.int64)
    changes = [int(c) for start in range(0, len(keys), split) for c in verdicts.of(keys[start : start + split])[0]]

    expected = [expected_change(known.get(key), payload, has and key not in once) for key, payload, has in rows]
    assert changes == expected
    assert found.counts.rows == Counter(map(Change, expected))
    gone = {int(key) for block in found.gone() for key in block["key"]}
    assert gone == ((accepted - set(keys.tolist()) - set(others)) if rows or others else set())
    assert found.counts.ledger == len(known)
    world.close()


def expected_change(known: tuple[Outcome, int] | None, payload: int, lacks_once: bool) -> Change:
    if known is None:
        return Change.NEW
    outcome, before = known
    if payload != before:
        return Change.CHANGED
    if outcome is Outcome.ACCEPTED:
        return Change.CHANGED if lacks_once else Change.UNCHANGED
    return Change.KNOWN_BAD if outcome is Outcome.REJECTED else Change.RETRIED


def test_an_input_much_larger_than_the_ledger_is_compared_in_parts(world, monkeypatch):
    monkeypatch.setattr(compaction, "ROWS_PER_BUCKET", 100)
    world.record(*(Sent(ANN + number, 1) for number in range(50)))
    read = []
    monkeypatch.setattr(spool.BucketSpool, "read", lambda self, *at: read.append(rows := self_read(self, *at)) or rows)

    counts = world.counts(Sent(ANN + number, 1) for number in range(3_000))

    assert counts.rows == {Change.UNCHANGED: 50, Change.NEW: 2_950}
    assert max(map(len, read)) < 400


self_read = spool.BucketSpool.read


def test_a_ledger_that_grows_is_split_and_finds_all(world, monkeypatch):
    monkeypatch.setattr(compaction, "ROWS_PER_BUCKET", 100)
    rows = [Sent(ANN + number, number) for number in range(2_000)]
    for end in (50, 300, 2_000):
        world.record(*rows[:end])

    assert world.store().newest().buckets == 32
    assert set(world.changes(rows)) == {Change.UNCHANGED}
    assert world.counts(rows[::2]).gone == 1_000


def test_fields_that_a_ledger_does_not_know_are_not_compared(world):
    world.record(Sent(ANN, 1, fields=b"\1\2"))
    world.layout = Layout(("birthday", "friendName"), ("desc", "welcome"))

    counts = world.counts([Sent(ANN, 2, fields=b"\1\1", once=2)])

    assert counts.by_field == {"birthday": 1, "welcome": 1}
