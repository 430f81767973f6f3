"""Which orders a try places, by what the tries before it saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.api.errors import (
    ClockError,
    RequestError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    UncertainError,
    UnknownCodeError,
    unknown_form,
)
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, SupersededError
from airflow_provider_socialscrm.screening.order_store import FilePlaces, OrderStore
from airflow_provider_socialscrm.screening.orders import HeldOrderError, Wanted, is_refusal, place_orders

NUMBERS = pa.array([f"919876{n:06}" for n in range(45_000)])
WANTED = Wanted(NUMBERS, "is_whatsapp IN")


class Crm:
    """Takes orders, and fails when it should; an error is raised after the order was taken if ``taken`` says so."""

    def __init__(self) -> None:
        self.orders: dict[str, Sequence[str]] = {}
        self.failures: dict[int, tuple[BaseException, bool]] = {}
        self.calls = 0

    def order(self, numbers: Sequence[str]) -> str:
        self.calls += 1
        failure, taken = self.failures.pop(self.calls, (None, True))
        order = f"o{len(self.orders) + 1}"
        if taken:
            self.orders[order] = numbers
        if failure:
            raise failure
        return order

    @property
    def paid(self) -> list[str]:
        return [number for numbers in self.orders.values() for number in numbers]


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def crm() -> Crm:
    return Crm()


class Task:
    """The tries of one task."""

    def __init__(self, folder: Path, crm: Crm, identity: str = "dag/run/task") -> None:
        self.path, self.crm, self.identity, self.tries = folder / "screened.parquet", crm, identity, 0

    def store(self) -> OrderStore:
        self.tries += 1
        return OrderStore(FilePlaces(self.path), self.identity, self.tries)

    def run(self, wanted: Wanted = WANTED) -> list[str]:
        store = self.store()
        store.begin()
        orders = place_orders(wanted, store, self.crm.order)
        store.release()
        return orders


@pytest.fixture
def task(tmp_path, crm) -> Task:
    return Task(tmp_path, crm)


def test_each_number_is_ordered_once_and_a_retry_orders_nothing(task, crm):
    assert task.run() == task.run() == ["o1", "o2", "o3"]
    assert crm.paid == NUMBERS.to_pylist()


def test_the_saved_orders_name_no_number(task):
    task.run()

    content = (task.path.parent / "screened.parquet.orders.json").read_text()
    assert "919876" not in content
    assert (task.path.parent / "screened.parquet.orders.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("call", [1, 2, 3])
def test_an_order_that_was_refused_is_placed_by_the_next_try(task, crm, call):
    crm.failures[call] = (ServiceError("no connection"), False)
    with pytest.raises(ServiceError):
        task.run()

    assert task.run() == ["o1", "o2", "o3"]
    assert crm.paid == NUMBERS.to_pylist()


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("failure", [UncertainError("lost"), unknown_form("/x"), KilledError()])
def test_an_order_in_doubt_is_held_until_a_person_says_what_became_of_it(task, crm, call, taken, failure):
    crm.failures[call] = (failure, taken)
    with pytest.raises((HeldOrderError, KilledError)):
        task.run()
    before = crm.calls
    for _ in range(2):
        with pytest.raises(HeldOrderError, match=rf"order {call} of 3, of 15,000 numbers.*orders.*on_unknown='order'"):
            task.run()
    assert crm.calls == before

    said = replace(WANTED, given=(f"o{call}",)) if taken else replace(WANTED, on_unknown="order")
    assert task.run(said) == task.run() == ["o1", "o2", "o3"]
    assert crm.paid == NUMBERS.to_pylist()


def test_the_sentence_names_the_orders_that_are_known(task, crm):
    crm.failures[3] = (UncertainError("The response was lost."), True)
    with pytest.raises(HeldOrderError) as failure:
        task.run()

    assert str(failure.value).startswith("The response was lost. The CRM may have taken order 3 of 3")
    assert "It has taken o1, o2." in str(failure.value)
    assert "919876" not in str(failure.value)


@pytest.mark.parametrize("given", [("o9", "o8"), ("o1", "o9", "o8")])
def test_more_ids_than_orders_in_doubt_are_refused(task, crm, given):
    crm.failures[2] = (UncertainError("lost"), True)
    with pytest.raises(HeldOrderError):
        task.run()

    with pytest.raises(HeldOrderError, match="has 2 ids that earlier tries did not save, and 1 of their orders"):
        task.run(replace(WANTED, given=given))
    assert task.run(replace(WANTED, given=("o1", "o2"))) == ["o1", "o2", "o3"]


def test_given_orders_replace_those_of_a_task_that_has_none(task, crm):
    assert task.run(replace(WANTED, given=("a", "b"))) == task.run() == ["a", "b"]
    assert crm.calls == 0


def test_other_numbers_are_not_ordered_while_orders_are_open(task, crm):
    task.run()
    others = [replace(WANTED, numbers=NUMBERS[:600]), replace(WANTED, subject="gender IN")]

    for wanted in others:
        with pytest.raises(HeldOrderError, match="o1, o2, o3 of an earlier try are for other numbers"):
            task.run(wanted)
        with pytest.raises(HeldOrderError):
            task.run(replace(wanted, given=("o1",)))
    assert task.run(replace(others[0], given=("o1", "o2", "o3"))) == ["o1", "o2", "o3"]
    assert crm.calls == 3


def test_other_numbers_are_ordered_once_the_orders_before_are_delivered(task, crm):
    task.run()
    store = task.store()
    store.begin()
    store.save(replace_delivered(store.load()))
    store.release()

    assert task.run() == ["o1", "o2", "o3"]  # the same ones are not
    assert task.run(replace(WANTED, numbers=NUMBERS[:600])) == ["o4"]


def replace_delivered(orders: Any) -> Any:
    return type(orders)(orders.digest, orders.parts, delivered=True)


def test_the_order_of_the_rows_does_not_matter_but_each_number_does():
    assert Wanted(NUMBERS[:3], "a").digest == Wanted(pa.array(NUMBERS[:3].to_pylist()), "a").digest
    others = [Wanted(NUMBERS[1:3], "a"), Wanted(NUMBERS[:3], "b"), Wanted(NUMBERS[:2], "a")]
    assert len({wanted.digest for wanted in [Wanted(NUMBERS[:3], "a"), *others]}) == 4


def test_a_lost_file_holds_the_orders_of_a_later_try(task, crm):
    task.run()
    (task.path.parent / "screened.parquet.orders.json").unlink()

    for _ in range(2):
        with pytest.raises(HeldOrderError, match="left no trace here"):
            task.run()
    assert crm.calls == 3
    assert task.run(replace(WANTED, given=("o1", "o2", "o3"))) == ["o1", "o2", "o3"]


def test_a_damaged_file_is_not_taken_for_none(task, crm):
    task.run()
    for content in ("", "{", "null", "[]", '{"identity": 1}', '{"identity": "dag/run/task", "orders": {"parts": 3}}'):
        (task.path.parent / "screened.parquet.orders.json").write_text(content)
        with pytest.raises(CheckpointError, match="cannot be read"):
            task.run()
    assert crm.calls == 3


def test_another_run_does_not_touch_open_orders_and_replaces_delivered_ones(task, crm, tmp_path):
    task.run()
    other = Task(tmp_path, crm, "dag/other run/task")

    with pytest.raises(InputError, match=r"open orders of another run \(dag/run/task\)"):
        other.run()
    assert task.run() == ["o1", "o2", "o3"]
    store = task.store()
    store.begin()
    store.save(replace_delivered(store.load()))
    store.release()
    other.tries = 0
    assert other.run() == ["o4", "o5", "o6"]


class Hijacked(OrderStore):
    """A store in whose place another try begins before the save of a number."""

    def __init__(self, *given: Any, at: int, other: Any) -> None:
        super().__init__(*given)
        self.saves, self.at, self.other = 0, at, other

    def save(self, orders: Any) -> None:
        self.saves += 1
        if self.saves == self.at:
            self.other()
        super().save(orders)


@pytest.mark.parametrize("at", range(1, 8))
def test_of_two_tries_at_the_same_time_only_one_orders(task, crm, at):
    first: list[Any] = []

    def begin_another() -> None:
        try:
            first.append(task.run())
        except HeldOrderError as held:
            first.append(held)

    task.tries = 1
    store = Hijacked(FilePlaces(task.path), task.identity, 1, at=at, other=begin_another)
    store.begin()
    with pytest.raises((SupersededError, HeldOrderError)):
        place_orders(WANTED, store, crm.order)

    assert len(crm.paid) == len(set(crm.paid))
    assert len(first) == 1


@pytest.mark.parametrize(
    ("failure", "first", "later"),
    [
        (UncertainError("x"), False, False),
        (UncertainError("x", http_status=502), False, False),
        (unknown_form("/x"), False, False),
        (UnknownCodeError("x", http_status=200), False, False),
        (ServiceError("x"), True, True),
        (ServiceError("x", http_status=429), True, True),
        (ClockError("x"), True, True),
        (SettingError("a certificate"), True, True),
        (SettingError("a page", http_status=401), True, False),
        (RequestError("a page", http_status=404), True, False),
    ],
)
def test_only_a_certain_refusal_lets_an_order_be_placed_again(failure: SocialSCRMError, first, later):
    assert is_refusal(failure, has_success=False) is first
    assert is_refusal(failure, has_success=True) is later
