"""Whatever happens between and during the tries of a task: nobody is welcomed twice, and no row is lost in silence."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, refusal
from airflow_provider_socialscrm.api.retry import Clock, RetryLimits
from airflow_provider_socialscrm.importer.errors import CheckpointError, SupersededError
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint_stores import (
    NOTHING,
    NoCheckpointStore,
    OwnedCheckpointStore,
)
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.refused_fields import REFUSED_ROWS
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import OFFLINE, number_of, rejected_rows, table_of

BATCH_ROWS = 7
"""Small, so that few rows make several batches."""


class KilledError(BaseException):
    """Ends a try as a kill ends a process: only the test catches it."""


class CountingCrm:
    """Takes all rows but malformed ones, and counts how often each customer is welcomed."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}
        self.taken: Counter[str] = Counter()
        self.welcomes: Counter[str] = Counter()
        self.calls = 0

    def take(self, rows: Sequence[bytes]) -> None:
        self.calls += 1
        customers = [msgspec.json.decode(row) for row in rows]
        if any("Loyalty Level" in customer for customer in customers):
            raise refusal(look_up(533, family=Family.IMPORT))
        for customer in customers:
            self.stored[customer["whatsApp"]] = customer["friendName"]
            self.taken[customer["whatsApp"]] += 1
            self.welcomes[customer["whatsApp"]] += "welcome" in customer


class HookedClient(Client):
    """Hands its calls to a CRM, and does something before or after one of them.

    :param crm: takes the rows.
    :param at: which call.
    :param hook: what to do.
    """

    def __init__(self, crm: CountingCrm, at: int, hook: Callable[[], None], *, is_after: bool) -> None:
        super().__init__(OFFLINE)
        self._crm, self._left, self._hook, self._is_after = crm, at, hook, is_after

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> str:  # noqa: ARG002 - as called
        self._left -= 1
        if self._left == -1 and not self._is_after:
            self._hook()
        self._crm.take(rows)
        if self._left == -1 and self._is_after:
            self._hook()
        return ""


class SharedStore(OwnedCheckpointStore):
    """Saves JSON texts in a dictionary, as all tries see it, and does something before one of its steps.

    :param texts: what all tries share.
    """

    def __init__(
        self, texts: dict[str, str], number: int, *, is_retry: bool, at: int, hook: Callable[[], None]
    ) -> None:
        super().__init__("dag/run/task/-1/9", number, is_retry=is_retry)
        self._texts, self._left, self._hook = texts, at, hook

    _name = "The store"
    _remedy_if_damaged = "Delete it."

    def _step(self) -> None:
        self._left -= 1
        if self._left == -1:
            self._hook()

    def _read(self, place: str) -> Any | None:
        self._step()
        if place not in self._texts:
            return None
        content = json.loads(self._texts[place])
        return NOTHING if content is None else content

    def _write(self, place: str, content: dict[str, Any]) -> None:
        self._step()
        self._texts[place] = json.dumps(content)

    def _delete(self, place: str) -> None:
        self._step()
        self._texts.pop(place, None)


def nothing() -> None:
    """Do nothing."""


def kill() -> None:
    raise KilledError


def become_unavailable() -> None:
    raise ServiceError("The CRM is unavailable.")


class World:
    """One task with all its tries, and what they leave behind."""

    def __init__(self, folder: Path, kinds: Sequence[str], *, saves: bool = True, **arguments: Any) -> None:
        self.crm = CountingCrm()
        self.rejects = folder / "rejects.jsonl"
        self.rows = [row_of(place, kind) for place, kind in enumerate(kinds)]
        self.columns: dict[str, str | None] = {}
        self.texts: dict[str, str] = {}
        self.saves = saves
        self.tries = 0
        self.appended = 1000
        self.options = Options(
            rows_per_call=3,
            concurrency=1,
            max_rejected=None,
            rules=Rules(extension_fields=ALL),
            retry_limits=RetryLimits(attempts=1),
            save_interval=0.0,
            clock=Clock(sleep=lambda _: None, chance=lambda: 0.5),
        )
        self.options = replace(self.options, **arguments)

    def attempt(self, stop: str = "never", at: int = 0) -> Import:
        """Make the next try, to which something happens at a call or at a step of its store."""
        self.tries += 1
        what, _, where = stop.partition(" at ")
        hook = {"kill": kill, "unavailable": become_unavailable, "twin": self._twin}.get(what, nothing)
        at_store = at if where == "a step" else -1
        at_call = at if where in {"a call", "a call's end"} else -1
        is_retry = self.tries > 1
        store = (
            SharedStore(self.texts, self.tries, is_retry=is_retry, at=at_store, hook=hook)
            if self.saves
            else NoCheckpointStore(is_retry=is_retry)
        )
        source = replace(open_source(table_of(self.rows)), batch_rows=BATCH_ROWS)
        with closing(HookedClient(self.crm, at_call, hook, is_after=where == "a call's end")) as client:
            run = Import(source, client, self.options, self.rejects, store)
            run.run()
        return run

    def _twin(self) -> None:
        """Make a newer try while one is running."""
        try:
            self.attempt()
        except CheckpointError:
            assert self.is_damaged

    is_damaged = False

    def welcomed_twice(self) -> list[str]:
        return [customer for customer, count in self.crm.welcomes.items() if count > 1]


def row_of(place: int, kind: str) -> dict[str, Any]:
    return {
        "whatsApp": "none" if kind == "numberless" else number_of(place),
        "friendName": f"Name {place}",
        "Loyalty Level": "Tin" if kind == "malformed" else None,
        "welcome": "Hello" if kind == "welcome" else None,
    }


def append(world: World, at: int) -> None:
    kinds = ["good", "welcome", "good", "malformed", "numberless"]
    world.appended += 4
    world.rows = [*world.rows, *(row_of(world.appended + place, kinds[(at + place) % 5]) for place in range(4))]


def rename(world: World, at: int) -> None:
    """Change what a row holds, but not who it is."""
    if world.rows:
        place = at % len(world.rows)
        changed = world.rows[place] | {"friendName": f"Renamed {world.tries}"}
        world.rows = [*world.rows[:place], changed, *world.rows[place + 1 :]]


def remove(world: World, at: int) -> None:
    if len(world.rows) > 1:
        place = at % len(world.rows)
        world.rows = [*world.rows[:place], *world.rows[place + 1 :]]


def rotate(world: World, at: int) -> None:
    place = at % (len(world.rows) or 1)
    world.rows = [*world.rows[place:], *world.rows[:place]]


def add_a_column(world: World, at: int) -> None:
    world.rows = [row | {"desc": f"added {at}"} for row in world.rows]


def delete_the_checkpoint(world: World, at: int) -> None:
    for place in ("state", "owner")[: 1 + at % 2]:
        world.texts.pop(place, None)


def damage_the_checkpoint(world: World, at: int) -> None:
    text = world.texts.get("state")
    if text:
        damaged = json.loads(text)
        state = damaged["state"] or damaged
        del state[sorted(state)[at % len(state)]]
        before, calls = world.texts["state"], world.crm.calls
        world.texts["state"] = json.dumps(damaged)
        try:
            world.attempt()
        except CheckpointError as failure:
            assert "No call was made" in str(failure)  # noqa: PT017 - a key that is not needed may be gone
            assert world.crm.calls == calls
            world.texts["state"] = before  # the user restores it


CHANGES = (append, rename, remove, rotate, add_a_column, delete_the_checkpoint, damage_the_checkpoint)
STOPS = (
    "never",
    *(f"{what} at {where}" for what in ("kill", "twin") for where in ("a call", "a call's end", "a step")),
    "unavailable at a call",
)
KINDS = st.lists(
    st.sampled_from(["good"] * 4 + ["welcome"] * 3 + ["malformed", "numberless"]), min_size=1, max_size=25
).filter(
    lambda kinds: kinds.count("malformed") < REFUSED_ROWS // 4  # more could stop the run
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(STOPS),
        st.integers(0, 25),
        st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 30)), max_size=2),
    ),
    max_size=5,
)


@given(kinds=KINDS, events=EVENTS, saves=st.sampled_from([True, True, True, False]))
def test_nobody_is_welcomed_twice_and_each_row_is_accounted_for(kinds, events, saves):
    with TemporaryDirectory() as folder:
        world = World(Path(folder), kinds, saves=saves)
        for stop, at, changes in events:
            # Without a store nobody notices a newer try, but that it has taken over the parts of the dead letter.
            with suppress(KilledError, ServiceError, SupersededError if saves else CheckpointError):
                world.attempt(stop, at)
            assert world.welcomed_twice() == []
            for change, where in changes:
                change(world, where)

        run = world.attempt()

        assert world.welcomed_twice() == []
        check_report(world, run)


def check_report(world: World, run: Import) -> None:
    """Check that what a try to the end says about each row is so."""
    counts = run.manifest()["rows"]
    assert counts["total"] == len(world.rows)
    assert counts["not_sent"] == 0
    listed = {position: bucket for position, bucket, _ in rejected_rows(world.rejects)}
    assert len(rejected_rows(world.rejects)) == len(listed) == len(world.rows) - counts["accepted"]
    for position, row in enumerate(world.rows):
        bucket = listed.get(position, "accepted")
        if row["whatsApp"] == "none":
            assert bucket == "invalid"
        elif row["Loyalty Level"]:
            assert bucket == "rejected"
        elif bucket == "unknown":
            assert row["welcome"]
        else:
            assert bucket == "accepted"
            assert world.crm.stored[row["whatsApp"]] == row["friendName"]
            assert world.crm.welcomes[row["whatsApp"]] == bool(row["welcome"])


def test_rows_that_are_appended_after_a_complete_try_are_sent_and_the_others_are_not(tmp_path, caplog):
    world = World(tmp_path, ["good"] * 20 + ["welcome", "malformed", "numberless"])
    world.attempt()
    known = dict(world.crm.stored)
    world.rows += [row_of(place, "welcome" if place % 5 == 0 else "good") for place in range(100, 120)]

    run = world.attempt()

    assert "The input has changed since an earlier try completed this import: 21 rows were accepted" in caplog.text
    assert run.manifest()["rows"] | {"accepted": 41, "rejected": 1, "invalid": 1, "total": 43} == run.manifest()["rows"]
    assert set(world.crm.stored) - set(known) == {number_of(place) for place in range(100, 120)}
    assert world.welcomed_twice() == []
    assert set(world.crm.taken.values()) == {1}
    check_report(world, run)
    calls = world.crm.calls
    assert world.attempt().manifest() == run.manifest()
    assert world.crm.calls == calls


@pytest.mark.parametrize("change", ["a value", "a left-out column", "why", "one more", "one less", "the order"])
def test_rows_that_cannot_be_sent_are_looked_at_again_after_a_complete_try(tmp_path, change):
    world = World(tmp_path, ["good", "numberless", "good", "numberless"], rules=Rules())
    world.rows = [row | {"note": f"note {place}"} for place, row in enumerate(world.rows)]
    world.attempt()
    calls, rows = world.crm.calls, world.rows
    match change:
        case "a value":
            rows[1] = rows[1] | {"friendName": "Renamed"}
        case "a left-out column":
            rows[1] = rows[1] | {"note": "another"}
        case "why":
            rows[1] = rows[1] | {"whatsApp": None}
        case "one more":
            rows.append(row_of(9, "numberless") | {"note": "more"})
        case "one less":
            rows.pop()
        case "the order":
            rows[1], rows[3] = rows[3], rows[1]

    run = world.attempt()

    assert world.crm.calls == calls
    lines = [msgspec.json.decode(line) for line in world.rejects.read_bytes().splitlines()]
    listed = {int(line["socialscrm_position"]): (line["friendName"], line["note"]) for line in lines}
    assert listed == {
        n: (row["friendName"], row["note"]) for n, row in enumerate(rows) if row["whatsApp"] in (None, "none")
    }
    assert run.manifest()["rows"]["invalid"] == len(listed)


def test_a_row_with_side_effects_that_was_refused_before_the_input_changed_is_held(tmp_path):
    world = World(tmp_path, ["good", "good"])
    world.rows.append(row_of(2, "malformed") | {"welcome": "Hello"})
    world.attempt()
    world.rows.append(row_of(3, "good"))

    run = world.attempt()

    assert run.manifest()["rows"]["accepted"] == 3
    assert rejected_rows(world.rejects) == [(2, "unknown", "decided-before")]


@pytest.mark.parametrize("stop", ["kill at a call", "kill at a call's end", "unavailable at a call"])
@pytest.mark.parametrize("saves", [True, False])
def test_a_retry_without_its_checkpoint_says_so_and_holds_rows_with_side_effects(tmp_path, caplog, stop, saves):
    world = World(tmp_path, ["good", "welcome", "good", "welcome"], saves=saves)
    with pytest.raises((KilledError, ServiceError)):
        world.attempt(stop, 1)
    world.texts.clear()

    run = world.attempt()

    assert (
        "This is a retry, and no earlier try has left a checkpoint: every row is sent again, and those with"
        in caplog.text
    )
    assert run.manifest()["rows"]["accepted"] == 2
    assert rejected_rows(world.rejects) == [(1, "unknown", "no-checkpoint"), (3, "unknown", "no-checkpoint")]
    assert world.attempt().manifest()["rows"] == run.manifest()["rows"]


def test_a_retry_without_its_checkpoint_sends_all_rows_where_the_user_wants_it(tmp_path):
    world = World(tmp_path, ["good", "welcome"], on_unknown="resend")
    with pytest.raises(KilledError):
        world.attempt("kill at a call", 0)
    world.texts.clear()

    assert world.attempt().manifest()["rows"]["accepted"] == 2


@pytest.mark.one_in(3)
@pytest.mark.parametrize("where", ["a call", "a call's end", "a step"])
@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(["welcome"] * 8, marks=pytest.mark.thorough),
        pytest.param(["good"] * 30, marks=pytest.mark.thorough),
        ["good", "welcome", "malformed", "numberless"] * 4,
    ],
)
def test_of_two_tries_the_older_one_stops_wherever_the_newer_one_begins(tmp_path, where, kinds):
    stopped = 0
    for at in range(60):
        folder = tmp_path / str(at)
        folder.mkdir()
        world = World(folder, kinds)
        try:
            older = world.attempt(f"twin at {where}", at)
        except SupersededError as failure:
            stopped += 1
            assert "stops" in str(failure)  # noqa: PT017 - a late twin finds nothing to stop
        else:
            if world.tries == 1:
                break  # there are no so many calls or steps
            assert older.manifest()["rows"]["not_sent"] == 0
        assert world.welcomed_twice() == []
        check_report(world, world.attempt())
        assert world.welcomed_twice() == []
    assert stopped > 1


def test_held_rows_stay_held_when_the_input_changes_once_more(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    world = World(tmp_path, ["good", "welcome", "good", "welcome", "good"])
    with pytest.raises(KilledError):
        world.attempt("kill at a call's end", 1)
    for _ in range(3):
        rotate(world, 1)
        with pytest.raises(KilledError):
            world.attempt("kill at a call", 0)

    run = world.attempt()

    assert run.manifest()["rows"]["unknown"] == 2
    assert [code for _, _, code in rejected_rows(world.rejects)] == ["started-over"] * 2
    check_report(world, run)
