"""A ledger loses no acceptance: killed between any two steps, written by several runs, or damaged."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.changes import compaction, generation
from airflow_provider_socialscrm.importer.changes.compaction import compact, is_due
from airflow_provider_socialscrm.importer.changes.deletion import delete_old
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.generation import File, Generation, seal
from airflow_provider_socialscrm.importer.changes.keys import KeyKind
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage, Storage
from airflow_provider_socialscrm.importer.changes.store import LEDGER, Target
from airflow_provider_socialscrm.importer.errors import LedgerError, UnusableLedgerError
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import LAYOUT, START, TARGET, World, read

ANN, BEN, EVE = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678
DAY = 24 * 3600


class Killed(BaseException):
    """The process is gone."""


class Watched:
    """Storage that calls the test before and after each change of a file, and counts these points.

    :param storage: has the files.
    :param at: called with the point's number and its name.
    """

    def __init__(self, storage: Storage, at: Callable[[int, str], Any] = lambda *_: None) -> None:
        self._storage = storage
        self._at = at
        self.points: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)
        if name not in {"write", "create", "delete"}:
            return method

        def watched(file: str, *args: Any) -> Any:
            self._reach(f"before {name} {file.partition('/')[0]}")
            result = method(file, *args)
            self._reach(f"after {name} {file.partition('/')[0]}")
            return result

        return watched

    def _reach(self, point: str) -> None:
        self.points.append(point)
        self._at(len(self.points), point)


def kill_at(number: int) -> Callable[[int, str], None]:
    def kill(reached: int, _name: str) -> None:
        if reached == number:
            raise Killed

    return kill


def live(storage: Any, seen: dict[str, bool]) -> None:
    """Do all that runs do with a ledger, noting each step that was confirmed."""
    world = World(storage)
    for run in range(3):
        world.now += 8 * DAY
        writer = world.writer()
        writer.claim([Sent(ANN + run, 1, once=1)])
        seen[f"claimed {run}"] = True
        writer.record(Outcome.ACCEPTED, [Sent(ANN + run, 1, once=1), Sent(BEN + run, 2)])
        writer.flush()
        seen[f"accepted {run}"] = True
        writer.record(Outcome.REJECTED, [Sent(EVE + run, 3)], "508")
        writer.commit(compacting=run > 0)
        seen[f"committed {run}"] = True
    seen["end"] = True


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["local", pytest.param("memory", marks=pytest.mark.thorough)])
def test_killed_between_any_two_steps_nothing_that_was_confirmed_is_lost(kind, tmp_path, request):
    from tests.importer.changes.conftest import storage_of

    number, points = 0, []
    while True:
        number += 1
        storage = storage_of(kind, tmp_path / str(number), request)
        watched, seen = Watched(storage, kill_at(number)), {}
        try:
            live(watched, seen)
        except Killed:
            points.append(watched.points[-1])
        after = World(storage)
        after.now += 100 * DAY
        check_confirmed(after, seen)
        if "end" in seen:
            break
        # the next run goes on from there, and the whole is a ledger that knows both
        after.record(Sent(EVE + 9, 9))
        check_confirmed(after, seen)
        assert after.changes([Sent(EVE + 9, 9)]) == [Change.UNCHANGED]
        after.close()
    steps = {"create ledger.json", "write log", "create generations", "write base", "delete log", "delete generations"}
    assert set(points) >= {f"{when} {step}" for when in ("before", "after") for step in steps}


def check_confirmed(world: World, seen: dict[str, bool]) -> None:
    entries = world.entries()
    for run in range(3):
        if f"claimed {run}" in seen:
            assert entries[ANN + run]["once"] == 1
        if f"accepted {run}" in seen:
            assert world.changes([Sent(ANN + run, 1, once=1), Sent(BEN + run, 2)]) == [Change.UNCHANGED] * 2
        if f"committed {run}" in seen:
            assert world.changes([Sent(EVE + run, 3)]) == [Change.KNOWN_BAD]
    world.close()


def test_a_claim_without_an_answer_counts_as_sent_and_the_row_goes_without_it(world):
    world.writer().claim([Sent(ANN, 1, once=1), Sent(BEN, 1)])

    difference = world.difference([Sent(ANN, 1, once=1), Sent(BEN, 1, once=1)])
    changes, details = difference.verdicts().of(world.store().keyring.keys(_array(ANN, BEN)))

    assert (changes.tolist(), details.tolist()) == ([Change.RETRIED, Change.NEW], [0, 1])


def _array(*keys: int) -> Any:
    import numpy as np

    return np.array(keys)


@pytest.mark.parametrize("end", ["release", "reject"])
def test_a_claim_of_a_row_that_was_not_taken_is_no_claim(world, end):
    row, writer = Sent(ANN, 1, once=1), world.writer()
    writer.claim([row])
    writer.release([row]) if end == "release" else writer.record(Outcome.REJECTED, [row], "508")
    writer.commit()

    difference = world.difference([Sent(ANN, 2, once=1)])
    _, details = difference.verdicts().of(_array(ANN))

    assert details.tolist() == [1]
    assert (ANN in world.entries()) == (end == "reject")


def test_a_claim_leaves_what_was_accepted_before(world):
    world.record(Sent(ANN, 1))
    world.writer().claim([Sent(ANN, 1, once=1)])

    assert world.changes([Sent(ANN, 1, once=1)]) == [Change.UNCHANGED]


@pytest.mark.thorough
def test_two_runs_at_once_make_a_union(storage):
    """Run B commits at each point of A's commit in turn."""
    names = []
    number = 0
    while number <= len(names):
        number += 1
        world = World(Inside(storage, f"ledger {number}"))
        world.record(Sent(EVE, 1))
        other = world.writer("B")
        other.record(Outcome.ACCEPTED, [Sent(BEN, 1)])
        other.flush()

        def commit_other(reached: int, _name: str, other: Any = other, number: int = number) -> None:
            if reached == number:
                other.commit(compacting=number % 2 == 0)

        mine = World(watched := Watched(world.storage, commit_other))
        writer = mine.writer("A")
        writer.record(Outcome.ACCEPTED, [Sent(ANN, 1)])
        committed = writer.commit()
        names = watched.points

        assert world.changes([Sent(EVE, 1), Sent(BEN, 1), Sent(ANN, 1)]) == [Change.UNCHANGED] * 3
        assert committed.number >= 2
        assert list(world.store().snapshot().unnamed) == []
        world.close()
    assert "before create generations" in names


class Inside:
    """A folder of another storage."""

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)
        if name == "names":
            return lambda folder: [each.removeprefix(f"{self._folder}/") for each in method(f"{self._folder}/{folder}")]
        return lambda file, *args: method(f"{self._folder}/{file}", *args)


def test_many_runs_at_once_make_a_union(tmp_path):
    world, start = World(tmp_path), threading.Barrier(8)

    def run(number: int) -> None:
        writer = World(tmp_path).writer(f"run {number}")
        start.wait()
        for turn in range(3):
            writer.record(Outcome.ACCEPTED, [Sent(ANN + number * 10 + turn, 1)])
            writer.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))

    rows = [Sent(ANN + number * 10 + turn, 1) for number in range(8) for turn in range(3)]
    assert world.changes(rows) == [Change.UNCHANGED] * 24
    world.close()


def test_for_a_number_the_later_answer_wins_whoever_commits_last(world):
    early, late = world.writer("early"), world.writer("late")
    early.record(Outcome.ACCEPTED, [Sent(ANN, 1, once=1)])
    world.now += 1
    late.record(Outcome.REJECTED, [Sent(ANN, 2)], "508")
    late.commit()
    compact(world.store(), "by hand")
    early.commit()

    entry = world.entries()[ANN]

    assert (entry["outcome"], entry["payload"], entry["was_accepted"], entry["once"]) == (Outcome.REJECTED, 2, 1, 1)


def test_a_number_has_the_time_since_when_its_outcome_has_been_the_same(world):
    for outcome in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.REJECTED, Outcome.REJECTED):
        world.now += DAY
        world.record(Sent(ANN, 1), outcome=outcome)

    entry = world.entries()[ANN]

    assert (entry["first"], entry["seen"]) == (START + 2 * DAY, START + 4 * DAY)


def test_a_client_that_repeats_its_request_finds_its_own_generation(tmp_path):
    class Repeating(LocalStorage):
        def create(self, name: str, content: bytes) -> bool:
            super().create(name, content)
            return super().create(name, content)

    world = World(Repeating(tmp_path))

    world.record(Sent(ANN, 1))

    assert world.store().newest().number == 2  # one with the log, one compacted
    assert world.changes([Sent(ANN, 1)]) == [Change.UNCHANGED]
    world.close()


@pytest.mark.parametrize(
    ("logs", "log_rows", "base_rows", "expected"),
    [(1, 10, 100, False), (1, 11, 100, True), (64, 10, 1_000, False), (65, 10, 1_000, True), (0, 0, 0, False)],
)
def test_a_ledger_is_compacted_when_its_logs_take_time_to_read(logs, log_rows, base_rows, expected):
    files = tuple(File(f"log/{n}", 1, 1, log_rows if n == 0 else 0) for n in range(logs))

    assert is_due(Generation(base=(File("base", 1, 1, base_rows),), logs=files)) == expected


@pytest.mark.parametrize(
    ("rows", "at_least", "expected"),
    [(0, 1, 1), (2**19, 1, 1), (2**19 + 1, 1, 2), (10_000_000, 1, 32), (10, 8, 8), (10**12, 1, 256)],
)
def test_buckets_are_a_power_of_two_and_never_fewer(rows, at_least, expected):
    assert compaction.buckets_for(rows, at_least) == expected


def test_old_files_are_deleted_after_a_week_and_nothing_else(tmp_path):
    world = World(tmp_path)
    for _ in range(3):
        world.record(Sent(ANN, world.now))
        world.now += 3 * DAY
    killed = f"base/000/{START}-0a0b0c0d.parquet"
    world.storage.write(killed, b"of a compaction that was killed")

    world.now += 2 * DAY
    delete_old(world.store())
    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    newest = world.store().newest()

    assert killed not in left
    assert f"generations/{newest.number:07}.json" in left
    assert "generations/0000001.json" not in left
    assert newest.named <= {*left, *(merged.name for merged in newest.merged)}
    assert len([name for name in left if name.startswith("base/")]) == 2  # of this week, and of the one before it ended
    assert world.changes([Sent(ANN, START + 6 * DAY)]) == [Change.UNCHANGED]
    world.close()


def test_what_is_left_out_by_a_compaction_can_be_deleted_at_once(tmp_path):
    world = World(tmp_path)
    world.record(Sent(ANN, 1), Sent(BEN, 1))

    compact(world.store(), "forget", lambda entries: entries[entries["key"] != ANN])
    delete_old(world.store(), older_than=0)

    assert set(world.entries()) == {BEN}
    assert [path.name for path in (tmp_path / "generations").iterdir()] == ["0000003.json"]
    assert list((tmp_path / "log").rglob("*.parquet")) == []
    assert len(list((tmp_path / "base").rglob("*.parquet"))) == 1


def filled(folder: Path) -> World:
    """Return a ledger with a base, a log that a generation names, and one that none names."""
    world = World(folder)
    world.record(*(Sent(ANN + number, number, once=number % 2) for number in range(40)))
    world.record(Sent(BEN, 5, fields=b"\1\2"), outcome=Outcome.REJECTED, code="508")
    writer = world.writer()
    writer.record(Outcome.ACCEPTED, [Sent(EVE, 5)])
    writer.flush()
    return world


@given(data=st.data())
def test_a_damaged_ledger_is_refused_or_has_lost_nothing(tmp_path_factory, data):
    world = filled(folder := tmp_path_factory.mktemp("ledger"))
    before = read_or_refusal(world)
    newest = world.store().newest()
    files = [LEDGER, newest.name, *newest.named - {each.name for each in newest.merged}]
    files += [file.name for file in world.store().snapshot().unnamed]
    assert len(files) >= 4
    path = folder / data.draw(st.sampled_from(sorted(files)))
    content = bytearray(path.read_bytes())
    match data.draw(st.sampled_from(["flip", "cut", "zeros", "empty", "longer"])):
        case "flip":
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] ^= data.draw(st.integers(1, 255))
        case "cut":
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        case "zeros":
            start = data.draw(st.integers(0, len(content) - 1))
            content[start:] = bytes(len(content) - start)
        case "empty":
            content.clear()
        case "longer":
            content += data.draw(st.binary(min_size=1, max_size=20))
    path.write_bytes(content)

    after = read_or_refusal(world)
    if after != before:
        assert isinstance(after, str)
        assert "\n" not in after
        assert str(ANN) not in after


def read_or_refusal(world: World) -> bytes | str:
    try:
        return bytes(read(world.store()).tobytes())
    except LedgerError as refused:
        return str(refused)


@pytest.mark.parametrize("missing", ["base", "log", LEDGER])
def test_a_ledger_with_a_file_missing_is_refused(tmp_path, missing):
    world = filled(tmp_path)
    newest = world.store().newest()
    files = {"base": newest.base[0].name, "log": newest.logs[0].name, LEDGER: LEDGER}
    (tmp_path / files[missing]).unlink()

    with pytest.raises(
        UnusableLedgerError, match=f"^The ledger's file {files[missing]} is missing or damaged: restore"
    ):
        read(world.store())


@pytest.mark.parametrize("name", [LEDGER, "generations/0000002.json"])
def test_a_newer_format_is_refused(tmp_path, name, monkeypatch):
    filled(tmp_path)
    values = generation.unseal(name, (tmp_path / name).read_bytes())
    monkeypatch.setattr(generation, "FORMAT", 2)
    content = seal(values)
    monkeypatch.undo()
    (tmp_path / name).write_bytes(content)
    for path in (tmp_path / "generations").iterdir():
        if path.name > name.rpartition("/")[2] and name != LEDGER:
            path.unlink()

    with pytest.raises(UnusableLedgerError, match=rf"^The ledger's file {name} has format 2, which is newer"):
        read(World(tmp_path).store())


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            {"target": Target("https://other.example", "1", "body")},
            "The ledger is of another host, tenant or auth scheme",
        ),
        (
            {"target": Target("https://crm.example", "2", "body")},
            "The ledger is of another host, tenant or auth scheme",
        ),
        (
            {"target": Target("https://crm.example", "1", "header")},
            "The ledger is of another host, tenant or auth scheme",
        ),
        (
            {"kind": KeyKind.HMAC, "secret": "a secret"},
            "The ledger was made with another ledger_secret, or without one",
        ),
        ({"by_agent": True}, "The ledger was made with another value of duplicates"),
    ],
)
def test_a_ledger_of_something_else_is_refused(tmp_path, other, sentence):
    World(tmp_path).record(Sent(ANN, 1))

    with pytest.raises(UnusableLedgerError, match=f"^{sentence}"):
        World(tmp_path, **{"target": TARGET, **other}).store()


@pytest.mark.parametrize("saved", ["https://crm.example:443", "https://CRM.example"])
def test_a_ledger_that_was_made_with_another_spelling_of_the_address_is_used(tmp_path, saved):
    made = World(tmp_path, target=Target(saved, "1", "body"))
    made.record(Sent(ANN, 1))

    entries = read(World(tmp_path, target=TARGET).store())
    assert entries.tobytes() == read(made.store()).tobytes()
    assert len(entries) == 1


def test_a_foreign_ledger_names_its_target_and_ours_without_what_an_address_may_hide(tmp_path):
    World(tmp_path, target=Target("https://ann:pass@crm.example:8443/path?key=1", "1", "body")).record(Sent(ANN, 1))

    with pytest.raises(UnusableLedgerError) as caught:
        World(tmp_path, target=Target("https://other.example", "2", "header")).store()

    assert str(caught.value) == (
        "The ledger is of another host, tenant or auth scheme: it has https://crm.example:8443, tenant 1, scheme body, "
        "and this connection has https://other.example, tenant 2, scheme header. Give this connection a path of its "
        "own."
    )


def test_another_secret_is_refused_and_no_file_holds_it(tmp_path):
    World(tmp_path, kind=KeyKind.HMAC, secret="the secret").record(Sent(ANN, 1))

    with pytest.raises(LedgerError, match=r"^The ledger was made with another ledger_secret"):
        World(tmp_path, kind=KeyKind.HMAC, secret="another").store()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"the secret" in path.read_bytes()]


def test_a_run_with_other_fields_adds_its_columns(world):
    world.record(Sent(ANN, 1, fields=b"\1\2", once=1))
    world.layout = Layout(("birthday",), ("desc",))
    world.record(Sent(BEN, 1, fields=b"\7", once=1))
    world.layout = LAYOUT.with_names(["birthday"], ["desc"])

    entries = world.entries()

    assert world.layout.fields == ("birthday", "friendName", "income")
    assert (entries[ANN]["fields"].tolist(), entries[BEN]["fields"].tolist()) == ([0, 1, 2], [7, 0, 0])
    assert (entries[ANN]["once"], entries[BEN]["once"]) == (2, 1)


def test_duckdb_reads_a_ledger_by_plain_names(tmp_path):
    world = World(tmp_path)
    world.record(Sent(ANN, 1, "agent_wang", once=1, fields=b"\1\2"))
    world.record(Sent(BEN, 2), outcome=Outcome.REJECTED, code="508")
    compact(world.store(), "by hand")

    duckdb.sql(
        f"set variable files = (select [concat('{tmp_path}/', file.name) for file in list_concat(base, logs)] "
        f"from read_json('{tmp_path}/generations/*.json', union_by_name = true) order by number desc limit 1)"
    )
    found = duckdb.sql("from read_parquet(getvariable('files'), union_by_name = true) order by number")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    times = {"answered_at", "first_at"}
    assert [{name: value for name, value in row.items() if name not in times} for row in rows] == [
        {"number": BEN, "agent": None, "payload": 2, "outcome": "rejected", "code": "508", "gone_at": None,
         "was_accepted": False, "once_welcome": False, "taken_welcome": False,
         "field_friendName": 0, "field_income": 0},
        {"number": ANN, "agent": "agent_wang", "payload": 1, "outcome": "accepted", "code": None, "gone_at": None,
         "was_accepted": True, "once_welcome": True, "taken_welcome": True,
         "field_friendName": 1, "field_income": 2},
    ]  # fmt: skip
    assert {row["answered_at"].timestamp() for row in rows} == {START}


def test_generations_are_json_for_people(tmp_path):
    world = filled(tmp_path)
    newest = world.store().newest()

    shown = json.loads((tmp_path / newest.name).read_text(encoding="utf-8"))

    assert shown["number"] == newest.number
    assert shown["run"].startswith("run ")
    assert {"format", "committed_at", "buckets", "base", "logs", "merged", "fields", "once"} <= shown.keys()
