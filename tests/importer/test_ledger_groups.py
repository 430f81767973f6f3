"""Nights in which a customer has several rows, as ``duplicates="send"`` sends them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.importer.options import ALL, Rules
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import number_of
from tests.support.ledger_imports import FailingAfter, RememberingCrm, Syncs, counts

ANN, BEN = number_of(1), number_of(2)
RULES = Rules(extension_fields=ALL, duplicates="send")


def row(name: str, number: str = ANN, **fields: str) -> dict[str, Any]:
    return {"whatsApp": number, "friendName": name} | fields


@pytest.fixture
def syncs(tmp_path: Path) -> Syncs:
    return Syncs(tmp_path, rules=RULES)


PAIR = [row("Ann", desc="first"), row("Anne", stage="second")]


def test_rows_that_share_a_customer_are_sent_once_and_together_when_one_changes(syncs):
    first, second = syncs.sync([*PAIR, row("Ben", BEN)]), syncs.sync([*PAIR, row("Ben", BEN)])
    third = syncs.sync([PAIR[0], row("Anna", stage="second"), row("Ben", BEN)])
    taken, customer = dict(syncs.crm.taken), syncs.crm.customers[ANN]
    fourth = syncs.sync([PAIR[0], row("Anna", stage="second"), row("Ben", BEN)])

    assert [counts(each) for each in (first, second, third, fourth)] == [
        {"accepted": 3}, {"unchanged": 3}, {"accepted": 2, "unchanged": 1}, {"unchanged": 3},
    ]  # fmt: skip
    assert taken == {ANN: 2}
    assert customer == {"whatsApp": ANN, "friendName": "Anna", "desc": "first", "stage": "second"}
    assert [each["changes"]["changed"] for each in (second, third, fourth)] == [0, 2, 0]


THIRD = row("Annie")


@pytest.mark.parametrize(
    ("before", "after", "sent"),
    [
        pytest.param(PAIR, [*reversed(PAIR)], 2, id="another order, so another one comes last"),
        pytest.param(PAIR, [*PAIR, THIRD], 3, id="one more"),
        pytest.param([*PAIR, THIRD], PAIR, 2, id="one less"),
        pytest.param(PAIR, PAIR[:1], 1, id="the first is left"),
        pytest.param(PAIR, PAIR[1:], 1, id="the last is left"),
        pytest.param(PAIR[:1], PAIR, 2, id="one becomes two"),
        pytest.param(PAIR, [PAIR[0], PAIR[0]], 2, id="they become equal"),
        pytest.param([PAIR[0], PAIR[0]], PAIR, 2, id="they become different"),
        pytest.param([PAIR[0], PAIR[0]], PAIR[:1], 0, id="one of equal ones is left"),
        pytest.param([PAIR[0], PAIR[1], PAIR[0]], [PAIR[0], PAIR[1], PAIR[0]], 0, id="the last is as the first"),
        pytest.param([PAIR[0], PAIR[1], PAIR[0]], [PAIR[1], PAIR[0], PAIR[0]], 3, id="two of three change places"),
    ],
)
def test_they_are_compared_as_one_in_their_order(syncs, before, after, sent):
    syncs.sync(before)

    assert counts(syncs.sync(after)).get("accepted", 0) == sent
    assert counts(syncs.sync(after)) == {"unchanged": len(after)}


def test_rows_of_different_agents_are_compared_each_for_itself(syncs):
    rows = [row("Ann", agentAccount="wang"), row("Anne", agentAccount="silva")]
    syncs.sync(rows)

    assert counts(syncs.sync(rows)) == {"unchanged": 2}
    assert counts(syncs.sync([rows[0], row("Anna", agentAccount="silva")])) == {"accepted": 1, "unchanged": 1}


@pytest.mark.parametrize("bad", [0, 1], ids=["the first", "the last"])
def test_while_one_of_them_is_rejected_all_are_sent_again_and_it_is_reported_each_night(tmp_path, bad):
    names = ["Ann", "Anne"]
    crm = RememberingCrm(lambda given: 508 if given["friendName"] == names[bad] else 0)
    syncs = Syncs(tmp_path, crm, rules=RULES)

    nights = [counts(syncs.sync([row(name) for name in names])) for _ in range(3)]
    fixed = [counts(syncs.sync([row(name if n != bad else "Anna") for n, name in enumerate(names)])) for _ in range(2)]

    assert nights == [{"accepted": 1, "rejected": 1}] * 3
    assert fixed == [{"accepted": 2}, {"unchanged": 2}]


def test_what_goes_once_goes_once(syncs):
    rows = [row("Ann", welcome="Hello"), row("Anne", welcome="Hello")]
    welcomes = 0
    for _ in range(3):
        manifest = syncs.sync(rows)
        welcomes += syncs.crm.welcomes[ANN]

    assert (welcomes, counts(manifest)) == (1, {"unchanged": 2})


def test_after_a_failure_between_them_all_are_sent_until_one_run_has_sent_all(syncs):
    store = MemoryCheckpointStore()
    failing = FailingAfter(syncs.crm, 1)
    syncs.crm, crm = failing, syncs.crm
    with pytest.raises(SettingError):
        syncs.sync(PAIR, store=store, run="the run", concurrency=1, rows_per_call=1)
    syncs.crm = crm

    retried = syncs.sync(PAIR, store=store, run="the run", concurrency=1, rows_per_call=1)
    assert dict(syncs.crm.taken) == {ANN: 1}
    nights = [counts(syncs.sync(PAIR)) for _ in range(2)]

    assert counts(retried) == {"accepted": 2}
    assert nights == [{"accepted": 2}, {"unchanged": 2}]


def test_adopted_rows_are_not_sent(syncs):
    adopted = syncs.sync(PAIR, ledger={"resend": "adopt"})

    assert (adopted["changes"]["adopted"], adopted["calls"]["sent"]) == (2, 0)
    assert counts(syncs.sync(PAIR)) == {"unchanged": 2}


def test_a_dry_run_has_the_digest_of_the_run(syncs):
    digest = syncs.preview(PAIR)["changes"]["digest"]

    assert counts(syncs.sync(PAIR, ledger={"expected_changes": digest})) == {"accepted": 2}
    assert syncs.preview([*reversed(PAIR)])["changes"]["changed"] == 2


def test_many_customers_with_several_rows_each_find_their_own(syncs):
    rows = [row(f"{name} {place}", number_of(place)) for name in "abc" for place in range(300)]
    syncs.sync(rows)
    rows[7] = row("other", number_of(7))

    assert counts(syncs.sync(rows)) == {"accepted": 3, "unchanged": 897}
    assert dict(syncs.crm.taken) == {number_of(7): 3}
