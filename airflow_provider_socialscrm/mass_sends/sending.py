"""Creates mass sends: several in a call, a doubtful call again, and a bad one found by halving."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from airflow_provider_socialscrm.api.codes import Blame, Recovery
from airflow_provider_socialscrm.api.errors import SocialSCRMError, TooLargeError, UncertainError
from airflow_provider_socialscrm.api.mass_sends import NAME_EXISTS, NO_EXECUTOR, MassSend
from airflow_provider_socialscrm.api.retry import Clock, RetryLimits, wait_before_retry
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.mass_sends.intents import Intents, Sent

log = logging.getLogger(__name__)

LIMITS: Final = RetryLimits()
"""How long a doubtful call is sent again within a try."""

_ONE_IS_BAD: Final = {Recovery.HALVE_BYTES, Recovery.ISOLATE, Recovery.ISOLATE_UNKNOWN}


class Outcome(StrEnum):
    """The outcome of a mass send."""

    ACCEPTED = "accepted"  # the CRM answered 200
    ACCEPTED_BEFORE = "accepted_before"  # an earlier call with a doubtful response, or an earlier try, had it accepted
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"  # nothing says whether the CRM has it
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Result:
    """A mass send and what became of it.

    :param task: the mass send.
    :param outcome: what became of it.
    :param code: of the response; ``None`` without one.
    :param reason: why, in sentences; empty where it was accepted.
    """

    task: MassSend
    outcome: Outcome
    code: int | None = None
    reason: str = ""


class MassSender:
    """Creates mass sends, each once.

    :param call: makes one call with some of them.
    :param intents: what earlier tries sent.
    :param refusals_are_atomic: whether the CRM takes none of the mass sends of a call that it rejects.
    :param own_names: names that only this task gives.
    :param limits: how long a doubtful call is sent again; ``None`` is :data:`LIMITS`.
    :param clock: time, sleep and randomness.
    """

    def __init__(
        self,
        call: Callable[[Sequence[MassSend]], Any],
        intents: Intents,
        *,
        refusals_are_atomic: bool = False,
        own_names: Iterable[str] = (),
        limits: RetryLimits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._call = call
        self._intents = intents
        self._is_atomic = refusals_are_atomic
        self._own_names = frozenset(own_names)
        self._limits = limits or LIMITS
        self._clock = clock or Clock()
        self._doubtful: set[str] = set()
        """Names of calls with a doubtful response: the CRM may have created these tasks."""
        self._ambiguous: set[str] = set()
        """Names that somebody else may have given before the first call, so that 521 does not say whose they are."""
        self._results: dict[str, Result] = {}
        self.failure: SocialSCRMError | None = None
        """Why the rest was not sent, if so."""

    def send(self, tasks: Sequence[MassSend]) -> list[Result]:
        """Create mass sends and return what became of each, in their order.

        :raises InputError: if one was sent before with another content.
        :raises CheckpointError: if what is about to be sent cannot be saved.
        """
        self._intents.check(tasks)
        for task in tasks:
            self._look_back(task)
        left = [task for task in tasks if task.name not in self._results]
        waiting = deque([left] if left else [])
        while waiting and self.failure is None:
            waiting.extendleft(reversed(self._send(waiting.popleft())))
        for task in tasks:
            self._results.setdefault(task.name, Result(task, Outcome.NOT_SENT, reason="The run stopped before."))
        return [self._results[task.name] for task in tasks]

    def _look_back(self, task: MassSend) -> None:
        match self._intents.sent(task):
            case Sent.ACCEPTED:
                self._results[task.name] = Result(task, Outcome.ACCEPTED_BEFORE)
                log.info("An earlier try had '%s' accepted: it is not sent again", task.name)
            case Sent.DOUBTFUL:
                self._doubtful.add(task.name)
            case Sent.INTENDED | Sent.AMBIGUOUS:  # a kill before the call leaves the name to whoever has it
                self._doubtful.add(task.name)
                self._ambiguous.add(task.name)
            case None if self._intents.are_lost:
                self._doubtful.add(task.name)
                self._ambiguous.add(task.name)

    def _send(self, group: list[MassSend]) -> list[list[MassSend]]:
        """Make the call with some mass sends, and return the parts to send instead, if it was rejected."""
        self._intents.intend(group, self._ambiguous, self._doubtful)
        try:
            self._call_until_certain(group)
        except SocialSCRMError as failure:
            return self._rejected(group, failure)
        except ValueError as wrong:  # found before the call, as when the start has passed meanwhile
            self._intents.resolve([task for task in group if task.name not in {*self._doubtful, *self._ambiguous}])
            raise InputError(str(wrong)) from None
        self._accept(group, Outcome.ACCEPTED)
        return []

    def _call_until_certain(self, group: list[MassSend]) -> None:
        made, started = 0, self._clock.now()
        while True:
            made += 1
            try:
                self._call(group)
            except UncertainError as failure:
                self._doubtful.update(task.name for task in group)
                self._intents.intend(group, self._ambiguous, self._doubtful)
                elapsed = self._clock.now() - started
                wait = wait_before_retry(made, elapsed, self._limits, self._clock.chance(), failure.retry_after)
                if wait is None:
                    raise
                log.warning("%s It is sent again in %.1f s: its name then shows whether it was created", failure, wait)
                self._clock.sleep(wait)
            else:
                return

    def _rejected(self, group: list[MassSend], failure: SocialSCRMError) -> list[list[MassSend]]:
        code = failure.code.number if failure.code else None
        if not _is_about_a_task(failure):
            self.failure = failure
            self._leave(group, failure, code)
            return []
        if len(group) > 1:
            if not self._is_atomic:  # some of them may have been created beside the bad one
                self._ambiguous.update(task.name for task in group if task.name not in self._doubtful)
                self._intents.intend(group, self._ambiguous, self._doubtful)
            half = len(group) // 2
            return [group[:half], group[half:]]
        self._decide(group[0], failure, code)
        return []

    def _decide(self, task: MassSend, failure: SocialSCRMError, code: int | None) -> None:
        """Decide on a mass send that was rejected alone."""
        is_doubtful, is_ambiguous = task.name in self._doubtful, task.name in self._ambiguous
        is_ours = (is_doubtful and not is_ambiguous) or (task.name in self._own_names and (is_doubtful or is_ambiguous))
        if code == NAME_EXISTS and is_ours:
            log.info("The CRM has '%s' since an earlier call whose response was doubtful (521)", task.name)
            self._accept([task], Outcome.ACCEPTED_BEFORE, code)
        elif is_doubtful or (code == NAME_EXISTS and is_ambiguous):
            self._results[task.name] = Result(task, Outcome.IN_DOUBT, code, f"{failure} {_IN_DOUBT}")
        else:
            self._intents.resolve([task])
            self._results[task.name] = Result(task, Outcome.REJECTED, code, f"{failure}{_more(code)}")

    def _leave(self, group: list[MassSend], failure: SocialSCRMError, code: int | None) -> None:
        """Record mass sends whose call failed for a reason outside of them."""
        doubtful = [task for task in group if task.name in self._doubtful]
        others = [task for task in group if task.name not in self._doubtful]
        for tasks, outcome in ((doubtful, Outcome.IN_DOUBT), (others, Outcome.NOT_SENT)):
            self._results |= {task.name: Result(task, outcome, code, str(failure)) for task in tasks}
        if sure := [task for task in others if task.name not in self._ambiguous]:
            self._intents.resolve(sure)

    def _accept(self, tasks: list[MassSend], outcome: Outcome, code: int | None = None) -> None:
        self._results |= {task.name: Result(task, outcome, code) for task in tasks}
        self._intents.accept(tasks)


_IN_DOUBT: Final = "An earlier call may have created it: look it up in the CRM by its name before you send it again."


def _more(code: int | None) -> str:
    """Return what a code means beside its hint, where we have checked what it is about."""
    if code == NAME_EXISTS:
        return " No earlier call of this task had this name, so it is another one's: nothing was sent."
    if code in NO_EXECUTOR:
        return " The task has executors, so the CRM may read them in the other form: set executors_as."
    return ""


def _is_about_a_task(failure: SocialSCRMError) -> bool:
    """Return whether a call was rejected, for certain, because of one of its mass sends."""
    if isinstance(failure, UncertainError):
        return False
    if isinstance(failure, TooLargeError) or failure.recovery in _ONE_IS_BAD:
        return True
    return failure.code is not None and failure.code.blame in {Blame.REQUEST, Blame.ROW}
