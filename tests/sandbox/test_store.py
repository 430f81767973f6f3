"""The effect of a second import on a known customer, and where customers are stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from airflow_provider_socialscrm.sandbox.store import CustomerStore, ImportRow


@pytest.fixture
def store():
    with closing(CustomerStore()) as made:
        yield made


def row(number="8610000001", agent="agent_wang", **fields):
    return ImportRow(number, agent, fields)


def test_given_fields_overwrite_and_omitted_ones_stay(store):
    store.commit("1", [row(friendName="Lee", stage="New")], at=10.0)
    store.commit("1", [row(agent="agent_novak", friendName="", desc="regular")], at=20.0)

    [customer] = store.customers()
    assert customer.fields == {"friendName": "", "stage": "New", "desc": "regular"}
    assert (customer.agent, customer.times_imported) == ("agent_novak", 2)
    assert (customer.first_at, customer.last_at) == (10.0, 20.0)


def test_a_number_twice_in_one_call_is_imported_twice_in_order(store):
    store.commit("1", [row(friendName="first"), row(friendName="second")], at=1.0)

    [customer] = store.customers()
    assert (customer.fields["friendName"], customer.times_imported) == ("second", 2)


def test_a_welcome_is_sent_each_time_it_is_stored(store):
    for welcome in ("hello", "hello", ""):
        store.commit("1", [row(welcome=welcome)], at=1.0)
    store.commit("1", [row()], at=1.0)

    [customer] = store.customers()
    assert (customer.welcomes, customer.times_imported) == (2, 4)


@pytest.mark.parametrize(
    ("imports", "tags"),
    [
        ([{"tabName": "Soldier, Strategy,,"}], ["Soldier", "Strategy"]),
        ([{"tabName": "a,b"}, {"tabName": "b,c"}], ["a", "b", "c"]),
        ([{"tabName": "a,b"}, {"cancelTabName": "a"}], ["b"]),
        ([{"tabName": "a,b"}, {"cancelTabName": ""}], ["a", "b"]),
        ([{"tabName": "a"}, {"cancelTabName": "a"}, {"tabName": "a"}], ["a"]),
    ],
)
def test_tags_are_added_and_removed_by_name(store, imports, tags):
    store.commit("1", [row(**fields) for fields in imports], at=1.0)

    assert store.customers()[0].tags == tags


def test_customers_of_two_companies_are_two_customers(store):
    store.commit("1", [row()], at=1.0)
    store.commit("2", [row()], at=1.0)

    assert [customer.times_imported for customer in store.customers()] == [1, 1]


def test_customers_stay_in_order_of_first_import(store):
    store.commit("1", [row("8610000002"), row("8610000001")], at=1.0)
    store.commit("1", [row("8610000003"), row("8610000002")], at=2.0)

    assert [customer.whatsapp for customer in store.customers()] == ["8610000002", "8610000001", "8610000003"]
    assert [customer.whatsapp for customer in store.customers(limit=1)] == ["8610000002"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["8610000003", "8610000002", "8610000001"]),
        ("00002", ["8610000002"]),
        ("lee", ["8610000001"]),
        ("%", []),
        ("\N{CJK UNIFIED IDEOGRAPH-738B}", ["8610000003"]),
    ],
)
def test_search_finds_parts_of_numbers_and_names_newest_first(store, text, found):
    store.commit("1", [row("8610000001", friendName="LEE"), row("8610000002")], at=1.0)
    store.commit(
        "1", [row("8610000003", friendName="\N{CJK UNIFIED IDEOGRAPH-738B}\N{CJK UNIFIED IDEOGRAPH-5C0F}")], 1.0
    )

    assert [customer.whatsapp for customer in store.search(text, offset=0, limit=10)] == found
    assert store.count(text) == len(found)


def test_a_file_keeps_customers_over_a_restart_in_write_ahead_mode(tmp_path):
    path = tmp_path / "crm.sqlite"
    with closing(CustomerStore(str(path))) as store:
        store.commit("1", [row()], at=1.0)
    with closing(CustomerStore(str(path))) as store:
        assert [customer.whatsapp for customer in store.customers()] == ["8610000001"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
