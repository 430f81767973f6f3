"""Sends to the recipients of a campaign, each of whom is claimed before the call and in no other call after that."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.sends import SendPair, is_task_id
from airflow_provider_socialscrm.importer.errors import InputError, LedgerError, StoppedError
from airflow_provider_socialscrm.sends.campaign import Campaign
from airflow_provider_socialscrm.sends.events import ACCEPTED, DOUBTFUL, RELEASED, Claimed
from airflow_provider_socialscrm.sends.recipients import Recipients
from airflow_provider_socialscrm.sends.refusals import Verdict, verdict
from airflow_provider_socialscrm.sends.state import Call, CampaignState
from airflow_provider_socialscrm.wording import counted

log = logging.getLogger(__name__)

SENT: Final = "sent"
NOT_SENT: Final = "not_sent"

SAVES: Final = 4
"""Times that what became of a call is saved, if the ledger cannot be written; the first one included."""

SAVE_WAIT: Final = 2.0
"""Seconds before the second of them, doubled each time."""

OTHERS_WAIT: Final = 120.0
"""Seconds from a claim of another task within which its call ends: twice the default timeout of a connection."""

OTHERS_PAUSE: Final = 2.0
"""Seconds between two looks whether it has."""


class Outcome(StrEnum):
    """The outcome of a recipient."""

    ACCEPTED = "accepted"  # this task, in this or an earlier try, had the message accepted
    SENT_BEFORE = "sent_before"  # another task or run of the campaign had it accepted
    REJECTED = "rejected"  # the CRM refused the call because of one of its recipients
    IN_DOUBT = "in_doubt"  # nothing says whether the CRM has the message
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Sending:
    """How a campaign is sent.

    :param owner: the task of Airflow, the same in all of its tries.
    :param name: of the CRM's tasks; each adds its number.
    :param part: recipients of a call at most.
    :param refusals_are_atomic: whether the CRM takes nothing of a call that it rejects.
    """

    owner: str
    name: str
    part: int
    refusals_are_atomic: bool = False


@dataclass(slots=True)
class Result:
    """The outcome of a send.

    :param counts: recipients by outcome.
    :param task_ids: of the CRM's tasks that this task of Airflow has had accepted, in their order.
    :param doubts: calls of which nobody knows whether the CRM has their tasks, with some of the recipients.
    :param refusals: why calls were refused because of a recipient.
    :param failure: why the rest was not sent, if so.
    """

    counts: Counter[Outcome] = field(default_factory=Counter)
    task_ids: list[str] = field(default_factory=list)
    doubts: list[Call] = field(default_factory=list)
    refusals: list[SocialSCRMError] = field(default_factory=list)
    failure: Exception | None = None


class CampaignSender:
    """Sends to recipients whom nobody has claimed.

    :param send: makes one call, given the recipients and the task's name, and returns the task's id.
    :param campaign: with the claims.
    :param keys: of the recipients in the campaign.
    :param recipients: who gets the message.
    :param how: how it is sent.
    :param check: raises a ``ValueError`` if nothing may be sent any more, as when the start has passed.
    :param clock: time and sleep.
    """

    def __init__(
        self,
        send: Callable[[Sequence[SendPair], str], str],
        campaign: Campaign,
        keys: Any,
        recipients: Recipients,
        how: Sending,
        *,
        check: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self._send = send
        self._campaign = campaign
        self._keys: list[int] = keys.tolist()
        self._recipients = recipients
        self._how = how
        self._check = check
        self._clock = clock or Clock()
        self._next = 0
        self._refused: set[int] = set()
        self._result = Result()
        self._is_stopped = False

    def stop(self) -> None:
        """Claim nobody more, and let the call in flight end. Safe to call from another thread."""
        self._is_stopped = True

    def is_anything_left(self) -> bool:
        """Return whether there are recipients whom nobody has claimed."""
        state = self._campaign.state
        return any(state.holder(key) is None for key in self._keys)

    def send(self) -> Result:
        """Send to whom nobody has claimed, and return what became of all recipients.

        :raises LedgerError: when a claim or an outcome cannot be saved.
        """
        while self._result.failure is None and self._send_part():
            pass
        if not self._is_stopped:
            self._await_others()
        return self._counted()

    def _send_part(self) -> bool:
        """Claim some recipients and make their call; return whether there were any."""
        if not self._free(self._campaign.state):
            return False
        if self._is_stopped:
            self._result.failure = StoppedError("The task was stopped: a retry sends to the recipients that are left.")
            return False
        try:
            self._check()  # before the claim: an error in the call says nothing of whether it was made
        except ValueError as wrong:
            self._result.failure = InputError(f"{wrong} The recipients that are left were not sent to.")
            return False
        chosen = list[int]()

        def choose(state: CampaignState) -> tuple[int, ...]:
            chosen[:] = self._free(state)
            return tuple(self._keys[place] for place in chosen)

        claim = self._campaign.claim(choose, name=self._name, owner=self._how.owner)
        if claim is None:
            return False
        self._next = chosen[-1] + 1
        self._make_call(claim, chosen)
        return True

    def _free(self, state: CampaignState) -> list[int]:
        """Return the next recipients that are free, as many as a call takes."""
        free = list[int]()
        for place in range(self._next, len(self._keys)):
            if state.holder(self._keys[place]) is None:
                free.append(place)
                if len(free) == self._how.part:
                    break
        return free

    def _name(self, state: CampaignState, call: str) -> str:
        """Return a name by which a person finds the call's task in the CRM."""
        own = sum(each.claim.owner == self._how.owner for each in state.calls.values())
        return f"{self._how.name} #{own + 1} {call}"

    def _make_call(self, claim: Claimed, places: list[int]) -> None:
        pairs = [self._recipients.pair(place) for place in places]
        try:
            task_id = self._send(pairs, claim.name)
        except SocialSCRMError as failure:
            self._failed(claim, failure)
        else:
            self._save(claim, ACCEPTED, task_id)
            log.info("The CRM has taken task %s with %s", task_id, counted(len(places), "recipient"))
        # Any other exception leaves the claim without an outcome, so that nobody sends again.

    def _failed(self, claim: Claimed, failure: SocialSCRMError) -> None:
        what = verdict(failure, len(claim.numbers), is_atomic=self._how.refusals_are_atomic)
        self._save(claim, DOUBTFUL if what is Verdict.DOUBTFUL else RELEASED)
        if what is Verdict.GO_ON:
            self._refused.update(claim.numbers)
            self._result.refusals.append(failure)
        else:
            self._result.failure = failure

    def _save(self, claim: Claimed, outcome: str, task_id: str | None = None) -> None:
        """Save what became of a call, at last if the ledger cannot be written at once."""
        for attempt in range(SAVES):
            try:
                self._campaign.answer(claim.call, outcome, task_id)
            except LedgerError as failure:
                if attempt + 1 < SAVES:
                    self._clock.sleep(SAVE_WAIT * 2.0**attempt)
                    continue
                known = task_id or (NOT_SENT if outcome == RELEASED else None)
                more = f" Give doubts={{'{claim.call}': '{known}'}} to the task, and clear it." if known else ""
                raise LedgerError(f"{failure} What became of call {claim.call} is not saved.{more}") from None
            return

    def _await_others(self) -> None:
        """Wait for the calls of other tasks that have claimed our recipients just now; earlier tries have ended."""
        until = self._clock.now() + OTHERS_WAIT
        while self._clock.now() < until and self._in_flight():
            self._clock.sleep(OTHERS_PAUSE)
            self._campaign.refresh()

    def _in_flight(self) -> bool:
        since = self._clock.time() - OTHERS_WAIT
        recent = {
            call.claim.call
            for call in self._campaign.state.open_calls()
            if call.outcome is None and call.claim.at >= since and call.claim.owner != self._how.owner
        }
        holders = (self._campaign.state.holder(key) for key in self._keys) if recent else ()
        return any(call is not None and call.claim.call in recent for call in holders)

    def _counted(self) -> Result:
        result, state, doubts = self._result, self._campaign.state, dict[str, Call]()
        for key in self._keys:
            call = state.holder(key)
            result.counts[self._outcome(key, call)] += 1
            if call is not None and call.is_open:
                doubts[call.claim.call] = call
        result.doubts = list(doubts.values())
        result.task_ids = [
            call.task_id
            for call in state.calls.values()
            if call.task_id is not None and call.claim.owner == self._how.owner
        ]
        return result

    def _outcome(self, key: int, call: Call | None) -> Outcome:
        if call is None:
            return Outcome.REJECTED if key in self._refused else Outcome.NOT_SENT
        if call.is_open:
            return Outcome.IN_DOUBT
        return Outcome.ACCEPTED if call.claim.owner == self._how.owner else Outcome.SENT_BEFORE


def resolve(campaign: Campaign, doubts: Mapping[str, str]) -> None:
    """Save what a person says became of calls in doubt; those that are known by now stay as they are.

    :param doubts: ``sent``, ``not_sent``, or the id of the CRM's task, by the calls' names.
    :raises InputError: if there is no such call, or if it is not one of these words.
    """
    for name, word in doubts.items():
        if name not in campaign.state.calls:
            known = ", ".join(call.claim.call for call in campaign.state.open_calls()) or "none"
            raise InputError(
                f"doubts names {name!r}, which is not a call of this campaign. In doubt: {known}. Nothing was sent."
            )
        if word not in {SENT, NOT_SENT} and not is_task_id(word):
            raise InputError(
                f"doubts has something for {name!r} that is not 'sent', 'not_sent' or a task's id. Nothing was sent."
            )
    for name, word in doubts.items():
        if campaign.state.calls[name].is_open:
            outcome, task_id = _MEANINGS.get(word, (ACCEPTED, word))
            campaign.answer(name, outcome, task_id, by_person=True)
            log.warning("Call %s counts as %s, because doubts says so", name, outcome)


_MEANINGS: Final[Mapping[str, tuple[str, str | None]]] = {SENT: (ACCEPTED, None), NOT_SENT: (RELEASED, None)}
