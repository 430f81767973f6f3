"""What a report says about each row, compared with what a server that shares no code with the package really did."""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_socialscrm.importer.errors import RejectedRowsError, StoppedError
from tests.support.fault_server import ECHOES, SHAPES, SPELLINGS, SUCCESS_CODES, Fault, Outage, Rules
from tests.support.imports import number_of
from tests.support.truth import (
    KILLS,
    STRAY,
    TIMEOUT,
    Scenario,
    Try,
    World,
    random_scenario,
    shown,
    smallest,
    violations,
)

SEQUENCES = int(os.environ.get("SOCIALSCRM_SEQUENCES", "200"))
PARTS = 10
"""Parts of the random sequences, which the workers of pytest-xdist share."""
QUICK_PARTS = 3
"""Parts that `make test` runs."""
SECONDS_FOR_ONE_CALL = TIMEOUT + 0.5


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[pytest.mark.thorough] * (part >= QUICK_PARTS)) for part in range(PARTS)]
)
def test_random_faults_make_no_report_untrue(part):
    found: dict[str, tuple[int, str]] = {}
    counts: dict[str, int] = {}
    for seed in range(part, SEQUENCES, PARTS):
        for name, example in violations(random_scenario(seed)).items():
            found.setdefault(name, (seed, example))
            counts[name] = counts.get(name, 0) + 1
    lines = [f"{counts[name]} x not true: {name}. Seed {seed}: {example}" for name, (seed, example) in found.items()]
    if found:
        name, (seed, _) = next(iter(found.items()))
        lines.append(f"Smallest for {name!r}: {shown(smallest(random_scenario(seed), name))}")
    assert not found, "\n".join(lines)


def after_run(folder: Path, scenario: Scenario) -> World:
    """Return a world in which the tries of a scenario have run."""
    world = World(scenario, folder)
    world.run()
    return world


def buckets(world: World) -> list[str]:
    """Return the bucket of each row after the last try, by position."""
    letter = world.attempts[-1].letter
    return [letter[place]["bucket"] if place in letter else "accepted" for place in range(len(world.rows))]


def welcomes(world: World) -> list[int]:
    """Return how many welcomes each customer got, by position."""
    sent = world.server.commits(welcome=True)
    return [sent[number_of(place)] for place in range(len(world.rows))]


# --- doubtful responses ---

DOUBTFUL = {
    **{f"HTTP {status}": Fault("status", late=True, number=status) for status in (408, 429, 500, 502, 503, 504)},
    "code 517": Fault("code", late=True, number=517),
    "a web page": Fault("page", late=True),
    "nothing": Fault("empty", late=True),
    "a reset": Fault("reset", late=True, where="after"),
    "half a response": Fault("reset", late=True, where="middle"),
    "dripping headers": Fault("drip", late=True, where="headers", seconds=0.02, size=80),
    "a dripping body": Fault("drip", late=True, where="body", seconds=0.02, size=80),
    "a bomb": Fault("bomb", late=True, size=18 * 2**20),
}
"""Responses to calls that the CRM accepted."""


@pytest.mark.parametrize("fault", DOUBTFUL.values(), ids=DOUBTFUL)
@pytest.mark.parametrize("scheme", ["body", pytest.param("header", marks=pytest.mark.thorough)])
def test_a_welcome_is_not_repeated_after_a_response_that_leaves_doubt(tmp_path, scheme, fault):
    world = after_run(tmp_path, Scenario(("welcome",) * 3, (Try(((1, fault), (3, fault))),), scheme, 1))

    assert welcomes(world) == [1, 1, 1]
    assert sorted(buckets(world)) == ["accepted", "unknown", "unknown"]


@pytest.mark.parametrize("fault", DOUBTFUL.values(), ids=DOUBTFUL)
def test_resend_repeats_it(tmp_path, fault):
    world = after_run(tmp_path, Scenario(("welcome",), (Try(((1, fault),)),), on_unknown="resend"))

    assert welcomes(world) == [2]
    assert buckets(world) == ["accepted"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_response_that_asks_to_wait_refuses_the_call(tmp_path, status):
    fault = Fault("status", number=status, retry_after="3")
    world = after_run(tmp_path, Scenario(("welcome", "good"), (Try(((1, fault), (2, fault))),), rows_per_call=1))

    assert buckets(world) == ["accepted", "accepted"]
    assert welcomes(world) == [1, 0]


@pytest.mark.parametrize("fault", DOUBTFUL.values(), ids=DOUBTFUL)
@pytest.mark.parametrize("late", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_a_row_that_a_stopped_run_leaves_in_doubt_is_unknown(tmp_path, fault, late):
    fault = replace(fault, late=late, where="before" if fault.where == "after" and not late else fault.where)
    world = World(Scenario(("good",) * 3, rows_per_call=1), tmp_path)
    with world.server:
        attempt = world.attempt(Try(((2, fault),), kill=("stop", 2)))

    assert isinstance(attempt.failure, StoppedError)
    rows = {name: count for name, count in attempt.manifest["rows"].items() if count and name != "total"}
    assert rows in ({"accepted": 1, "unknown": 1}, {"accepted": 1, "unknown": 1, "not_sent": 1})
    assert [own["attempts"] for own in attempt.letter.values() if own["bucket"] == "unknown"] == ["1"]


# --- strays and outages ---

STRAYS = {f"HTTP {status}": Fault("status", number=status) for status in STRAY} | {"a web page": Fault("page")}


@pytest.mark.parametrize("fault", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("kind", ["good", "extension"])
def test_one_stray_response_does_not_end_an_import_that_works(tmp_path, kind, fault):
    world = after_run(tmp_path, Scenario((kind,) * 6, (Try(((4, fault),)),), rows_per_call=1))

    assert len(world.attempts) == 1, world.attempts[0].failure
    assert buckets(world) == ["accepted"] * 6


@pytest.mark.parametrize("status", STRAY)
def test_before_the_first_success_it_names_the_setting(tmp_path, status):
    world = World(Scenario(("good",) * 6, rows_per_call=1), tmp_path)
    with world.server:
        attempt = world.attempt(Try(((1, Fault("status", number=status)),)))

    assert f"HTTP {status}" in str(attempt.failure)
    assert "Base URL" in str(attempt.failure)
    assert len(attempt.calls) == 1


OUTAGE_KINDS = ("refused", "503", "517")


@pytest.mark.one_in(5)
@pytest.mark.parametrize("seconds", [4, pytest.param(20, marks=pytest.mark.thorough), 60])
@pytest.mark.parametrize("kind", OUTAGE_KINDS)
def test_an_outage_of_up_to_a_minute_is_survived_with_all_defaults(tmp_path, kind, seconds):
    scenario = Scenario(("good",) * 200, (Try(outage=Outage(kind, 20, seconds=seconds)),), "body", 1, 16)
    world = after_run(tmp_path, scenario)

    assert len(world.attempts) == 1, world.attempts[0].failure
    assert buckets(world) == ["accepted"] * 200


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", OUTAGE_KINDS)
def test_an_outage_of_five_minutes_is_left_to_a_retry_that_loses_no_row(tmp_path, kind):
    scenario = Scenario(("good",) * 200, (Try(outage=Outage(kind, 20, seconds=300)),), "body", 1, 16)

    assert violations(scenario) == {}
    assert buckets(after_run(tmp_path, scenario)) == ["accepted"] * 200


@pytest.mark.parametrize("kind", OUTAGE_KINDS)
def test_while_nothing_succeeds_few_calls_are_made(tmp_path, kind):
    world = World(Scenario(("good",) * 200, (), "body", 1, 16), tmp_path)
    with world.server:
        attempt = world.attempt(Try(outage=Outage(kind, 20, seconds=60)))

    assert attempt.manifest["calls"]["sent"] < 200 + 16 + 60  # those in flight, and about one probe a second at most


# --- time-outs and sizes ---


@pytest.mark.parametrize("where", ["headers", "body"])
def test_the_time_out_bounds_the_whole_call(tmp_path, where):
    drip = Fault("drip", late=True, where=where, seconds=0.02, size=200)
    world = World(Scenario(("welcome",), rows_per_call=1), tmp_path)
    with world.server:
        attempt = world.attempt(Try(((1, drip),)))

    assert not attempt.calls[0].drip_ended
    assert attempt.seconds < SECONDS_FOR_ONE_CALL + 0.5
    assert attempt.letter[0]["bucket"] == "unknown"


def test_a_run_that_is_stopped_during_a_dripping_response_ends_in_time(tmp_path):
    drip = Fault("drip", where="body", seconds=0.02, size=200)
    world = World(Scenario(("good",) * 3, rows_per_call=1), tmp_path)
    with world.server:
        started = time.monotonic()
        attempt = world.attempt(Try(((2, drip),), kill=("stop", 2)))
        seconds = time.monotonic() - started

    assert isinstance(attempt.failure, StoppedError)
    assert seconds < SECONDS_FOR_ONE_CALL + 0.5


def test_a_bomb_takes_no_more_memory_than_a_response_may(tmp_path):
    bomb = Fault("bomb", late=True, size=128 * 2**20)
    world = World(Scenario(("welcome",) * 2, rows_per_call=1), tmp_path)
    world.timeout = 30.0  # so that it is the size that ends the call
    with world.server:
        tracemalloc.start()
        attempt = world.attempt(Try(((2, bomb),)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert [own["bucket"] for own in attempt.letter.values()] == ["unknown"]
    assert peak < 64 * 2**20


# --- the clock ---


@pytest.mark.parametrize("rows", [1, 60])
def test_a_wrong_time_zone_costs_three_calls(tmp_path, rows):
    world = World(Scenario(("good",) * rows, (), "body", 1, 16, rules=Rules(zone="America/New_York")), tmp_path)
    with world.server:
        attempt = world.attempt(Try())

    assert "Time zone" in str(attempt.failure)
    assert attempt.manifest["calls"]["sent"] <= 3
    assert len(attempt.calls) <= 3


@pytest.mark.parametrize("scheme", ["body", "header"])
@pytest.mark.parametrize("offset", [90.0, -90.0, 3600.0, -86400.0])
def test_a_clock_that_differs_costs_one_call(tmp_path, scheme, offset):
    world = after_run(tmp_path, Scenario(("good",) * 30, (), scheme, 1, 16, rules=Rules(clock_offset=offset)))

    assert buckets(world) == ["accepted"] * 30
    assert len(world.server.calls) == 31


# --- what responses say ---


@pytest.mark.parametrize("form", [*SUCCESS_CODES, "bom", "gbk"])
@pytest.mark.parametrize("kind", ["good", "welcome"])
def test_a_success_is_understood_in_any_form(tmp_path, kind, form):
    world = after_run(tmp_path, Scenario((kind,), (Try(((1, Fault("success", form=form)),)),)))

    assert len(world.server.calls) == 1
    assert buckets(world) == ["accepted"]


@pytest.mark.parametrize("form", SPELLINGS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("failed", [pytest.param(0, marks=pytest.mark.thorough), 2])
def test_numbers_in_a_response_are_compared_by_their_digits(tmp_path, failed, shape, form):
    fault = Fault("partial", number=failed, form=form, shape=shape)
    world = after_run(tmp_path, Scenario(("good",) * 4, (Try(((1, fault),)),), "header", 4))

    assert buckets(world) == ["rejected" if place == failed else "accepted" for place in range(4)]
    assert len(world.server.calls) == 1
    assert world.attempts[0].manifest["calls"]["unexpected_numbers"] == 0


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("kind", ["599", "refused"])
def test_a_refusal_that_repeats_the_row_shows_nothing_of_it(tmp_path, kind, echo):
    scenario = Scenario(("good", kind, "good"), rules=Rules(echo=echo))

    assert violations(scenario) == {}
    assert buckets(after_run(tmp_path, scenario)) == ["accepted", "rejected", "accepted"]


# --- how a run ends ---


@pytest.mark.one_in(3)
@pytest.mark.parametrize("at", [1, pytest.param(2, marks=pytest.mark.thorough), 5])
@pytest.mark.parametrize("name", KILLS)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_however_a_run_ends_its_report_is_true(name, at, concurrency):
    kinds = ("good", "welcome", "good", "599", "no number", "welcome", "good", "extension", "twin", "good")
    scenario = Scenario(kinds, (Try(kill=(name, at)),), rows_per_call=2, concurrency=concurrency)

    assert violations(scenario) == {}


def test_a_store_that_fails_stops_new_calls_and_loses_no_response(tmp_path):
    world = World(Scenario(("good",) * 40, rows_per_call=1, concurrency=4), tmp_path)
    with world.server:
        attempt = world.attempt(Try(kill=("no space", 8)))
        later = world.attempt(Try())

    rows = attempt.manifest["rows"]
    assert rows["total"] == 40
    assert len(attempt.calls) < 40
    assert rows["accepted"] == len(world.server.calls[: len(attempt.calls)])
    assert later.failure is None or isinstance(later.failure, RejectedRowsError)
    assert later.manifest["rows"]["accepted"] == 40
    assert "killed" not in later.texts
