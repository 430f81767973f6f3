"""An outage is survived wherever it begins, in few calls; a run gives up when it lasts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec import structs

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, SocialSCRMError, UncertainError, refusal
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.options import DEFAULT_CONCURRENCY, Options
from airflow_provider_socialscrm.importer.results.progress import SendProgress, Wait
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.outage import (
    FAILURES_IN_A_ROW,
    LONGEST_PAUSE,
    MOST_PROBES,
    Outage,
    is_unavailability,
)
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.importer.sending.test_engine import chunks, counts, engine_of
from tests.support.clock import FakeClock
from tests.support.imports import OfflineCrm, failure_of

DATABASE_ERROR = refusal(look_up(517, family=Family.IMPORT))
REFUSED = ServiceError("cannot be reached")
BUSY = ServiceError("HTTP 503", http_status=503)
GATEWAY = UncertainError("HTTP 502", http_status=502)
IN_FLIGHT = DEFAULT_CONCURRENCY
"""Calls that fail before the outage is noticed: those that are in flight together."""

KINDS = (DATABASE_ERROR, REFUSED, BUSY, GATEWAY)


class FailingCrm:
    """A CRM on a fake clock that is unavailable for some time; each call takes a while.

    :param begins: calls that succeed before.
    :param seconds: how long it is unavailable, from the first call after those.
    """

    def __init__(self, clock: FakeClock, failure: SocialSCRMError, *, begins: int, seconds: float) -> None:
        self._clock, self._failure, self._begins, self._seconds = clock, failure, begins, seconds
        self._since: float | None = None
        self.calls: list[tuple[float, Chunk]] = []

    def __call__(self, chunk: Chunk, **_: object) -> str:
        self.calls.append((self._clock.now, chunk))
        self._clock.now += 0.01
        if len(self.calls) > self._begins and self._since is None:
            self._since = self._clock.now
        if self._since is not None and self._clock.now < self._since + self._seconds:
            raise self._failure
        return ""

    def probes(self) -> list[tuple[float, Chunk]]:
        """Return the calls that started after a pause, and the pause."""
        gaps = [(later[0] - earlier[0], later[1]) for earlier, later in pairwise(self.calls)]
        return [(gap, chunk) for gap, chunk in gaps if gap > 0.4]


def with_side_effects(count: int):
    for chunk in chunks(count):
        yield Chunk(tuple(structs.replace(row, has_side_effects=True) for row in chunk.rows), chunk.agent)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("begins", [0, 1, 40, 199])
@pytest.mark.parametrize("failure", KINDS, ids=str)
@pytest.mark.parametrize("seconds", [0.5, 4, 60, 100])
def test_with_the_defaults_an_outage_is_survived_wherever_it_begins(failure, begins, seconds, chance):
    clock = FakeClock()
    crm = FailingCrm(clock, failure, begins=begins, seconds=seconds)
    engine, report = engine_of(crm, clock, rate=45.0, chance=chance)

    assert engine.run(chunks(200)) is None

    assert counts(report) == {"accepted": 200}
    assert len(crm.calls) - 200 <= IN_FLIGHT + MOST_PROBES
    assert clock.now - 1000.0 < seconds + LONGEST_PAUSE + 10


@pytest.mark.parametrize("failure", KINDS, ids=str)
def test_a_longer_outage_is_left_to_a_retry_of_the_task_with_its_length_in_the_error(failure):
    clock = FakeClock()
    crm = FailingCrm(clock, failure, begins=40, seconds=300)
    engine, report = engine_of(crm, clock, rate=45.0)

    error = engine.run(chunks(2000))

    assert type(error) is type(failure)
    assert "No call to SocialsCRM has succeeded for 1" in str(error)
    assert str(failure) in str(error)
    assert 60 < clock.now - 1000.0 < 180
    assert len(crm.calls) < 80
    assert report.rows_in("accepted") == 40
    assert report.rows == 2000


def test_the_others_wait_while_one_call_at_a_time_probes_with_growing_pauses():
    clock = FakeClock()
    crm = FailingCrm(clock, BUSY, begins=40, seconds=60)
    engine, report = engine_of(crm, clock, rate=45.0, chance=1.0)

    assert engine.run(chunks(200)) is None

    assert [pause for pause, _ in crm.probes()] == pytest.approx([1, 2, 4, 8, 15, 15, 15], abs=0.1)
    assert report.seconds.waiting > 50


def test_an_outage_spends_no_budget_and_no_attempts():
    clock = FakeClock()
    crm = FailingCrm(clock, BUSY, begins=1, seconds=60)
    limits = RetryLimits(attempts=FAILURES_IN_A_ROW + 1, budget=FAILURES_IN_A_ROW, seconds=65)
    engine, report = engine_of(crm, clock, retry_limits=limits, concurrency=1)

    assert engine.run(chunks(20)) is None

    assert counts(report) == {"accepted": 20}


def test_rows_with_side_effects_wait_and_the_probes_are_calls_that_may_be_repeated():
    clock = FakeClock()
    crm = FailingCrm(clock, GATEWAY, begins=10, seconds=60)
    engine, report = engine_of(crm, clock, rate=45.0)
    harmful, plain = list(with_side_effects(200)), list(chunks(400))[200:]
    mixed = [*harmful[:30], *(chunk for pair in zip(harmful[30:], plain, strict=False) for chunk in pair)]

    assert engine.run(iter(mixed)) is None

    assert [chunk.repeatable for _, chunk in crm.probes()] == [True] * len(crm.probes())
    assert len(crm.probes()) > 6
    assert 0 < report.rows_in("unknown") <= IN_FLIGHT


def test_where_all_rows_have_side_effects_an_outage_leaves_few_of_them_unknown():
    clock = FakeClock()
    crm = FailingCrm(clock, GATEWAY, begins=10, seconds=60)
    engine, report = engine_of(crm, clock, rate=45.0)

    assert engine.run(with_side_effects(300)) is None

    assert report.rows_in("unknown") <= IN_FLIGHT + 12
    assert report.rows == 300


def test_a_run_that_is_told_to_stop_in_an_outage_does_not_wait_for_its_end():
    clock = FakeClock()
    crm = FailingCrm(clock, BUSY, begins=4, seconds=1000)
    clock.after(1010.0, lambda: engine.stop())  # noqa: PLW0108 - the engine is made below
    engine, _ = engine_of(crm, clock)
    engine.run(chunks(100))

    assert clock.now < 1011.0


# The decision itself.


def failing(outage: Outage, *moments: float) -> None:
    for now in moments:
        outage.on_start()
        outage.on_failure(now, 1.0)


def test_an_outage_begins_with_so_many_failures_in_a_row_and_one_response_ends_it():
    outage = Outage(RetryLimits())
    failing(outage, 0, 1, 2)
    assert outage.on_response(3) is None
    failing(outage, 4, 5, 6)
    assert not outage.is_on
    failing(outage, 7)
    assert (outage.is_on, outage.connections(16), outage.due_in(7)) == (True, 1, 1.0)
    assert outage.on_response(9) == 5
    assert (outage.is_on, outage.due_in(9)) == (False, 0.0)


def test_who_watches_sees_how_long_no_call_has_succeeded():
    outage = Outage(RetryLimits())
    assert outage.wait(0) is None
    failing(outage, 0)
    assert (outage.wait(4.9), outage.wait(6)) == (None, Wait(6, 0.0, 150.0))
    failing(outage, 7, 8, 9)
    assert outage.wait(9) == Wait(9, 1.0, 150.0)
    outage.on_response(10)
    assert outage.wait(30) is None


def test_an_import_that_meets_an_outage_never_estimates_when_it_ends():
    clock, seen = FakeClock(), []
    rows = [{"whatsApp": "12" if place == 0 else str(8613800000000 + place)} for place in range(300)]
    crm = OfflineCrm()
    crm.import_customers = FailingCrm(clock, BUSY, begins=0, seconds=1e9)
    run = Import(open_source(rows), crm, Options(clock=clock.as_clock(), concurrency=1), on_progress=seen.append)

    assert isinstance(failure_of(run), ServiceError)
    sent = [progress for progress in seen if isinstance(progress, SendProgress)]
    assert len(sent) > 5
    assert {(each.rows, each.per_second, each.seconds_left) for each in sent} == {(1, 0.0, None)}
    assert all("waiting for SocialsCRM for" in str(each) for each in sent)
    assert "gives up after 2.5 min, 1 refused so far" in str(sent[-1])


def test_after_an_outage_connections_open_one_by_one():
    outage = Outage(RetryLimits())
    assert outage.connections(16) == 16
    failing(outage, 0, 0, 0, 0)
    opened = [(outage.on_response(1) and outage.connections(4)) or outage.connections(4) for _ in range(5)]
    assert opened == [1, 2, 3, 4, 4]


def test_calls_that_were_in_flight_when_an_outage_began_do_not_lengthen_its_pauses():
    outage = Outage(RetryLimits())
    failing(outage, 0, 0, 0, 0)
    for _ in range(12):
        outage.on_failure(0.5, 1.0)
    assert outage.due_in(0.5) == 0.5


def test_the_wait_that_the_server_asks_for_is_obeyed_within_bounds():
    outage = Outage(RetryLimits())
    failing(outage, 0, 0, 0)
    outage.on_failure(0, 0.0, retry_after=40)
    assert outage.due_in(0) == 40
    outage.on_start()
    outage.on_failure(40, 0.0, retry_after=3600)
    assert outage.due_in(40) == RetryLimits().longest_wait


def test_the_probes_of_an_outage_are_bounded_also_where_no_time_passes():
    outage = Outage(RetryLimits(first_wait=0.0))
    failing(outage, *([0.0] * FAILURES_IN_A_ROW))
    probes = 0
    while not outage.is_too_long():
        failing(outage, 0.0)
        probes += 1
    assert probes == MOST_PROBES


def test_only_failures_of_the_service_or_the_network_are_unavailability():
    assert all(is_unavailability(failure) for failure in KINDS)
    answered = [refusal(look_up(code, family=Family.IMPORT)) for code in (501, 502, 507, 508, 531, 533, 999)]
    assert not any(map(is_unavailability, answered))
