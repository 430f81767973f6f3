"""What comes next is made meanwhile, once and in order."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.sending.prefetch import one_ahead


@given(st.lists(st.one_of(st.none(), st.integers()), max_size=6))
def test_all_items_come_once_and_in_order(items):
    with one_ahead(iter(items), "test") as found:
        assert list(found) == items


def test_the_next_item_is_made_while_one_is_worked_on():
    made = [threading.Event() for _ in range(3)]

    def items():
        for event in made:
            event.set()
            yield event

    with one_ahead(items(), "test") as found:
        assert next(found) is made[0]
        assert made[1].wait(10)
        assert not made[2].is_set()
        assert list(found) == made[1:]


def test_what_goes_wrong_is_raised_behind_what_went_well():
    def items():
        yield 1
        raise OSError("gone")

    with one_ahead(items(), "test") as found:
        assert next(found) == 1
        with pytest.raises(OSError, match="gone"):
            next(found)


def threads(name: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(name)]


def test_its_thread_ends_when_the_block_is_left_and_not_when_garbage_is_collected():
    with one_ahead(iter(range(10)), "socialscrm-test") as found:
        next(found)
        assert threads("socialscrm-test") != []

    assert threads("socialscrm-test") == []
    assert found is not None  # what is still held, as by a traceback, holds no thread
