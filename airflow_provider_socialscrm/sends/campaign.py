"""The events of a campaign in a ledger of sends, to which one writer at a time appends.

Who wants to append creates the file with the next number, which only one writer can. The others read it, decide again
by what it says, and try the number after it. So a writer knows all earlier events when its own is created, and of any
number of tasks, tries and workers one claims a recipient.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from secrets import token_hex
from typing import Final

from airflow_provider_socialscrm.importer.changes.storage import Storage
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.sends.events import Answered, Claimed, Event, damaged, decode, encode
from airflow_provider_socialscrm.sends.state import CampaignState

FOLDER: Final = "campaigns"

AT_ONCE: Final = 16
"""Files that are read at once, since object storage takes 20 to 50 ms for each."""

MOST_TRIES: Final = 1000
"""Events that others may append before ours; each of them is somebody's success."""

_DIGEST_BYTES: Final = 16
_TOKEN_BYTES: Final = 8
_CALL_BYTES: Final = 4


def folder_of(campaign: str) -> str:
    """Return the folder of a campaign, relative to the ledger's."""
    return f"{FOLDER}/{blake2b(campaign.encode('utf-8', 'surrogatepass'), digest_size=_DIGEST_BYTES).hexdigest()}"


class Campaign:
    """The events of a campaign, and what they say.

    :param storage: of the ledger.
    :param name: the campaign's.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, name: str, *, now: Callable[[], float] = time.time) -> None:
        self.name = name
        self.state = CampaignState()
        self._storage = storage
        self._folder = folder_of(name)
        self._now = now

    def refresh(self) -> CampaignState:
        """Read what others have appended, and return the state.

        :raises LedgerError: when something cannot be read, or is damaged.
        """
        names = [name for name in self._storage.names(self._folder) if _number_of(name) > self.state.last]
        expected = [self._file(self.state.last + place) for place in range(1, len(names) + 1)]
        if names != expected:
            raise damaged(next(wanted for wanted in expected if wanted not in names))
        with ThreadPoolExecutor(AT_ONCE, "socialscrm-sends") as pool:
            for name, content in zip(names, pool.map(self._storage.read, names), strict=True):
                self._take(name, content)
        return self.state

    def claim(
        self,
        choose: Callable[[CampaignState], tuple[int, ...]],
        *,
        name: Callable[[CampaignState, str], str],
        owner: str,
    ) -> Claimed | None:
        """Claim recipients whom nobody has claimed, and return the claim; ``None`` if there are none.

        :param choose: returns free recipients in a state; called again whenever somebody else has been faster.
        :param name: returns the name of the CRM's task, given the call.
        :param owner: the task of Airflow.
        :raises LedgerError: when it cannot be saved: nothing may be sent.
        """

        def make(state: CampaignState) -> Claimed | None:
            numbers = choose(state)
            if not numbers:
                return None
            call = token_hex(_CALL_BYTES)
            return Claimed(token_hex(_TOKEN_BYTES), call, name(state, call), owner, int(self._now()), numbers)

        event = self._append(make)
        return event if isinstance(event, Claimed) else None

    def answer(self, call: str, outcome: str, task_id: str | None = None, *, by_person: bool = False) -> None:
        """Save what became of a call.

        :param by_person: whether a person says so; then only of a call that is open.
        :raises LedgerError: when it cannot be saved.
        """
        event = Answered(token_hex(_TOKEN_BYTES), call, outcome, int(self._now()), task_id, by_person)
        self._append(lambda state: None if by_person and not state.calls[call].is_open else event)

    def _append(self, make: Callable[[CampaignState], Event | None]) -> Event | None:
        for _ in range(MOST_TRIES):
            event = make(self.state)
            if event is None:
                return None
            name = self._file(self.state.last + 1)
            if self._storage.create(name, encode(event)):
                self._apply(name, event)
                return event
            # A client that lost the response to its first request finds its own file when it repeats it.
            if self._take(name, self._storage.read(name)).id == event.id:
                return event
        raise LedgerError("Other tasks write to this campaign all the time: retry later.")

    def _take(self, name: str, content: bytes | None) -> Event:
        if content is None:
            raise damaged(name)
        event = decode(name, content)
        self._apply(name, event)
        return event

    def _apply(self, name: str, event: Event) -> None:
        if not self.state.apply(event):
            raise damaged(name)

    def _file(self, number: int) -> str:
        return f"{self._folder}/{number:09}.json"


def _number_of(name: str) -> int:
    stem = name.rpartition("/")[2].removesuffix(".json")
    return int(stem) if stem.isascii() and stem.isdigit() else 0
