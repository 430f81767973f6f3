"""Each message of a list once, and none left out, however it is ordered and whatever arrives between two pages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.errors import RequestError, RetriableError
from airflow_provider_socialscrm.chats import reading
from airflow_provider_socialscrm.chats.reading import Position, Reading, Sweep, Window
from tests.support.growing_list import HOUR, START, GrowingList

WINDOW = Window(None, START, START + HOUR)
TIMES = st.integers(START, START + HOUR - 1)
ORDERS = ("oldest", "newest", "arrival", "arrival-reversed")
TOTALS = ("exact", "rounded", "capped", "missing")


def read(source: GrowingList, position: Position | None = None) -> list[str]:
    """Return the ids of all messages that are yielded."""
    found = Reading(source.fetch, position or Position((WINDOW,)))
    return [record["msgId"] for page in found.pages() for record in page.records]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("past_end", ["empty", "last"])
@pytest.mark.parametrize("order", ORDERS)
@given(
    times=st.lists(TIMES, max_size=30),
    arrivals=st.lists(st.tuples(st.integers(0, 12), st.lists(TIMES, min_size=1, max_size=4)), max_size=4),
    size=st.integers(1, 7),
)
def test_a_list_that_grows_is_read_without_doubles_and_without_holes(*, total, past_end, order, times, arrivals, size):
    source = GrowingList(times, order, size=size, total=total, past_end=past_end)
    coming = [after for after, _ in arrivals]

    def arrive() -> None:
        for after, new in arrivals:
            if source.calls == after + 1:
                for time in new:
                    source.arrive(time)

    source.after_call = arrive
    before = [each["msgId"] for each in source.messages]

    ids = read(source)

    assert len(ids) == len(set(ids))
    assert set(before) <= set(ids) <= set(source.ids())
    if total == "exact" and all(after + 1 < source.calls for after in coming):
        assert sorted(ids) == source.ids()


@given(
    times=st.lists(TIMES, min_size=4, max_size=40),
    arrivals=st.lists(st.tuples(st.integers(0, 12), TIMES), max_size=5),
    kill=st.integers(1, 25),
    order=st.sampled_from(ORDERS),
    limit=st.sampled_from([4, 10_000]),
)
def test_a_reading_resumes_from_its_position_after_any_page(times, arrivals, kill, order, limit):
    source = GrowingList(times, order)
    source.after_call = lambda: [source.arrive(time) for after, time in arrivals if source.calls == after + 1] and None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "WINDOW_MESSAGES", limit)
        first = Reading(source.fetch, Position((WINDOW,)))
        ids, keys, saved = [], [], first.position
        for number, page in enumerate(first.pages(), 1):
            ids += [record["msgId"] for record in page.records]
            keys += page.keys
            saved = msgspec.json.decode(msgspec.json.encode(first.position), type=Position)
            if number == kill:
                break
        second = Reading(source.fetch, saved, keys[saved.done :])
        ids += [record["msgId"] for page in second.pages() for record in page.records]

    assert len(ids) == len(set(ids))
    assert {f"id-{number}" for number in range(len(times))} <= set(ids)


def test_a_message_that_arrives_while_paging_is_read_and_moves_none_out_of_sight():
    source = GrowingList([START + minute * 60_000 for minute in range(20)], "newest")

    def arrive() -> None:
        if source.calls == 3:
            source.arrive(START + HOUR - 1)

    source.after_call = arrive

    assert sorted(read(source)) == source.ids()


def test_a_list_that_does_not_change_is_read_in_one_sweep():
    source = GrowingList([START + minute * 60_000 for minute in range(20)], "newest")

    assert sorted(read(source)) == source.ids()
    assert source.calls == 7 + 1  # the last page is empty


def test_a_count_that_is_not_exact_costs_a_second_sweep():
    source = GrowingList([START + minute * 60_000 for minute in range(25)], "newest", total="rounded")

    assert sorted(read(source)) == source.ids()
    assert source.calls == 2 * (9 + 1)


@pytest.mark.parametrize("past_end", ["empty", "last"])
@pytest.mark.parametrize("count", [*range(12), 40])
def test_messages_that_change_places_from_call_to_call_are_all_read(count, past_end):
    source = GrowingList([START + place * 100 for place in range(count)], "unstable", past_end=past_end)

    ids = read(source)

    assert sorted(ids) == source.ids()


def test_a_message_that_the_list_has_twice_is_read_once():
    source = GrowingList([START + minute * 60_000 for minute in range(10)], "newest")
    source.messages.append(source.messages[3])

    assert len(read(source)) == 10
    assert source.calls == 5 * (1 + reading.MOST_QUIET)


def test_a_list_that_never_stops_changing_is_a_failure_that_a_retry_may_help(monkeypatch):
    monkeypatch.setattr(reading, "MOST_SWEEPS", 5)
    source = GrowingList([START], "newest")
    source.after_call = lambda: source.arrive(START + source.calls)

    with pytest.raises(RetriableError, match="changed in each of 5 sweeps"):
        read(source)


def test_messages_that_disappear_are_no_reason_to_leave_one_out():
    source = GrowingList([START + minute * 60_000 for minute in range(9)], "oldest", size=2)

    def delete() -> None:
        if source.calls == 1:
            del source.messages[0]

    source.after_call = delete

    assert set(read(source)) >= set(source.ids())


def test_a_long_list_is_read_in_windows_of_time(monkeypatch):
    monkeypatch.setattr(reading, "WINDOW_MESSAGES", 10)
    source = GrowingList([START + minute * 60_000 for minute in range(60)], "newest")
    windows: list[Window] = []

    def fetch(window: Window, page: int) -> Any:
        windows.append(window)
        return source.fetch(window, page)

    ids = [each["msgId"] for page in Reading(fetch, Position((WINDOW,))).pages() for each in page.records]

    assert sorted(ids) == source.ids()
    assert len(ids) == 60
    read_through = list(dict.fromkeys(window for window in windows if len([w for w in windows if w == window]) > 1))
    assert [window.end for window in read_through[:-1]] == [window.start for window in read_through[1:]]
    assert all(len(source.within(window)) < 10 for window in read_through)


def test_a_burst_within_one_second_is_read_as_it_is(monkeypatch):
    monkeypatch.setattr(reading, "WINDOW_MESSAGES", 10)
    source = GrowingList([START + 5] * 30, "newest")

    assert sorted(read(source)) == source.ids()


def test_the_interval_ends_before_its_end_whatever_the_server_includes():
    source = GrowingList([START, START + HOUR - 1, START + HOUR], "oldest")
    inclusive = Window(None, START, START + HOUR + 1)

    found = Reading(lambda _, page: source.fetch(inclusive, page), Position((WINDOW,)))

    assert [each["msgId"] for page in found.pages() for each in page.records] == ["id-0", "id-1"]


def test_a_server_that_ignores_the_interval_is_named_and_nothing_is_believed():
    source = GrowingList([START, START + 5 * HOUR], "oldest")
    everything = Window(None, 0, START + 9 * HOUR)

    with pytest.raises(RequestError, match="another time than it was asked for"):
        list(Reading(lambda _, page: source.fetch(everything, page), Position((WINDOW,))).pages())


def test_a_message_of_two_service_numbers_is_two_messages_and_one_without_an_id_is_one():
    twice = {"msgId": "1", "chatTime": START, "friendName": "Ann"}
    records = [twice | {"whatsId": "1"}, twice | {"whatsId": "2"}, twice | {"whatsId": "1", "friendName": "Bob"}]
    without = [{"chatTime": START, "content": "a"}, {"chatTime": START, "content": "b"}]

    def fetch(_window: Window, page: int) -> Any:
        return reading.ChatPage([*records, *without] if page == 1 else [], 5)

    found = [each for page in Reading(fetch, Position((WINDOW,))).pages() for each in page.records]

    assert found == [*records[:2], *without]


@pytest.mark.parametrize(
    ("sweep", "known", "before", "at_empty_page", "is_whole"),
    [
        (Sweep(5, 0, 5, 5, 5), 5, None, True, True),
        (Sweep(5, 0, 5, 4, 5), 5, None, True, False),  # it grew
        (Sweep(5, 1, 5, 5, 5), 5, None, True, False),  # a double says that one has arrived
        (Sweep(5, 0, 0, 5, 5), 6, Sweep(5, 0, 5), True, True),  # one was deleted before
        (Sweep(5, 1, 0, 5, 5), 5, Sweep(4, 2, 5), True, True),  # messages change places
        (Sweep(5, 1, 0, 5, 5), 5, Sweep(4, 2, 5), False, False),
        (Sweep(5, 1, 0, 5, 5, 2), 5, Sweep(4, 2, 5), False, True),
        (Sweep(4, 1, 0, 5, 5, 4), 4, Sweep(4, 1, 0, 5, 5), True, False),
        (Sweep(4, 1, 0, 5, 5, 5), 4, Sweep(4, 1, 0, 5, 5), True, True),  # one message is in the list twice
        (Sweep(5, 0, 5, None, None), 5, None, True, False),
        (Sweep(5, 0, 0, None, None), 5, Sweep(5, 0, 5), True, True),
        (Sweep(5, 3, 0, None, None), 5, Sweep(5, 3, 5), False, True),  # the last page is repeated
        (Sweep(5, 1, 0, None, None), 5, Sweep(5, 0, 5), True, False),
        (Sweep(5, 0, 1, None, None), 6, Sweep(5, 0, 5), True, False),
        (Sweep(5, 0, 0, 10, 11), 5, Sweep(5, 0, 5, 10, 10), True, False),
    ],
)
def test_when_a_sweep_saw_the_whole_list(sweep, known, before, at_empty_page, is_whole):
    assert sweep.is_whole(known, before, at_empty_page=at_empty_page) is is_whole
