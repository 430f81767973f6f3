"""The events of a campaign: one order for all writers, and nothing that is damaged is taken for nothing."""

from __future__ import annotations

from typing import Any

import fsspec
import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.storage import LocalStorage, ObjectStorage
from airflow_provider_socialscrm.importer.errors import InputError, LedgerError
from airflow_provider_socialscrm.sends.campaign import Campaign, folder_of
from airflow_provider_socialscrm.sends.events import ACCEPTED, DOUBTFUL, RELEASED, Claimed
from airflow_provider_socialscrm.sends.ledger import SendLedger
from airflow_provider_socialscrm.sends.sending import resolve
from tests.support.sends import MemoryStorage


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


def opened(storage: Any) -> Campaign:
    campaign = Campaign(storage, "autumn")
    campaign.refresh()
    return campaign


def claim(campaign: Campaign, *numbers: int, owner: str = "dag/task") -> Claimed | None:
    def choose(state: Any) -> tuple[int, ...]:
        return tuple(number for number in numbers if state.holder(number) is None)

    return campaign.claim(choose, name=lambda _, call: call, owner=owner)


@pytest.mark.parametrize("kind", ["memory", "local", "object"])
def test_of_two_writers_one_claims_a_recipient(storage, tmp_path, kind):
    made = {
        "memory": lambda: storage,
        "local": lambda: LocalStorage(tmp_path),
        "object": lambda: ObjectStorage(fsspec.filesystem("memory"), f"{tmp_path}/sends", "memory"),
    }[kind]()
    first, second = opened(made), opened(made)

    assert claim(first, 1, 2).numbers == (1, 2)
    assert claim(second, 2, 3).numbers == (3,)
    assert claim(first, 3) is None
    assert claim(opened(made), 1, 2, 3) is None


def test_what_is_released_can_be_claimed_again(storage):
    campaign = opened(storage)
    campaign.answer(claim(campaign, 1).call, RELEASED)

    again = claim(opened(storage), 1)
    assert again is not None
    assert claim(campaign, 1) is None


def test_a_response_knows_better_than_a_person(storage):
    campaign, other = opened(storage), opened(storage)
    made = claim(campaign, 1, 2)
    other.refresh()
    resolve(other, {made.call: "not_sent"})
    campaign.answer(made.call, ACCEPTED, "t1")

    state = opened(storage).state
    assert (state.holder(1).outcome, state.holder(1).task_id) == (ACCEPTED, "t1")
    assert claim(other, 1, 2) is None


def test_a_person_who_is_late_changes_nothing(storage):
    campaign, other = opened(storage), opened(storage)
    made = claim(campaign, 1)
    other.refresh()
    campaign.answer(made.call, ACCEPTED, "t1")
    resolve(other, {made.call: "not_sent"})

    assert opened(storage).state.last == 2
    assert claim(other, 1) is None


def test_a_call_that_was_released_and_claimed_again_stays_with_the_second(storage):
    campaign = opened(storage)
    first = claim(campaign, 1)
    resolve(campaign, {first.call: "not_sent"})
    second = claim(campaign, 1)
    campaign.answer(first.call, ACCEPTED, "t1")
    campaign.answer(second.call, DOUBTFUL)

    assert campaign.state.holder(1).claim.call == second.call
    assert [call.claim.call for call in campaign.state.open_calls()] == [second.call]


def test_who_got_a_late_first_message_is_not_free_when_the_second_call_is_released(storage):
    campaign = opened(storage)
    first = claim(campaign, 1, 2)
    resolve(campaign, {first.call: "not_sent"})
    second = claim(campaign, 1)
    campaign.answer(first.call, ACCEPTED, "t1")
    campaign.answer(second.call, RELEASED)

    assert claim(opened(storage), 1, 2) is None
    assert campaign.state.holder(1).task_id == "t1"


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda content: content[:-5],
        lambda content: content.replace(b'"numbers":[1,2]', b'"numbers":[1,3]'),
        lambda content: content.replace(b'"claimed"', b'"other"'),
        lambda _: b"[]",
        None,
    ],
)
def test_a_damaged_or_missing_file_is_an_error_and_never_nothing(storage, damage):
    campaign = opened(storage)
    claim(campaign, 1, 2)
    claim(campaign, 3)
    name = f"{folder_of('autumn')}/000000001.json"
    if damage is None:
        storage.delete(name)
    else:
        storage.files[name] = damage(storage.files[name])

    with pytest.raises(LedgerError, match=r"000000001\.json in the ledger of sends is missing or damaged"):
        opened(storage)


def test_a_newer_form_is_not_read(storage):
    claim(opened(storage), 1)
    name = f"{folder_of('autumn')}/000000001.json"
    storage.files[name] = storage.files[name].replace(b'"format":1', b'"format":2')

    with pytest.raises(LedgerError, match="newer than this provider knows"):
        opened(storage)


def test_a_claim_shows_no_number():
    assert "8613800000001" not in repr(Claimed("a", "b", "c", "d", 1, (8613800000001,)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"base_url": "https://other.example"}, "another host or tenant"),
        ({"tenant_id": "2"}, "another host or tenant"),
        ({"secret": "s3cret"}, "another ledger_secret"),
    ],
)
def test_a_ledger_of_another_tenant_or_secret_is_not_used(storage, changes, sentence):
    known = {"base_url": "https://crm.example", "tenant_id": "1"}
    SendLedger(storage, **known).make()

    SendLedger(storage, **known).make()
    with pytest.raises(LedgerError, match=sentence):
        SendLedger(storage, **known | changes)


def test_a_ledger_that_was_made_with_another_spelling_of_the_address_is_used(storage):
    made = SendLedger(storage, "https://CRM.example:443", "1")
    made.make()
    claim(made.campaign("autumn"), 1)

    ledger = SendLedger(storage, "https://crm.example", "1")
    ledger.make()
    assert claim(ledger.campaign("autumn"), 1) is None  # nobody gets the message twice


@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_a_ledger_whose_identity_is_damaged_is_not_used(storage, content):
    known = {"base_url": "https://crm.example", "tenant_id": "1"}
    SendLedger(storage, **known).make()
    claim(SendLedger(storage, **known).campaign("autumn"), 1)
    storage.files["sends.json"] = content
    if content is None:
        storage.delete("sends.json")

    with pytest.raises(LedgerError, match=r"sends\.json in the ledger of sends is missing or damaged"):
        SendLedger(storage, **known)


def test_an_imports_ledger_is_not_used(storage):
    storage.files["ledger.json"] = b"{}"

    with pytest.raises(InputError, match="an import's ledger"):
        SendLedger(storage, "https://crm.example", "1")


def test_hashes_replace_numbers_where_there_is_a_secret(storage):
    ledger = SendLedger(storage, "https://crm.example", "1", "s3cret")
    keys = ledger.keyring.keys(np.array([8613800000001], np.int64))
    claim(ledger.campaign("autumn"), *keys.tolist())

    assert not [content for content in storage.files.values() if b"8613800000001" in content]
