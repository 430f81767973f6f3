"""Mass sends against a CRM that loses responses, rejects tasks and forgets nothing, with workers that are killed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, SocialSCRMError, UncertainError, refusal
from airflow_provider_socialscrm.api.mass_sends import Content, MassSend, Stage
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.errors import InputError, SupersededError
from airflow_provider_socialscrm.mass_sends.intents import Intents
from airflow_provider_socialscrm.mass_sends.sending import MassSender, Outcome
from airflow_provider_socialscrm.runtime.task_state import TaskStateCheckpointStore
from tests.support.airflow import FakeTaskStateStore
from tests.support.clock import FakeClock

A, B, C, D = (MassSend(name, ("agent_wang",), Stage("New", "1"), Content(f"Hello {name}")) for name in "ABCD")


def rejected(number: int) -> SocialSCRMError:
    return refusal(look_up(number, family=Family.MASS_SEND))


class Killed(BaseException):
    """The worker is gone."""


class FakeCrm:
    """Creates tasks by name; ``script`` has what happens to the next calls.

    :param bad: codes of tasks that it rejects, by name.
    :param most: tasks in a call.
    """

    def __init__(self, *script: str, bad: dict[str, int] | None = None, atomic: bool = True, most: int = 99) -> None:
        self.script, self.bad, self.atomic, self.most = list(script), bad or {}, atomic, most
        self.created: list[str] = []
        self.calls: list[str] = []

    def __call__(self, tasks: Sequence[MassSend]) -> Any:
        event = self.script.pop(0) if self.script else ""
        self.calls.append("".join(task.name for task in tasks))
        if event == "killed before":
            raise Killed
        if event == "unavailable":
            raise ServiceError("unavailable")
        if event == "lost before":
            raise UncertainError("lost")
        self._create(tasks)
        if event == "killed after":
            raise Killed
        if event == "lost":
            raise UncertainError("lost")
        return ""

    def _create(self, tasks: Sequence[MassSend]) -> None:
        if len(tasks) > self.most:
            raise rejected(507)
        good, first = [], None
        for task in tasks:
            number = 521 if task.name in [*self.created, *good] else self.bad.get(task.name)
            if number:
                first = first or rejected(number)
            else:
                good.append(task.name)
        if first is None or not self.atomic:
            self.created += good
        if first:
            raise first


class Task:
    """A task of Airflow, whose tries share their state."""

    def __init__(self, crm: FakeCrm, *, saves: bool = True, atomic: bool = False, own: str = "") -> None:
        self.crm, self.saves, self.atomic, self.own = crm, saves, atomic, own
        self.state, self.tries = FakeTaskStateStore(), 0

    def run(self, *tasks: MassSend, attempts: int = 3) -> dict[str, Outcome]:
        self.tries += 1
        is_retry = self.tries > 1
        store = TaskStateCheckpointStore(self.state, "dag/sent", self.tries, is_retry=is_retry) if self.saves else None
        intents = Intents(store, is_retry=is_retry)
        sender = MassSender(
            self.crm,
            intents,
            refusals_are_atomic=self.atomic,
            own_names=self.own,
            limits=RetryLimits(attempts=attempts),
            clock=FakeClock().as_clock(),
        )
        self.results = sender.send(tasks)
        self.failure = sender.failure
        intents.close()
        return {result.task.name: result.outcome for result in self.results}


def test_several_tasks_are_one_call():
    crm = FakeCrm()

    assert Task(crm).run(A, B, C) == dict.fromkeys("ABC", Outcome.ACCEPTED)
    assert crm.calls == ["ABC"]


@pytest.mark.parametrize(("event", "outcome"), [("lost", Outcome.ACCEPTED_BEFORE), ("lost before", Outcome.ACCEPTED)])
def test_a_doubtful_call_goes_again_and_a_taken_name_then_means_accepted(event, outcome):
    crm = FakeCrm(event)

    assert Task(crm).run(A) == {"A": outcome}
    assert (crm.created, crm.calls) == (["A"], ["A", "A"])


def test_a_taken_name_is_an_error_on_a_first_try():
    crm = FakeCrm()
    crm.created.append("A")
    task = Task(crm)

    assert task.run(A) == {"A": Outcome.REJECTED}
    assert "another one's" in task.results[0].reason
    assert task.run(A) == {"A": Outcome.REJECTED}  # and in a retry, since no earlier call was doubtful


@pytest.mark.parametrize(
    ("event", "own", "outcome"),
    [
        ("killed after", "A", Outcome.ACCEPTED_BEFORE),
        ("killed after", "", Outcome.IN_DOUBT),
        ("killed before", "A", Outcome.ACCEPTED),
        ("killed before", "", Outcome.ACCEPTED),
    ],
)
def test_a_retry_after_a_kill_knows_what_a_taken_name_means_if_only_this_task_gives_it(event, own, outcome):
    crm = FakeCrm(event)
    task = Task(crm, own=own)
    with pytest.raises(Killed):
        task.run(A)

    assert task.run(A) == {"A": outcome}
    assert crm.created == ["A"]
    assert task.run(A) == {"A": Outcome.IN_DOUBT if outcome is Outcome.IN_DOUBT else Outcome.ACCEPTED_BEFORE}


def test_a_name_that_was_somebody_elses_before_a_kill_is_not_taken_for_ours():
    crm = FakeCrm("killed before")
    crm.created.append("A")
    task = Task(crm)
    with pytest.raises(Killed):
        task.run(A)

    assert task.run(A) == task.run(A) == {"A": Outcome.IN_DOUBT}
    assert crm.created == ["A"]


def test_a_doubtful_response_is_remembered_through_a_kill():
    crm = FakeCrm("lost", "killed before")
    task = Task(crm)
    with pytest.raises(Killed):
        task.run(A)

    assert task.run(A) == {"A": Outcome.ACCEPTED_BEFORE}
    assert crm.created == ["A"]


def test_a_call_that_stays_doubtful_is_left_to_a_retry():
    crm = FakeCrm("lost", *["lost before"] * 5)
    task = Task(crm)

    assert task.run(A, B) == dict.fromkeys("AB", Outcome.IN_DOUBT)
    assert isinstance(task.failure, UncertainError)
    crm.script.clear()
    assert task.run(A, B) == dict.fromkeys("AB", Outcome.ACCEPTED_BEFORE)
    assert crm.created == ["A", "B"]


def test_nothing_is_sent_again_once_it_was_accepted():
    crm = FakeCrm()
    task = Task(crm)
    task.run(A)

    assert task.run(A, B) == {"A": Outcome.ACCEPTED_BEFORE, "B": Outcome.ACCEPTED}
    assert crm.calls == ["A", "B"]


def test_another_content_by_the_same_name_is_not_sent():
    crm = FakeCrm()
    task = Task(crm)
    task.run(A)

    with pytest.raises(InputError, match="another content, group or executors"):
        task.run(MassSend("A", A.executors, A.group, Content("Bye")))
    assert crm.calls == ["A"]


def test_a_bad_task_is_found_by_halving_and_the_others_are_sent():
    crm = FakeCrm(bad={"C": 508})
    task = Task(crm, atomic=True)

    assert task.run(A, B, C, D) == {**dict.fromkeys("ABD", Outcome.ACCEPTED), "C": Outcome.REJECTED}
    assert crm.calls == ["ABCD", "AB", "CD", "C", "D"]
    assert "508" in task.results[2].reason
    crm.bad.clear()
    assert task.run(A, B, C, D)["C"] is Outcome.ACCEPTED


def test_too_many_tasks_are_halved():
    crm = FakeCrm(most=2)

    assert Task(crm, atomic=True).run(A, B, C, D) == dict.fromkeys("ABCD", Outcome.ACCEPTED)
    assert crm.calls == ["ABCD", "AB", "CD"]


def test_whether_a_rejected_call_or_another_one_had_the_name_is_a_doubt_that_is_kept():
    crm = FakeCrm(bad={"B": 508}, atomic=False)
    task = Task(crm)

    assert task.run(A, B) == {"A": Outcome.IN_DOUBT, "B": Outcome.REJECTED}
    assert task.run(A) == {"A": Outcome.IN_DOUBT}
    assert crm.created == ["A"]


def test_a_name_that_only_this_task_gives_is_not_a_doubt():
    crm = FakeCrm(bad={"B": 508}, atomic=False)

    assert Task(crm, own="AB").run(A, B) == {"A": Outcome.ACCEPTED_BEFORE, "B": Outcome.REJECTED}


def test_a_refusal_after_a_doubtful_call_is_a_doubt():
    crm = FakeCrm("lost")
    task = Task(crm)

    def refuses(tasks: Sequence[MassSend]) -> Any:
        crm.script = crm.script or ["", ""]
        if crm.calls:
            raise rejected(511)
        return FakeCrm.__call__(crm, tasks)

    task.crm = refuses  # type: ignore[assignment]
    assert task.run(A) == {"A": Outcome.IN_DOUBT}


def test_an_unavailable_crm_leaves_the_rest_for_a_retry():
    crm = FakeCrm("unavailable")
    task = Task(crm)

    assert task.run(A) == {"A": Outcome.NOT_SENT}
    assert isinstance(task.failure, ServiceError)
    crm.created.append("A")  # somebody else's
    assert task.run(A) == {"A": Outcome.REJECTED}


def test_a_rejection_for_executors_names_their_form():
    task = Task(FakeCrm(bad={"A": 505}))
    task.run(A)

    assert "executors_as" in task.results[0].reason


@pytest.mark.parametrize(("own", "outcome"), [("A", Outcome.ACCEPTED_BEFORE), ("", Outcome.IN_DOUBT)])
def test_a_retry_without_saved_state_knows_only_its_own_names(own, outcome):
    crm = FakeCrm("killed after")
    task = Task(crm, saves=False, own=own)
    with pytest.raises(Killed):
        task.run(A)

    assert task.run(A) == {"A": outcome}


def test_an_older_try_that_still_runs_sends_nothing_once_a_newer_one_has_begun():
    crm, state = FakeCrm(), FakeTaskStateStore()
    older = Intents(TaskStateCheckpointStore(state, "dag/sent", 1))
    Intents(TaskStateCheckpointStore(state, "dag/sent", 2, is_retry=True))

    with pytest.raises(SupersededError):
        MassSender(crm, older).send([A])
    assert crm.calls == []


EVENTS = ("", "", "lost", "lost before", "killed before", "killed after", "unavailable")


@pytest.mark.parametrize("seed", range(200))
def test_random_faults_retries_and_clears_create_each_task_at_most_once_and_the_report_is_right(seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    names = "ABCD"[: chance.randint(1, 4)]
    tasks = [task for task in (A, B, C, D) if task.name in names]
    atomic = chance.random() < 0.5
    bad = {name: 508 for name in names if chance.random() < 0.2}
    crm = FakeCrm(bad=bad, atomic=atomic)
    task = Task(crm, atomic=atomic, own=names if chance.random() < 0.5 else "")
    outcomes: dict[str, Outcome] = {}
    for _ in range(chance.randint(1, 6)):
        crm.script = chance.choices(EVENTS, k=chance.randint(0, 6))
        try:
            outcomes = task.run(*tasks, attempts=chance.randint(1, 3))
        except Killed:
            outcomes = {}
        counts = Counter(crm.created)
        assert max(counts.values(), default=0) <= 1
        for name, outcome in outcomes.items():
            match outcome:
                case Outcome.ACCEPTED | Outcome.ACCEPTED_BEFORE:
                    assert counts[name] == 1
                case Outcome.REJECTED:
                    assert counts[name] == 0
    crm.script = []
    outcomes = task.run(*tasks)
    certain = {name for name in names if name not in bad}
    assert {*crm.created} == certain
    allowed = {Outcome.ACCEPTED, Outcome.ACCEPTED_BEFORE, Outcome.IN_DOUBT}
    assert all(outcomes[name] in allowed for name in certain)
