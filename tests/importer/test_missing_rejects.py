"""A retry misses no row that an earlier try refused: it names those that are in no file, before any call."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import ServiceError
from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.results import not_accepted
from airflow_provider_socialscrm.importer.results.not_accepted import NotAccepted
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import OfflineCrm, counts_of, number_of, place_of, run_through, table_of

ROWS = 40
REFUSED = range(0, 30, 2)
INVALID = 39
IDENTITY = ImportIdentity("import", "nightly", "monday", None, 2)


class UnavailableCrm(OfflineCrm):
    """Refuses some rows, and is unavailable from some call on."""

    def __init__(self, calls: int) -> None:
        super().__init__(lambda row: 533 if place_of(row) in REFUSED else 0)
        self.left = calls

    def import_customers(self, rows, *, agent=None):
        if self.left == 0:
            raise ServiceError("The CRM is unavailable.")
        self.left -= 1
        return super().import_customers(rows, agent=agent)


@dataclass
class World:
    """One import, whose tries meet at a path and a checkpoint."""

    path: Path
    store: MemoryCheckpointStore = field(default_factory=MemoryCheckpointStore)
    welcome: tuple[int, ...] = ()
    identity: ImportIdentity = IDENTITY
    crm: UnavailableCrm | None = None

    def attempt(self, calls: int = 1_000, **options: Any) -> Import:
        """Make one try, in which the CRM takes so many calls."""
        rows = [
            {"whatsApp": number_of(n), "friendName": f"+{n}", "welcome": "Hello" if n in self.welcome else None}
            for n in range(ROWS)
        ]
        rows[INVALID]["whatsApp"] = "no-number"
        self.crm = UnavailableCrm(calls)
        chosen = {"rows_per_call": 1, "concurrency": 1, "max_rejected": None, "save_interval": 0.0} | options
        run = Import(
            open_source(table_of(rows)), self.crm, Options(**chosen), self.path, self.store, identity=self.identity
        )
        return run_through(run)

    def stopped(self, calls: int) -> None:
        """Make a try that stops because the CRM is unavailable."""
        limits = replace(Options().retry_limits, attempts=1)
        with pytest.raises(ServiceError):
            self.attempt(calls, retry_limits=limits)

    def killed(self, calls: int) -> None:
        """Make a try that leaves what a killed one leaves: its rows are in parts only."""
        self.stopped(calls)
        self.path.write_text(self.path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")

    @property
    def parts(self) -> list[Path]:
        return sorted(self.path.with_name(f"{self.path.name}.parts").glob("*-*.jsonl"))

    def positions(self) -> list[int]:
        rows = [row for batch in open_source(self.path).batches() for row in batch.records.to_pylist()]
        assert [row["friendName"] for row in rows] == [f"+{row['socialscrm_position']}" for row in rows]
        return sorted(int(row["socialscrm_position"]) for row in rows)


@pytest.fixture(params=[".csv", ".parquet", ".jsonl"])
def any_world(request, tmp_path) -> World:
    return World(tmp_path / f"rejects{request.param}")


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path / "rejects.csv")


def other_disk(world: World) -> None:
    """Remove all that an earlier try wrote, as on the disk of another worker."""
    shutil.rmtree(world.path.with_name(f"{world.path.name}.parts"))
    world.path.unlink()


EVERY = [*REFUSED, INVALID]


def test_a_retry_on_another_workers_disk_names_the_rows_and_makes_no_call(world):
    world.stopped(calls=35)
    other_disk(world)

    with pytest.raises(CheckpointError) as caught:
        world.attempt()

    assert str(caught.value) == (
        f"15 rows that are done and were not accepted would be missing from rejects_path {world.path} (their positions "
        "are 0, 2, 4, 6, 8, 10, 12, 14, 16, 18 and 5 more): no call was made, because rejects.csv.parts of an earlier "
        "try is not here, or not whole. Let the task run where that folder is, or put it back, or set "
        "allow_missing_rejects=True to go on without these rows."
    )
    assert world.crm.calls == []
    assert not world.path.exists()


def test_a_user_who_allows_it_goes_on_without_the_rows_and_is_warned(world, caplog):
    world.stopped(calls=35)
    other_disk(world)

    run = world.attempt(allow_missing_rejects=True)

    assert counts_of(run) == {"accepted": 24, "rejected": 15, "invalid": 1}
    assert world.positions() == [INVALID]
    assert "15 rows that are done and were not accepted would be missing" in caplog.text
    assert "the task goes on, as allow_missing_rejects says" in caplog.text


def test_rows_whose_parts_were_removed_are_taken_from_the_file(any_world):
    any_world.stopped(calls=35)
    shutil.rmtree(any_world.path.with_name(f"{any_world.path.name}.parts"))

    run = any_world.attempt()

    assert counts_of(run) == {"accepted": 24, "rejected": 15, "invalid": 1}
    assert any_world.positions() == EVERY


def test_rows_that_are_taken_from_the_file_survive_a_kill_of_the_retry(any_world, monkeypatch):
    any_world.stopped(calls=20)
    shutil.rmtree(any_world.path.with_name(f"{any_world.path.name}.parts"))
    any_world.stopped(calls=10)
    any_world.path.unlink()

    any_world.attempt()

    assert any_world.positions() == EVERY


def test_one_missing_part_of_several_is_found(world):
    world.killed(calls=35)
    world.parts[0].unlink()  # which has the invalid row as well

    with pytest.raises(CheckpointError, match=r"^1 row that is done and .* \(its position is 0\)"):
        world.attempt()


def test_a_part_that_was_cut_short_misses_the_row_if_it_is_done(world):
    world.killed(calls=35)
    part = [each for each in world.parts if b'"order":null' not in each.read_bytes()][-1]
    last = json.loads(part.read_bytes().splitlines()[-1])["row"]["socialscrm_position"]
    part.write_bytes(part.read_bytes()[:-9])

    with pytest.raises(CheckpointError, match=rf"^1 row that is done and .* \(its position is {last}\)"):
        world.attempt()
    assert world.crm.calls == []


def bad_line(part):
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b'{"row": {"friendName": "Ann Secret"\n' + b"".join(lines))


def wrong_type(part):
    part.write_bytes(b'{"row": {"friendName": "Ann Secret"}, "order": "1"}\n' + part.read_bytes())


def deep(part):
    part.write_bytes(b'{"row": {}, "order": 1, "x": ' + b"[" * 100_000 + b"\n" + part.read_bytes())


def not_text(part):
    part.write_bytes(b'{"row": {"friendName": "\xff"}, "order": 1}\n' + part.read_bytes())


@pytest.mark.parametrize("damage", [bad_line, wrong_type, deep, not_text])
def test_a_damaged_part_is_named_with_what_to_do(world, damage):
    world.killed(calls=35)
    before = world.path.read_bytes()
    part = world.parts[1]
    damage(part)

    with pytest.raises(CheckpointError) as caught:
        world.attempt()

    assert str(caught.value) == (
        f"Line 1 of {part} is damaged, so rows that were not accepted would be missing from rejects_path: restore this "
        "file, or delete it, and the next try names the rows that are missing."
    )
    assert world.crm.calls == []
    assert world.path.read_bytes() == before


def test_invalid_rows_cannot_be_missing(world):
    world.stopped(calls=0)
    other_disk(world)

    world.attempt()

    assert world.positions() == EVERY


@pytest.mark.parametrize("keep_file", [True, False])
def test_of_too_many_intervals_only_the_number_is_known(world, monkeypatch, keep_file):
    monkeypatch.setattr(not_accepted, "MOST_INTERVALS", 3)
    world.stopped(calls=35)
    assert world.store.states[-1]["not_accepted"] == []
    assert world.store.states[-1]["not_accepted_rows"] == 15
    shutil.rmtree(world.path.with_name("rejects.csv.parts"))
    if keep_file:
        world.attempt()
        assert world.positions() == EVERY
    else:
        world.path.unlink()
        with pytest.raises(CheckpointError, match=r"^15 rows .* \(they are too many for their positions to be known\)"):
            world.attempt()


def test_a_checkpoint_lists_the_rows_that_are_done_and_were_not_accepted(world):
    world.stopped(calls=35)

    state = world.store.states[-1]

    assert state["not_accepted"] == [[n, n + 1] for n in REFUSED]
    assert NotAccepted(state["not_accepted"], state["not_accepted_rows"]).rows == 15


def test_a_checkpoint_that_is_gone_is_a_warning_and_rows_with_side_effects_are_held(world, caplog):
    world.welcome = (31, 33, 35, 37)
    world.stopped(calls=33)
    world.store.clear()

    run = world.attempt()

    assert "This is a retry, and no earlier try has left a checkpoint" in caplog.text
    assert counts_of(run) == {"accepted": 20, "rejected": 15, "invalid": 1, "unknown": 4}
    assert len(world.crm.calls) == 35  # a call for each other row
    assert world.positions() == sorted([*EVERY, *world.welcome])


def test_rows_that_are_held_for_it_stay_held_in_later_tries(world):
    world.welcome = (31,)
    world.stopped(calls=33)
    world.store.clear()
    world.stopped(calls=0)

    assert counts_of(world.attempt())["unknown"] == 1
    assert world.positions() == sorted([*EVERY, *world.welcome])


def test_users_who_have_rows_sent_again_get_them_sent(world):
    world.welcome = (31,)
    world.stopped(calls=33)
    world.store.clear()

    assert "unknown" not in counts_of(world.attempt(on_unknown="resend"))


def test_a_cleared_task_has_no_checkpoint_and_starts_over(world, caplog):
    world.welcome = (31,)
    world.stopped(calls=33)
    world.store.restart(None)
    world.identity = replace(IDENTITY, max_tries=5)

    assert counts_of(world.attempt()) == {"accepted": 24, "rejected": 15, "invalid": 1}
    assert "no earlier try" not in caplog.text


def test_a_try_that_saved_nothing_leaves_nothing_that_is_missed(world, caplog):
    world.welcome = (0,)
    world.killed(calls=0)
    world.store.restart(None)
    shutil.rmtree(world.path.with_name("rejects.csv.parts"))

    assert "unknown" not in counts_of(world.attempt())
    assert "no earlier try" not in caplog.text
