"""Imports with a ledger where it is not certain what the CRM has, whose fault a refusal is, or what time it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import SettingError, UncertainError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.errors import InputError, LedgerError
from airflow_provider_socialscrm.importer.options import ALL, Rules
from tests.importer.test_ledger import people
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import OFFLINE, number_of, place_of
from tests.support.ledger_imports import FailingAfter, RememberingCrm, Syncs, counts

ONE_CALL = RetryLimits(attempts=1, first_wait=0.001, longest_wait=0.002, budget=8, outage=0.0)


class LosingCrm(RememberingCrm):
    """Takes rows, and loses the responses to calls with some."""

    is_lost: Callable[[dict[str, str]], bool] = staticmethod(lambda _: False)

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        data = super().import_customers(rows, agent=agent)
        if any(self.is_lost(json.loads(row)) for row in rows):
            raise UncertainError("The response is lost.")
        return data


@pytest.fixture
def syncs(tmp_path) -> Syncs:
    return Syncs(tmp_path, LosingCrm())


def changed(rows: list[dict[str, Any]], place: int, **fields: str) -> list[dict[str, Any]]:
    return [row | fields if at == place else row for at, row in enumerate(rows)]


def first_try(syncs: Syncs, rows: list[dict[str, Any]], calls: int, **arguments: Any) -> None:
    """Run a try that the CRM's failure ends after so many calls."""
    failing = FailingAfter(syncs.crm, calls)
    syncs.crm, crm = failing, syncs.crm
    with pytest.raises(SettingError):
        syncs.sync(rows, run="the run", concurrency=1, **arguments)
    syncs.crm = crm


class TestWhatTheCrmHas:
    """After a call without a response a customer has the old values, or the new ones: nobody knows."""

    def test_a_value_from_before_is_sent_again_when_the_input_has_it_again(self, syncs):
        rows = people(4)
        syncs.sync(rows)
        syncs.crm.is_lost = lambda row: row["friendName"] == "lost"
        with pytest.raises(UncertainError):
            syncs.sync(changed(rows, 1, friendName="lost"), retry_limits=ONE_CALL)

        manifest = syncs.sync(rows)

        assert syncs.crm.customers[number_of(1)]["friendName"] == "N1"
        assert counts(manifest) == {"unchanged": 3, "accepted": 1}
        assert manifest["changes"]["changed"] == 1

    def test_a_customer_whose_change_was_taken_for_certain_is_not_sent_again(self, syncs):
        rows = people(4)
        syncs.sync(rows)
        syncs.sync(changed(rows, 1, friendName="taken"))

        manifest = syncs.sync(changed(rows, 1, friendName="taken"))

        assert counts(manifest) == {"unchanged": 4}

    def test_who_was_known_bad_and_may_have_been_fixed_is_sent_when_the_input_is_bad_again(self, syncs):
        syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "N1")
        rows = people(4)
        syncs.sync(rows)
        syncs.crm.is_lost = lambda row: row["friendName"] == "fixed"
        with pytest.raises(UncertainError):
            syncs.sync(changed(rows, 1, friendName="fixed"), retry_limits=ONE_CALL)

        assert counts(syncs.sync(rows)) == {"unchanged": 3, "rejected": 1}
        assert counts(syncs.sync(rows)) == {"unchanged": 3, "known_bad": 1}

    def test_the_log_of_changes_that_cannot_be_written_stops_the_run_without_a_call(self, syncs, monkeypatch):
        rows = people(4)
        syncs.sync(rows)
        run = syncs.made(changed(rows, 1, friendName="changed"))
        monkeypatch.setattr(
            run._ledger._store.storage, "write", lambda *_: (_ for _ in ()).throw(LedgerError("The disk is full."))
        )
        syncs.crm.forget()

        with pytest.raises(LedgerError, match="The disk is full"):
            run.run()

        assert syncs.crm.calls == []
        assert (counts(run.manifest()), run.manifest()["rows"]["total"]) == ({"unchanged": 3, "not_sent": 1}, 4)
        assert counts(syncs.sync(changed(rows, 1, friendName="changed"))) == {"unchanged": 3, "accepted": 1}


class TestFieldsOfOnce:
    """A field that goes once may be what is wrong with a row, or be empty."""

    def test_a_row_refused_for_such_a_field_is_sent_again_when_that_changes(self, syncs):
        syncs.crm._refuse = lambda row: 533 * (row.get("welcome") == "bad")
        rows = changed(people(3, welcome="Hello"), 1, welcome="bad")

        first, second = syncs.sync(rows), syncs.sync(rows)
        third = syncs.sync(changed(rows, 1, welcome="fixed"))

        assert [counts(each) for each in (first, second, third)] == [
            {"accepted": 2, "rejected": 1},
            {"unchanged": 2, "known_bad": 1},
            {"unchanged": 2, "accepted": 1},
        ]
        assert syncs.crm.welcomes == {number_of(1): 1}

    def test_a_first_welcome_goes_although_rows_are_sent_again_after_a_time(self, syncs):
        rows = people(3)
        syncs.sync(rows)

        manifest = syncs.sync(changed(rows, 1, welcome="Hello"), ledger={"resend_after": timedelta(days=30)})

        assert (counts(manifest), syncs.crm.welcomes) == ({"accepted": 1, "unchanged": 2}, {number_of(1): 1})

    def test_a_refused_row_whose_welcome_went_before_is_not_sent_for_another_welcome(self, syncs):
        rows = people(3, welcome="Hello")
        syncs.sync(rows)
        syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "bad")
        rows = changed(rows, 1, friendName="bad")
        syncs.sync(rows)

        assert counts(syncs.sync(changed(rows, 1, welcome="Hello again"))) == {"unchanged": 2, "known_bad": 1}

    def test_an_empty_value_is_none_so_the_first_real_one_goes(self, syncs):
        rules, once = Rules(extension_fields=ALL, empty="send"), {"once": ("Voucher",)}
        rows = changed(people(3, Voucher="A"), 1, Voucher="")
        syncs.sync(rows, ledger=once, rules=rules)

        manifest = syncs.sync(changed(rows, 1, Voucher="B"), ledger=once, rules=rules)

        assert syncs.crm.customers[number_of(1)]["Voucher"] == "B"
        assert (counts(manifest), syncs.crm.taken) == ({"accepted": 1, "unchanged": 2}, {number_of(1): 1})

    @pytest.mark.parametrize("welcome", ["Hello " * 20, "Hello " * 200])
    def test_a_row_that_only_such_a_field_makes_too_large_is_invalid(self, syncs, welcome):
        rows = changed(people(3, welcome="Hi"), 1, welcome=welcome)

        manifest = syncs.sync(rows, bytes_per_call=400, rows_per_call=2)

        assert counts(manifest) == ({"accepted": 3} if len(welcome) < 400 else {"accepted": 2, "invalid": 1})


class TestClocks:
    """Workers' clocks differ, and the later run wins all the same."""

    @pytest.mark.parametrize("behind", [1, 3600, 300 * 24 * 3600])
    def test_a_run_whose_clock_is_behind_is_later(self, syncs, behind):
        rows = people(3)
        syncs.sync(rows)
        syncs.now += 2 * behind
        syncs.sync(changed(rows, 1, friendName="B"))
        syncs.now -= behind
        syncs.sync(rows)

        manifest = syncs.sync(changed(rows, 1, friendName="B"))

        assert (counts(manifest), syncs.crm.customers[number_of(1)]["friendName"]) == (
            {"accepted": 1, "unchanged": 2}, "B"
        )  # fmt: skip
        assert counts(syncs.sync(changed(rows, 1, friendName="B"))) == {"unchanged": 3}


class TestFirstRun:
    """The guard on changes does not count until a first run has come to its end."""

    def test_a_retry_without_a_checkpoint_finishes_a_first_run_that_was_cut_short(self, syncs):
        rows, guard = people(300), {"max_changes": 0.2}
        first_try(syncs, rows, 1, ledger=guard)

        assert counts(syncs.sync(rows, ledger=guard)) == {"unchanged": 100, "accepted": 200}
        with pytest.raises(InputError, match="300 changes"):
            syncs.sync(people(300, stage="changed"), ledger=guard)

    def test_an_empty_first_input_does_not_stop_the_first_customers(self, syncs):
        syncs.sync([{"whatsApp": "", "friendName": ""}], ledger={"max_changes": 0.2})

        assert counts(syncs.sync(people(5), ledger={"max_changes": 0.2})) == {"accepted": 5}


def test_what_the_log_has_and_the_checkpoint_lacks_is_not_sent_again_and_counts_as_accepted(syncs):
    rows = people(12, welcome="Hello")
    for row in rows[6:]:
        row["welcome"] = ""
    store = MemoryCheckpointStore()
    first_try(syncs, rows, 7, store=store, rows_per_call=2)
    del store.texts[1:]  # as a kill leaves it behind the last log
    taken = set(syncs.crm.taken)

    manifest = syncs.sync(rows, store=store, run="the run")

    assert taken.isdisjoint(syncs.crm.taken)
    assert counts(manifest) == {"accepted": 12}


@pytest.mark.parametrize("on_invalid", ["fail", "reject"])
def test_an_invalid_row_that_stops_the_run_leaves_the_ledger_as_it_was(syncs, on_invalid):
    rows = people(5, welcome="Hello")
    rules = Rules(extension_fields=ALL, on_invalid=on_invalid)
    invalid = [*rows, {"whatsApp": "none", "friendName": "nobody", "welcome": ""}]
    try:
        syncs.sync(invalid, rules=rules)
    except InputError:
        assert on_invalid == "fail"

    manifest = syncs.sync(rows, rules=rules)

    assert counts(manifest) == ({"accepted": 5} if on_invalid == "fail" else {"unchanged": 5})


def test_refusals_that_are_atomic_release_the_claims_of_their_call(tmp_path):
    syncs = Syncs(tmp_path, RememberingCrm(settings=replace(OFFLINE, refusals_are_atomic=True)))
    syncs.crm._refuse = lambda row: 532 * (place_of(row) in {3, 17})
    rows = people(40, welcome="Hello")
    manifest = syncs.sync(rows)
    syncs.crm._refuse = lambda _: 0
    welcomed = dict(syncs.crm.welcomes)
    second = syncs.sync(changed(changed(rows, 3, friendName="fixed"), 17, friendName="fixed"))

    assert counts(manifest) == {"accepted": 38, "rejected": 2}
    assert counts(second) == {"unchanged": 38, "accepted": 2}
    assert set(welcomed.values()) == set(syncs.crm.welcomes.values()) == {1}
    assert set(syncs.crm.welcomes) == {number_of(3), number_of(17)}


def test_an_agent_who_takes_over_a_number_gets_the_row(syncs):
    rows = [row | {"agentAccount": "wang"} for row in people(3)]
    syncs.sync(rows)

    manifest = syncs.sync(changed(rows, 1, agentAccount="silva"))

    assert (counts(manifest), syncs.crm.taken) == ({"accepted": 1, "unchanged": 2}, {number_of(1): 1})


def test_another_default_region_is_another_number_and_stops_at_the_guard(syncs):
    rows = [{"whatsApp": f"0151 2345670{place}", "friendName": "N"} for place in range(4)]
    german, austrian = (Rules(default_region=region) for region in ("DE", "AT"))
    syncs.sync(rows, rules=german)

    with pytest.raises(InputError, match=r"max_changes is 0\.5"):
        syncs.sync(rows, rules=austrian, ledger={"max_changes": 0.5})

    assert syncs.crm.calls == []
