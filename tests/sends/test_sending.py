"""Sends against a CRM that loses responses and rejects recipients, with workers that are killed, and tasks at once."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import ServiceError, UncertainError
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.importer.errors import InputError, LedgerError, StoppedError
from airflow_provider_socialscrm.sends.ledger import SendLedger
from airflow_provider_socialscrm.sends.sending import CampaignSender, Outcome, Result, Sending, resolve
from tests.support.clock import FakeClock
from tests.support.sends import FakeCrm, Killed, MemoryStorage, recipients_of

NUMBERS = [8615266600000 + n for n in range(10)]


class World:
    """A ledger, and tasks that send to it; a minute passes before each of them."""

    def __init__(self, crm: FakeCrm) -> None:
        self.crm, self.storage, self.clock = crm, MemoryStorage(), FakeClock()
        self.checks: list[Exception] = []

    def campaign(self, name: str = "autumn") -> Any:
        ledger = SendLedger(self.storage, "https://crm.example", "1", now=lambda: self.clock.now)
        ledger.make()
        return ledger.campaign(name)

    def run(
        self,
        numbers: list[int] = NUMBERS,
        *,
        owner: str = "dag/task",
        campaign: str = "autumn",
        part: int = 4,
        atomic: bool = False,
        doubts: dict[str, str] | None = None,
    ) -> Result:
        self.clock.now += 600
        found = self.campaign(campaign)
        resolve(found, doubts or {})
        clock = Clock(now=lambda: self.clock.now, sleep=self.clock.sleep, time=lambda: self.clock.now)
        sender = CampaignSender(
            self.crm,
            found,
            recipients_of(numbers).persons,
            recipients_of(numbers),
            Sending(owner, "autumn", part, atomic),
            check=self.check,
            clock=clock,
        )
        return sender.send()

    def check(self) -> None:
        if self.checks:
            raise self.checks.pop()


def counts(result: Result) -> dict[str, int]:
    return {outcome.value: count for outcome, count in result.counts.items() if count}


def test_everybody_gets_the_message_in_as_few_tasks_as_possible():
    world = World(FakeCrm())
    result = world.run()

    assert counts(result) == {"accepted": 10}
    assert result.task_ids == ["t1", "t2", "t3"]
    assert [len(each) for each in world.crm.tasks.values()] == [4, 4, 2]
    assert world.crm.reached == [str(number) for number in NUMBERS]


def test_a_retry_and_a_clear_send_nothing_again_and_know_the_tasks():
    world = World(FakeCrm())
    first = world.run()

    assert (world.run().task_ids, counts(world.run())) == (first.task_ids, counts(first))
    assert world.crm.calls == 3


def test_another_task_of_the_campaign_sends_to_those_who_are_new():
    world = World(FakeCrm())
    world.run(NUMBERS[:6])
    result = world.run(owner="dag/other")

    assert counts(result) == {"sent_before": 6, "accepted": 4}
    assert result.task_ids == ["t3"]
    assert sorted(world.crm.reached) == [str(number) for number in NUMBERS]


def test_another_campaign_sends_again():
    world = World(FakeCrm())
    world.run()

    assert counts(world.run(campaign="winter")) == {"accepted": 10}


@pytest.mark.parametrize("event", ["lost", "lost before", "no id", "-1"])
def test_a_doubtful_response_holds_its_recipients_and_stops(event):
    world = World(FakeCrm("", event))
    result = world.run()

    assert counts(result) == {"accepted": 4, "in_doubt": 4, "not_sent": 2}
    assert result.failure
    (doubt,) = result.doubts
    assert doubt.claim.name == f"autumn #2 {doubt.claim.call}"
    assert counts(world.run()) == {"accepted": 6, "in_doubt": 4}
    assert max(Counter(world.crm.reached).values()) == 1


@pytest.mark.parametrize("event", ["killed before", "killed after", "bug before"])
def test_whatever_ends_a_try_in_a_call_leaves_its_recipients_in_doubt(event):
    world = World(FakeCrm("", event))
    with pytest.raises((Killed, RuntimeError)):
        world.run()

    assert counts(world.run()) == {"accepted": 6, "in_doubt": 4}
    assert max(Counter(world.crm.reached).values()) == 1


def test_a_kill_before_the_claim_is_saved_sends_nothing_and_holds_nobody():
    world = World(FakeCrm())
    world.campaign()
    world.storage.script = ["killed before"]
    with pytest.raises(Killed):
        world.run()

    assert world.crm.calls == 0
    assert counts(world.run()) == {"accepted": 10}


def test_a_kill_right_after_the_claim_is_saved_is_a_doubt():
    world = World(FakeCrm())
    world.campaign()
    world.storage.script = ["killed after"]
    with pytest.raises(Killed):
        world.run()

    assert world.crm.calls == 0
    assert counts(world.run()) == {"in_doubt": 4, "accepted": 6}


@pytest.mark.parametrize(
    ("word", "outcome", "tasks"),
    [("not_sent", 14, ["t1", "t3", "t4"]), ("sent", 10, ["t1", "t3"]), ("t2", 10, ["t1", "t2", "t3"])],
)
def test_a_person_says_what_became_of_a_doubt(word, outcome, tasks):
    world = World(FakeCrm("", "lost"))
    (doubt,) = world.run().doubts
    doubts = {doubt.claim.call: word}
    result = world.run(doubts=doubts)

    assert counts(result) == {"accepted": 10}
    assert result.task_ids == tasks
    assert len(world.crm.reached) == outcome  # who says that a message was not sent must know
    assert counts(world.run(doubts=doubts)) == {"accepted": 10}
    assert counts(world.run(doubts={doubt.claim.call: "not_sent"})) == {"accepted": 10}  # it is known by now
    assert len(world.crm.reached) == outcome


@pytest.mark.parametrize("doubts", [{"ffffffff": "sent"}, {"": "sent"}])
def test_a_doubt_that_is_not_there_is_an_error_before_any_call(doubts):
    world = World(FakeCrm())

    with pytest.raises(InputError, match="not a call of this campaign"):
        world.run(doubts=doubts)
    assert world.crm.calls == 0


def test_a_doubt_needs_one_of_three_words():
    world = World(FakeCrm("lost"))
    (doubt,) = world.run().doubts

    with pytest.raises(InputError, match="'sent', 'not_sent' or a task's id"):
        world.run(doubts={doubt.claim.call: "it was not sent"})
    assert world.crm.calls == 1


@pytest.mark.parametrize("event", ["unavailable", "516", "514", "507"])
def test_a_certain_refusal_gives_the_recipients_free_for_a_retry(event):
    world = World(FakeCrm("", event))
    result = world.run()

    assert counts(result) == {"accepted": 4, "not_sent": 6}
    assert result.failure
    assert counts(world.run()) == {"accepted": 10}
    assert world.crm.reached == [str(number) for number in NUMBERS]


def test_an_atomic_refusal_of_a_recipient_lets_the_others_be_sent_to():
    world = World(FakeCrm(bad=[str(NUMBERS[1])]))
    result = world.run(atomic=True)

    assert counts(result) == {"rejected": 4, "accepted": 6}
    assert result.failure is None
    assert "532" in str(result.refusals[0])
    assert counts(world.run([n for n in NUMBERS if n != NUMBERS[1]])) == {"accepted": 9}
    assert max(Counter(world.crm.reached).values()) == 1


def test_a_refusal_that_may_be_partial_is_a_doubt():
    world = World(FakeCrm(bad=[str(NUMBERS[1])], atomic=False))

    assert counts(world.run()) == {"in_doubt": 4, "not_sent": 6}
    assert counts(world.run()) == {"in_doubt": 4, "accepted": 6}
    assert max(Counter(world.crm.reached).values()) == 1


def test_a_start_that_passes_meanwhile_leaves_the_rest_free():
    world = World(FakeCrm())
    world.checks = [ValueError("start is in the past.")]
    result = world.run()

    assert (counts(result), world.crm.calls) == ({"not_sent": 10}, 0)
    assert "start is in the past" in str(result.failure)
    assert counts(world.run()) == {"accepted": 10}


def test_a_task_that_is_stopped_ends_its_call_and_leaves_the_rest_to_a_retry():
    world = World(FakeCrm())
    found, who = world.campaign(), recipients_of(NUMBERS)

    def send(*arguments: Any) -> str:
        sender.stop()
        return world.crm(*arguments)

    sender = CampaignSender(send, found, who.persons, who, Sending("dag/task", "autumn", 4))
    result = sender.send()

    assert counts(result) == {"accepted": 4, "not_sent": 6}
    assert isinstance(result.failure, StoppedError)
    assert counts(world.run()) == {"accepted": 10}


def test_an_outcome_that_cannot_be_saved_at_once_is_saved_later():
    world = World(FakeCrm())
    world.campaign()
    world.storage.script = ["", "unwritable", "unwritable"]

    assert counts(world.run()) == {"accepted": 10}


def test_an_outcome_that_cannot_be_saved_is_named_and_held():
    world = World(FakeCrm())
    world.campaign()
    world.storage.script = ["", *["unwritable"] * 4]
    with pytest.raises(LedgerError, match=r"doubts=\{'[0-9a-f]{8}': 't1'\}"):
        world.run()

    assert counts(world.run()) == {"in_doubt": 4, "accepted": 6}


@pytest.mark.parametrize("place", range(4))
def test_a_file_whose_creation_was_repeated_is_our_own(place):
    world = World(FakeCrm())
    world.campaign()
    world.storage.script = [*[""] * place, "lost"]

    assert counts(world.run()) == {"accepted": 10}
    assert world.crm.reached == [str(number) for number in NUMBERS]


def test_a_task_waits_for_the_calls_of_others_that_have_just_begun():
    world = World(FakeCrm("killed after"))
    with pytest.raises(Killed):
        world.run(NUMBERS[:4], owner="dag/other")
    world.clock.now -= 600
    result = world.run(NUMBERS[:4])

    assert counts(result) == {"in_doubt": 4}
    assert sum(world.clock.slept) == 120


@pytest.mark.parametrize("seed", range(5))
def test_two_tasks_with_one_campaign_at_once_reach_each_number_once(seed):
    world, numbers = World(FakeCrm()), list(range(8615266600000, 8615266600200))
    random.Random(seed).shuffle(numbers)  # noqa: S311 - repeatable, no secret
    world.campaign()
    campaigns = [world.campaign(), world.campaign(), world.campaign()]

    def task(place: int) -> Result:
        mine = numbers if place % 2 else numbers[::-1]
        who, how = recipients_of(mine), Sending(f"dag/{place}", "autumn", 7)
        clock = Clock(sleep=lambda _: sleep(0.005), time=lambda: world.clock.now)
        return CampaignSender(world.crm, campaigns[place], who.persons, who, how, clock=clock).send()

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(task, range(3)))

    assert sorted(world.crm.reached) == sorted(map(str, numbers))
    assert sum(result.counts[Outcome.ACCEPTED] for result in results) == 200
    assert all(result.counts[Outcome.ACCEPTED] + result.counts[Outcome.SENT_BEFORE] == 200 for result in results)


CALLS = ["", "", "killed before", "killed after", "lost", "lost before", "no id", "unavailable", "514", "-1"]
FILES = ["", "", "", "", "killed before", "killed after", "lost", "unwritable"]


def check_sequence(seed: int) -> None:
    """Run tries, retries and clears of several tasks under random faults, and compare all they report."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    bad = [str(number) for number in NUMBERS if chance.random() < 0.1]
    atomic = chance.random() < 0.5
    world = World(FakeCrm(bad=bad, atomic=atomic))
    world.campaign()
    for _ in range(chance.randint(2, 6)):
        world.crm.script = [chance.choice(CALLS) for _ in range(chance.randint(0, 3))]
        world.storage.script = [chance.choice(FILES) for _ in range(chance.randint(0, 6))]
        some = chance.sample(NUMBERS, chance.randint(1, 10))
        owner = chance.choice(["dag/a", "dag/b"])
        try:
            result = world.run(some, owner=owner, part=chance.randint(1, 5), atomic=atomic)
        except (Killed, LedgerError):
            result = None
        assert max(Counter(world.crm.reached).values(), default=0) <= 1
        if result:
            check_report(world, result, some, owner)
    world.crm.script, world.storage.script = [], []
    check_report(world, world.run(atomic=atomic), NUMBERS, "dag/task")
    assert max(Counter(world.crm.reached).values(), default=0) <= 1


def check_report(world: World, result: Result, numbers: list[int], owner: str) -> None:
    """Compare what a task reports with what the CRM has."""
    assert result.counts.total() == len(numbers)
    state, reached = world.campaign().state, set(world.crm.reached)
    for number in numbers:
        call = state.holder(number)
        if call is None:
            assert str(number) not in reached
        elif not call.is_open:
            assert str(number) in reached
    has = {number for task_id in result.task_ids for number in world.crm.tasks[task_id]}
    mine = {str(n) for n in numbers if (call := state.holder(n)) and not call.is_open and call.claim.owner == owner}
    assert mine <= has
    assert len(mine) == result.counts[Outcome.ACCEPTED]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("seed", range(40))
def test_no_sequence_of_faults_retries_and_clears_sends_a_message_twice(seed):
    for each in range(5):
        check_sequence(seed * 5 + each)


def test_a_failure_that_a_retry_may_help_is_kept():
    assert isinstance(World(FakeCrm("unavailable")).run().failure, ServiceError)
    assert isinstance(World(FakeCrm("lost")).run().failure, UncertainError)
