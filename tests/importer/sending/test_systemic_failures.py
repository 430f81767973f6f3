from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from airflow_provider_socialscrm.importer.errors import SystemicError
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.systemic_failures import ALIKE, CHUNKS, SystemicFailureDetector
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import OfflineCrm, number_of, place_of, table_of

UNKNOWN = 599


def rejected(detector: SystemicFailureDetector[int], origins: Sequence[int], code: int = UNKNOWN) -> list[bool]:
    return [detector.on_rejected(origin, code, number) for number, origin in enumerate(origins)]


def test_rows_refused_alike_before_any_call_was_taken_are_systemic_even_in_one_chunk():
    assert rejected(SystemicFailureDetector(), [1] * ALIKE) == [False] * (ALIKE - 1) + [True]


def test_once_a_call_was_taken_a_block_of_bad_rows_in_two_chunks_is_not_systemic():
    detector: SystemicFailureDetector[int] = SystemicFailureDetector()
    assert detector.on_success() == []
    assert not any(rejected(detector, [1, 2] * 100))
    assert CHUNKS == 3
    assert detector.on_rejected(3, UNKNOWN, 200)


def test_a_call_that_is_taken_releases_the_rows_held_back_and_counting_starts_anew():
    detector: SystemicFailureDetector[int] = SystemicFailureDetector()
    assert not any(rejected(detector, range(ALIKE - 1)))
    assert detector.has_undecided
    assert detector.on_success() == [*range(ALIKE - 1)]
    assert not detector.has_undecided
    assert rejected(detector, range(ALIKE)) == [False] * (ALIKE - 1) + [True]


def test_rows_refused_with_different_codes_are_not_alike():
    detector: SystemicFailureDetector[int] = SystemicFailureDetector()
    assert not any(detector.on_rejected(number, number % 2, number) for number in range(2 * (ALIKE - 1)))
    assert detector.on_rejected(99, 0, 99)


def test_rows_are_released_once():
    detector: SystemicFailureDetector[int] = SystemicFailureDetector()
    rejected(detector, [1, 2])
    assert detector.release() == [0, 1]
    assert detector.release() == []


def importing(size: int, is_bad: Callable[[int], bool], **options: Any) -> tuple[Import, OfflineCrm]:
    data = table_of([{"whatsApp": number_of(place)} for place in range(size)])
    crm = OfflineCrm(lambda row: UNKNOWN if is_bad(place_of(row)) else 0, "strange")
    return Import(open_source(data), crm, Options(max_rejected=size, **options)), crm


@pytest.mark.one_in(3)
@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("rows_per_call", [1, 10, 100])
@pytest.mark.parametrize("first", [0, 98, 500, 997])
def test_three_adjacent_bad_rows_are_found_wherever_they_lie(first, rows_per_call, concurrency):
    bad = {first, first + 1, first + 2}
    run, crm = importing(1000, bad.__contains__, rows_per_call=rows_per_call, concurrency=concurrency)
    run.run()
    crm.close()
    [refusal] = run.manifest()["refusals"]
    assert refusal["first_positions"] == sorted(bad)
    assert run.manifest()["rows"]["accepted"] == 997


@pytest.mark.one_in(2)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("share", "rows_per_call"), [(0.05, 100), (0.05, 10), (0.3, 1)])
def test_bad_rows_spread_over_every_chunk_are_found_and_not_called_systemic(share, rows_per_call, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    bad = {place for place in range(3000) if chance.random() < share}
    run, crm = importing(3000, bad.__contains__, rows_per_call=rows_per_call)
    run.run()
    crm.close()
    assert run.manifest()["rows"]["rejected"] == len(bad)
    assert run.manifest()["rows"]["accepted"] == 3000 - len(bad)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_block_of_bad_rows_across_a_border_of_chunks_is_found(concurrency):
    bad = range(1050, 1150)
    run, crm = importing(3000, bad.__contains__, rows_per_call=100, concurrency=concurrency)
    run.run()
    crm.close()
    assert run.manifest()["rows"]["rejected"] == 100


@pytest.mark.parametrize("concurrency", [1, 8, 32])
@pytest.mark.parametrize("rows_per_call", [1, 10, 100, 1000])
def test_a_crm_that_refuses_everything_is_asked_at_most_a_few_times(rows_per_call, concurrency):
    run, crm = importing(3000, lambda _: True, rows_per_call=rows_per_call, concurrency=concurrency)
    with pytest.raises(SystemicError, match="so no row is at fault"):
        run.run()
    crm.close()
    assert run.manifest()["rows"]["not_sent"] == 3000
    assert len(crm.calls) <= 4 * ALIKE + 3 * concurrency


@pytest.mark.parametrize("size", [1, 2, ALIKE - 1])
def test_fewer_rows_than_tell_a_cause_are_rejected_each_with_the_crms_own_words(size):
    run, crm = importing(size, lambda _: True)
    run.run()
    crm.close()
    [refusal] = run.manifest()["refusals"]
    assert (refusal["bucket"], refusal["code"], refusal["rows"]) == ("rejected", UNKNOWN, size)
    assert "(strange)" in refusal["meaning"]
