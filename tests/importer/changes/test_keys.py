"""Hashes instead of numbers: what happens to two customers that share one."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import World

NUMBERS = np.array([8_615_266_667_780, 4_915_112_345_678])


def test_of_two_customers_that_share_a_hash_both_are_sent_in_each_run(tmp_path):
    world = World(tmp_path, kind=KeyKind.HMAC, secret="the secret")
    shared = 12_345
    rows = [Sent(shared, 1), Sent(shared, 2)]  # their payloads differ, because these have the number
    for _ in range(3):
        assert all(change < Change.UNCHANGED for change in world.changes(rows))
        world.record(*rows)
    world.close()


def test_a_keyring_without_its_secret_reads_hashes_and_makes_none():
    full = Keyring(KeyKind.HMAC, secret="the secret")
    blind = Keyring(KeyKind.HMAC, check=full.check_value())

    assert blind.check_value() == full.check_value()
    assert blind.numbers(full.keys(NUMBERS)).tolist() == full.keys(NUMBERS).tolist()
    with pytest.raises(LedgerError, match="finding one needs the ledger_secret"):
        blind.hidden(NUMBERS)


def test_a_secret_that_is_known_is_checked_whatever_is_given():
    assert (
        Keyring(KeyKind.HMAC, secret="one", check="another").check_value()
        == Keyring(KeyKind.HMAC, secret="one").check_value()
    )


def test_what_is_forgotten_is_hashed_with_each_agent():
    keyring = Keyring(KeyKind.HMAC, by_agent=True, secret="the secret")
    expected = set(keyring.keys(NUMBERS, ["wang", "li"]).tolist()) | set(keyring.keys(NUMBERS, [None, None]).tolist())
    keyring.agents.place("wang")
    keyring.agents.place("li")

    assert expected <= set(keyring.hidden(NUMBERS).tolist())


@pytest.mark.parametrize("by_agent", [False, True])
def test_agents_are_found_in_keys(by_agent):
    keyring = Keyring(by_agent=by_agent)
    keys = keyring.keys(NUMBERS, ["wang", None])

    assert keyring.agent_places(keys).tolist() == ([1, 0] if by_agent else [0, 0])
    assert keyring.numbers(keys).tolist() == NUMBERS.tolist()
