"""What is known of a campaign's recipients, made of its events in their order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from airflow_provider_socialscrm.sends.events import ACCEPTED, DOUBTFUL, RELEASED, Answered, Claimed, Event


@dataclass(slots=True)
class Call:
    """A call that was about to start, and what became of it.

    :param claim: its recipients, and whose it is.
    :param outcome: what became of it; ``None`` until that is known.
    :param task_id: of the CRM's task, if it is known.
    """

    claim: Claimed
    outcome: str | None = None
    task_id: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows if the CRM has its task."""
        return self.outcome in {None, DOUBTFUL}


@dataclass(slots=True)
class CampaignState:
    """Who of a campaign's recipients may have got its message.

    :param calls: in their order, by their names.
    :param last: number of the last event.
    """

    calls: dict[str, Call] = field(default_factory=dict)
    last: int = 0
    _holders: dict[int, str] = field(default_factory=dict, repr=False)

    def apply(self, event: Event) -> bool:
        """Take the next event, and return whether it fits those before."""
        self.last += 1
        if isinstance(event, Claimed):
            if event.call in self.calls or any(number in self._holders for number in event.numbers):
                return False
            self.calls[event.call] = Call(event)
            self._holders.update(dict.fromkeys(event.numbers, event.call))
            return True
        call = self.calls.get(event.call)
        if call is None:
            return False
        self._answer(call, event)
        return True

    def _answer(self, call: Call, event: Answered) -> None:
        if event.outcome == ACCEPTED:  # also after a person said that it was not: the response knows better
            call.outcome, call.task_id = ACCEPTED, event.task_id or call.task_id
            for number in call.claim.numbers:
                self._holders.setdefault(number, event.call)
        elif call.outcome in {None, DOUBTFUL}:
            call.outcome = event.outcome
            if event.outcome == RELEASED:
                for number in call.claim.numbers:
                    del self._holders[number]

    def holder(self, number: int) -> Call | None:
        """Return the call that a recipient is in; ``None`` for one who certainly got no message."""
        name = self._holders.get(number)
        return None if name is None else self.calls[name]

    def open_calls(self) -> Iterator[Call]:
        """Yield the calls of which nobody knows whether the CRM has their tasks."""
        return (call for call in self.calls.values() if call.is_open)
