"""Imports with a ledger: what is sent, what is not, and what the report says of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from errno import ENOSPC
from pathlib import Path
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.importer.errors import InputError, LedgerError, RejectedRowsError
from airflow_provider_socialscrm.importer.options import ALL, Rules
from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.results.dead_letter_formats import WRITERS
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import number_of
from tests.support.ledger_imports import FailingAfter, RememberingCrm, Syncs, counts

PART = (
    "The input is a dead letter, a part of an earlier input: nobody counts as gone, gone_path is not written, and "
    "min_rows does not apply"
)


def people(count: int, **fields: str) -> list[dict[str, Any]]:
    return [{"whatsApp": number_of(place), "friendName": f"N{place}"} | fields for place in range(count)]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def syncs(tmp_path: Path) -> Syncs:
    return Syncs(tmp_path)


def test_a_second_run_of_the_same_rows_makes_no_call(syncs):
    first = syncs.sync(people(250))
    second = syncs.sync(people(250))

    assert (counts(first), counts(second)) == ({"accepted": 250}, {"unchanged": 250})
    assert (first["calls"]["sent"], second["calls"]["sent"], syncs.crm.calls) == (3, 0, [])
    assert (second["changes"]["new"], second["changes"]["changed"], second["changes"]["gone"]) == (0, 0, 0)


def test_only_rows_that_differ_are_sent(syncs):
    rows = people(250)
    syncs.sync(rows)

    rows[7]["friendName"], rows[200]["friendName"] = "changed", "changed, too"
    manifest = syncs.sync([*rows[:100], *rows[101:], {"whatsApp": number_of(900), "friendName": "new"}])

    assert sorted(syncs.crm.taken) == sorted(number_of(place) for place in (7, 200, 900))
    assert counts(manifest) == {"accepted": 3, "unchanged": 247}
    changes = manifest["changes"]
    assert (changes["new"], changes["changed"], changes["gone"]) == (1, 2, 1)
    assert changes["by_field"] == {"friendName": 2}


def test_a_refused_row_is_sent_again_only_when_it_changes(syncs):
    syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "bad")
    rows = people(120)
    rows[5]["friendName"] = "bad"

    first = syncs.sync(rows)
    second = syncs.sync(rows)
    rows[5]["friendName"] = "good"
    third = syncs.sync(rows)

    assert [counts(each) for each in (first, second, third)] == [
        {"accepted": 119, "rejected": 1},
        {"unchanged": 119, "known_bad": 1},
        {"unchanged": 119, "accepted": 1},
    ]
    assert (second["calls"]["sent"], third["calls"]["sent"]) == (0, 1)


def test_a_row_known_to_be_bad_keeps_the_sync_red_and_is_in_the_dead_letter_with_its_old_code(syncs):
    syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "N5")
    syncs.sync(people(20))

    with pytest.raises(RejectedRowsError, match=r"1 of 20 rows was refused \(1 x 532\)"):
        syncs.sync(people(20), max_rejected=0)

    [row] = lines_of(syncs.rejects_path)
    assert (row["socialscrm_position"], row["socialscrm_bucket"], row["socialscrm_code"]) == ("5", "known_bad", "532")
    assert "as it is in an earlier import" in row["socialscrm_meaning"]
    assert "Correct the number in this row." in row["socialscrm_hint"]
    assert syncs.crm.calls == []


@pytest.mark.parametrize(
    ("retry", "after", "sent"),
    [
        ("changed", 3600, 0),
        ("always", 0, 1),
        (timedelta(hours=3), 3600, 0),
        (timedelta(hours=3), 3 * 3600, 1),
    ],
)
def test_refused_rows_are_retried_as_the_user_says(syncs, retry, after, sent):
    syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "N5")
    syncs.sync(people(20))

    syncs.now += after - 3600
    manifest = syncs.sync(people(20), ledger={"retry_rejected": retry})

    assert (manifest["changes"]["retried"], manifest["calls"]["sent"]) == (sent, sent)


def test_what_a_missing_agent_caused_goes_again_in_each_run(tmp_path):
    syncs = Syncs(tmp_path)
    absent = {"novk"}
    syncs.crm._refuse = lambda row: 531 * (row["friendName"] == "N3" and "novk" in absent)
    first = syncs.sync(people(10))
    absent.clear()

    second = syncs.sync(people(10))

    assert (counts(first), counts(second)) == ({"accepted": 9, "rejected": 1}, {"unchanged": 9, "accepted": 1})


def test_a_new_mapping_sends_exactly_the_rows_whose_payload_differs(syncs):
    rows = [row | {"City": "Kyiv" if place % 4 == 0 else ""} for place, row in enumerate(people(100))]
    with_city, without = Rules(extension_fields=ALL), Rules()
    syncs.sync(rows, rules=without)

    manifest = syncs.sync(rows, rules=with_city)

    assert sorted(syncs.crm.taken) == [number_of(place) for place in range(0, 100, 4)]
    assert counts(manifest) == {"accepted": 25, "unchanged": 75}


class TestOnce:
    """A number gets what goes once, once."""

    def test_a_welcome_goes_once_whatever_changes(self, syncs):
        syncs.sync(people(10, welcome="Hello"))
        welcomed = dict(syncs.crm.welcomes)
        rows = people(10, welcome="Hello again")
        rows[3]["friendName"] = "changed"

        manifest = syncs.sync(rows)

        assert welcomed == {number_of(place): 1 for place in range(10)}
        assert (syncs.crm.taken, syncs.crm.welcomes.total()) == ({number_of(3): 1}, 0)
        assert counts(manifest) == {"accepted": 1, "unchanged": 9}
        assert syncs.crm.customers[number_of(3)]["friendName"] == "changed"

    def test_a_first_welcome_is_a_reason_to_send_an_unchanged_row(self, syncs):
        rows = people(10)
        syncs.sync(rows)
        rows[4]["welcome"] = "Hello"

        manifest = syncs.sync(rows)

        assert (syncs.crm.taken, syncs.crm.welcomes) == ({number_of(4): 1}, {number_of(4): 1})
        assert manifest["changes"]["by_field"] == {"welcome": 1}
        assert syncs.crm.customers[number_of(4)] == rows[4]

    def test_all_rows_are_sent_once_more_without_what_goes_once(self, syncs):
        rows = people(10, welcome="Hello")
        syncs.sync(rows)

        manifest = syncs.sync(rows, ledger={"resend": "all"})

        assert (syncs.crm.taken.total(), syncs.crm.welcomes.total()) == (10, 0)
        assert manifest["changes"]["aged"] == 10

    def test_a_welcome_that_was_refused_for_certain_goes_when_the_row_is_fixed(self, syncs):
        syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "N2")
        rows = people(5, welcome="Hello")
        syncs.sync(rows)
        rows[2]["friendName"] = "fixed"

        syncs.sync(rows)

        assert syncs.crm.welcomes == {number_of(2): 1}

    def test_without_fields_that_go_once_each_changed_row_carries_its_welcome(self, syncs):
        rows = people(3, welcome="Hello")
        syncs.sync(rows, ledger={"once": ()})
        rows[0]["welcome"] = "Another"

        syncs.sync(rows, ledger={"once": ()})

        assert syncs.crm.welcomes == {number_of(0): 1}

    def test_an_extension_field_can_go_once(self, syncs):
        rows = people(3, Voucher="A-1")
        syncs.sync(rows, ledger={"once": ("Voucher",)})
        rows = people(3, Voucher="A-2")
        rows[1]["friendName"] = "changed"

        syncs.sync(rows, ledger={"once": ("Voucher",)})

        assert syncs.crm.customers[number_of(1)]["Voucher"] == "A-1"
        assert syncs.crm.taken == {number_of(1): 1}


def test_adopting_makes_no_call_and_the_next_run_has_nothing_to_send(syncs):
    rows = people(200, welcome="Hello")

    adopted = syncs.sync(rows, ledger={"resend": "adopt"})
    after = syncs.sync(rows)

    assert (counts(adopted), adopted["changes"]["adopted"]) == ({"unchanged": 200}, 200)
    assert (counts(after), syncs.crm.customers) == ({"unchanged": 200}, {})


def test_ignored_fields_go_along_but_are_no_reason_to_send(syncs):
    rows = people(10, desc="seen on Monday")
    syncs.sync(rows)
    rows = people(10, desc="seen on Tuesday")
    rows[1]["friendName"] = "changed"

    syncs.sync(people(10, desc="seen on Monday"), ledger={"ignore": ("desc",)})  # another payload: all go once
    manifest = syncs.sync(rows, ledger={"ignore": ("desc",)})

    assert counts(manifest) == {"accepted": 1, "unchanged": 9}
    assert syncs.crm.customers[number_of(1)]["desc"] == "seen on Tuesday"


class TestGuards:
    """A guard stops a run before its first call."""

    @pytest.mark.parametrize("most", [4, 0.04])
    def test_too_many_changes(self, syncs, most):
        rows = people(100)
        syncs.sync(rows, ledger={"max_changes": most})  # the first run is not counted
        for row in rows[:5]:
            row["friendName"] = "changed"

        with pytest.raises(InputError, match=r"5 changes \(0 new, 5 changed, 0 retried\), and max_changes is"):
            syncs.sync(rows, ledger={"max_changes": most})

        assert syncs.crm.calls == []
        assert counts(syncs.sync(rows, ledger={"max_changes": 5})) == {"accepted": 5, "unchanged": 95}

    @pytest.mark.parametrize("most", [19, 0.19])
    @pytest.mark.parametrize("resend", ["changed", "all", "adopt"])
    def test_a_file_that_was_cut(self, syncs, tmp_path, most, resend):
        guards = {"max_gone": most, "gone_path": tmp_path / "gone.csv"}
        rows = people(100)
        syncs.sync(rows, ledger=guards)
        before = (tmp_path / "gone.csv").read_bytes()

        for _ in range(2):  # the customers that are missing are not noted as gone, so the guard stays
            with pytest.raises(InputError, match=r"lacks 20 customers that .* had, and max_gone is (0\.)?19"):
                syncs.sync(rows[:80], ledger=guards | {"resend": resend})

        assert (syncs.crm.calls, (tmp_path / "gone.csv").read_bytes()) == ([], before)
        assert counts(syncs.sync(rows, ledger=guards)) == {"unchanged": 100}

    def test_customers_who_left_count_in_the_run_that_first_lacks_them(self, syncs):
        rows = people(100)
        syncs.sync(rows)
        syncs.sync(rows[:70], ledger={"max_gone": 30})

        manifest = syncs.sync(rows[:65], ledger={"max_gone": 5})

        assert (manifest["changes"]["gone"], manifest["changes"]["newly_gone"]) == (35, 5)

    def test_too_few_rows(self, syncs):
        syncs.sync(people(100))

        with pytest.raises(InputError, match="The input has 3 rows, and min_rows is 90"):
            syncs.sync(people(3), ledger={"min_rows": 90})

        assert syncs.crm.calls == []

    def test_the_manifest_says_so_and_how_long_it_took(self, syncs):
        run = syncs.made(people(3), ledger={"min_rows": 90})
        with pytest.raises(InputError):
            run.run()

        manifest = run.manifest()
        assert (counts(manifest), manifest["broke_off"]["while"]) == ({"not_sent": 3}, "comparing")
        assert 0 <= manifest["seconds"]["total"] < 60

    def test_another_difference_than_the_approved_one(self, syncs):
        rows = people(10)
        approved = syncs.preview(rows)["changes"]["digest"]
        rows[1]["friendName"] = "slipped in"

        with pytest.raises(InputError, match="not the one in expected_changes"):
            syncs.sync(rows, ledger={"expected_changes": approved})

        assert syncs.crm.calls == []

    def test_exactly_the_approved_difference_is_sent(self, syncs):
        rows = people(10)
        syncs.sync(rows[:8])
        rows[1]["friendName"] = "changed"
        preview = syncs.preview(rows)

        manifest = syncs.sync(rows, ledger={"expected_changes": preview["changes"]["digest"]})

        assert {name: preview["rows"][name] for name in ("sendable", "unchanged")} == {"sendable": 3, "unchanged": 7}
        assert counts(manifest) == {"accepted": 3, "unchanged": 7}
        assert manifest["changes"]["digest"] == preview["changes"]["digest"]


def test_a_dry_run_writes_nothing(syncs, tmp_path):
    syncs.preview(people(5))

    assert list(tmp_path.rglob("*")) == []


class TestGone:
    """Who left the input is reported, and deleted nowhere."""

    def test_gone_numbers_are_written_with_the_moment_since_when(self, syncs, tmp_path):
        gone = {"gone_path": tmp_path / "gone.jsonl"}
        syncs.sync(people(5))
        syncs.sync(people(4), ledger=gone)
        first = lines_of(tmp_path / "gone.jsonl")
        manifest = syncs.sync(people(3), ledger=gone)
        second = lines_of(tmp_path / "gone.jsonl")

        assert [row["whatsApp"] for row in first] == [number_of(4)]
        assert sorted((row["whatsApp"], row["gone_since"]) for row in second) == [
            (number_of(3), "2026-09-21T17:13:20Z"),
            (number_of(4), first[0]["gone_since"]),
        ]
        assert (manifest["changes"]["gone"], manifest["changes"]["newly_gone"]) == (2, 1)

    def test_an_empty_input_says_nothing_of_anybody(self, syncs, tmp_path):
        syncs.sync(people(5))

        manifest = syncs.sync([{"whatsApp": "", "friendName": ""}], ledger={"gone_path": tmp_path / "gone.csv"})

        assert (manifest["changes"]["gone"], syncs.crm.calls, (tmp_path / "gone.csv").exists()) == (0, [], False)

    def test_a_mapped_task_notes_nobody_as_gone(self, syncs):
        syncs.sync(people(6))
        syncs.sync(people(3), map_index=0)
        manifest = syncs.sync(people(6))

        assert (counts(manifest), manifest["changes"]["newly_gone"]) == ({"unchanged": 6}, 0)

    def test_a_dead_letter_is_a_part_of_an_input_so_nobody_else_is_gone(self, syncs, tmp_path, caplog):
        ledger = {"gone_path": tmp_path / "gone.jsonl", "min_rows": 5, "max_changes": 2, "max_gone": 0}
        syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "bad")
        rows = people(6)
        rows[3]["friendName"] = "bad"
        syncs.sync(rows, ledger=ledger)
        [left] = lines_of(syncs.rejects_path)
        before = (tmp_path / "gone.jsonl").read_bytes()

        with caplog.at_level("INFO"):
            left["friendName"] = rows[3]["friendName"] = "good"
            preview = syncs.preview([left], **ledger)
            fixed = syncs.sync([left], ledger=ledger)
        night = syncs.sync(rows, ledger=ledger)

        assert caplog.messages.count(PART) == 2
        assert (preview["changes"]["changed"], preview["changes"]["gone"]) == (1, 0)
        assert preview["changes"]["digest"].split("-")[1] == fixed["changes"]["digest"].split("-")[1]
        assert (counts(fixed), fixed["changes"]["gone"], fixed["changes"]["newly_gone"]) == ({"accepted": 1}, 0, 0)
        assert (tmp_path / "gone.jsonl").read_bytes() == before
        assert (counts(night), night["changes"]["gone"], night["changes"]["newly_gone"]) == ({"unchanged": 6}, 0, 0)

    def test_a_dead_letter_says_nothing_of_who_was_gone_before(self, syncs):
        syncs.sync(people(6))
        syncs.sync(people(3))
        fixed = syncs.sync([row | {"socialscrm_import": "crm"} for row in people(5)])
        night = syncs.sync(people(3))

        assert (fixed["changes"]["gone"], counts(fixed)) == (0, {"unchanged": 5})
        assert (night["changes"]["gone"], night["changes"]["newly_gone"]) == (3, 0)

    def test_many_changes_in_a_dead_letter_stop_it_as_well(self, syncs):
        syncs.sync(people(3))
        rows = [row | {"socialscrm_import": "crm"} for row in people(6)]

        with pytest.raises(InputError, match=r"The input has 3 changes \(3 new, .* max_changes is 2, so no call"):
            syncs.sync(rows, ledger={"max_changes": 2})

    def test_a_dead_letter_is_not_the_first_run_of_a_ledger(self, syncs):
        ledger = {"max_changes": 2}
        syncs.sync([row | {"socialscrm_import": "crm"} for row in people(1)])

        assert counts(syncs.sync(people(9), ledger=ledger)) == {"accepted": 8, "unchanged": 1}


BAD_LEDGERS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda folder: (folder / "ledger.json").write_text("{}"), "ledger.json is missing or damaged"),
    (lambda folder: (folder / "ledger.json").unlink(), "ledger.json is missing or damaged"),
    (lambda folder: max((folder / "generations").iterdir()).write_text("half"), "is missing or damaged"),
    (lambda folder: next((folder / "base").rglob("*.parquet")).write_bytes(b"half"), "is missing or damaged"),
]


@pytest.mark.parametrize(("damage", "sentence"), BAD_LEDGERS)
def test_a_damaged_ledger_is_named_before_any_call(syncs, damage, sentence):
    syncs.sync(people(5))
    damage(syncs.ledger_path)

    with pytest.raises(LedgerError, match=sentence) as caught:
        syncs.sync(people(6))

    assert str(caught.value).endswith(f" The ledger is {syncs.ledger_path}.")
    assert syncs.crm.calls == []


def test_the_ledger_of_another_tenant_is_refused(syncs):
    syncs.sync(people(5))
    syncs.crm = RememberingCrm(settings=replace(syncs.crm.settings, tenant_id="2"))

    with pytest.raises(LedgerError, match="another host, tenant or auth scheme"):
        syncs.sync(people(5))


def test_a_field_that_nobody_can_have_is_refused_by_name(syncs):
    with pytest.raises(InputError, match=r"once names 'wellcome', which is not a field .*is it 'welcome'"):
        syncs.sync(people(1), ledger={"once": ("wellcome",)})


class TestRetries:
    """A retry of the same task resumes: it sees the ledger as the first try saw it, but for what must go once."""

    @pytest.fixture
    def store(self) -> MemoryCheckpointStore:
        return MemoryCheckpointStore()

    def first_try(self, syncs: Syncs, rows: list[dict[str, Any]], store: MemoryCheckpointStore, calls: int, **options):
        """Run a try that the CRM's failure ends after so many calls."""
        failing = FailingAfter(syncs.crm, calls)
        syncs.crm, crm = failing, syncs.crm
        with pytest.raises(SettingError):
            syncs.sync(rows, store=store, run="the run", **options)
        syncs.crm = crm

    def test_the_report_of_a_resumed_run_counts_the_whole_input(self, syncs, store):
        rows = people(400)
        syncs.sync(rows[:100])
        self.first_try(syncs, rows, store, 2, concurrency=1)

        manifest = syncs.sync(rows, store=store, run="the run")

        assert counts(manifest) == {"accepted": 300, "unchanged": 100}
        assert (manifest["changes"]["new"], syncs.crm.taken.total()) == (300, 100)

    def test_an_approved_difference_is_still_the_approved_one(self, syncs, store):
        rows = people(400)
        approved = {"expected_changes": syncs.preview(rows)["changes"]["digest"]}
        self.first_try(syncs, rows, store, 2, concurrency=1, ledger=approved)

        manifest = syncs.sync(rows, store=store, run="the run", ledger=approved)

        assert counts(manifest) == {"accepted": 400}

    def test_rows_that_changed_between_the_tries_are_sent_and_no_others(self, syncs, store):
        rows = people(300)
        self.first_try(syncs, rows, store, 2, concurrency=1)
        rows[3]["friendName"] = "changed meanwhile"

        manifest = syncs.sync(rows, store=store, run="the run")

        assert sorted(syncs.crm.taken) == sorted([number_of(3), *(number_of(place) for place in range(200, 300))])
        assert counts(manifest) == {"accepted": 101, "unchanged": 199}

    def test_a_welcome_that_no_call_carried_goes_in_the_retry(self, syncs, store):
        rows = people(40, welcome="Hello")
        self.first_try(syncs, rows, store, 10, concurrency=4)
        welcomed = dict(syncs.crm.welcomes)

        manifest = syncs.sync(rows, store=store, run="the run")

        assert len(welcomed) == 10
        assert counts(manifest) == {"accepted": 40}
        assert Counter(welcomed) + syncs.crm.welcomes == {number_of(place): 1 for place in range(40)}

    def test_a_retry_without_a_checkpoint_sends_what_the_ledger_lacks(self, syncs):
        rows = people(300, welcome="Hello")
        self.first_try(syncs, rows, None, 120, concurrency=4)
        welcomed = Counter(syncs.crm.welcomes)

        manifest = syncs.sync(rows, store=None, run="the run")

        assert counts(manifest) == {"unchanged": 120, "accepted": 180}
        assert max((welcomed + syncs.crm.welcomes).values()) == 1


class SlowCrm(RememberingCrm):
    """Takes some time for each call, and little for each row."""

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        sleep(0.02 + 0.00001 * len(rows))
        return super().import_customers(rows, agent=agent)


def test_the_size_of_a_call_is_found_and_starts_the_next_run(tmp_path):
    syncs = Syncs(tmp_path, SlowCrm())

    first = syncs.sync(people(6000), concurrency=2)
    second = syncs.sync(people(6000, stage="new"), concurrency=2)
    given = syncs.sync(people(6000, stage="newer"), rows_per_call=100, concurrency=2)

    assert (first["rows_per_call"] > 100, first["calls"]["sent"] < 40) == (True, True)
    assert second["calls"]["sent"] < first["calls"]["sent"]
    assert given["calls"]["sent"] == 60


def test_a_retry_that_starts_over_sends_what_the_ledger_lacks_by_then(syncs):
    store = MemoryCheckpointStore()
    rows = people(60, welcome="Hello")
    failing = FailingAfter(syncs.crm, 20)
    syncs.crm, crm = failing, syncs.crm
    with pytest.raises(SettingError):
        syncs.sync(rows, store=store, run="the run", concurrency=2)
    syncs.crm, welcomed = crm, Counter(crm.welcomes)
    for row in rows:
        row["desc"] = ""  # another column, so the checkpoint does not count

    manifest = syncs.sync(rows, store=store, run="the run")

    assert counts(manifest) == {"unchanged": 20, "accepted": 40}
    assert welcomed + syncs.crm.welcomes == {number_of(place): 1 for place in range(60)}


def test_rows_known_to_be_bad_do_not_make_a_dry_run_say_that_nothing_is_sent_where_invalid_rows_would(syncs):
    syncs.crm._refuse = lambda row: 532 * (row["friendName"] == "N5")
    syncs.sync(people(20))
    options = syncs.options(rules=Rules(on_invalid="fail"))

    preview = syncs.previewed(people(21))

    assert preview.report.rows_in(Bucket.KNOWN_BAD) == 1
    preview.check(options)


def test_a_list_of_who_left_that_cannot_be_written_leaves_the_one_of_the_run_before_and_no_number_beside_it(
    syncs, tmp_path, monkeypatch
):
    gone = {"gone_path": tmp_path / "gone" / "gone.csv"}
    syncs.sync(people(5))
    syncs.sync(people(4), ledger=gone)
    before = gone["gone_path"].read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setitem(WRITERS, ".csv", lambda *_: SimpleNamespace(write=full, close=full))
    with pytest.raises(OSError, match="No space left"):
        syncs.sync(people(3), ledger=gone)

    assert [path.name for path in (tmp_path / "gone").iterdir()] == ["gone.csv"]
    assert gone["gone_path"].read_bytes() == before
    assert syncs.crm.calls == []
