"""Ledgers of sends in memory, and a CRM that takes tasks, loses responses and forgets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import (
    ServiceError,
    SocialSCRMError,
    UncertainError,
    refusal,
    unknown_form,
)
from airflow_provider_socialscrm.api.sends import SendPair
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.results.report import Tally
from airflow_provider_socialscrm.sends.recipients import Recipients

SENDER = "8613900000001"


class Killed(BaseException):
    """The worker is gone."""


class MemoryStorage:
    """Files in memory; ``script`` has what happens to the next files that are created."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.script: list[str] = []
        self._lock = Lock()

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, content: bytes) -> None:
        self.files[name] = content

    def create(self, name: str, content: bytes) -> bool:
        event = self.script.pop(0) if self.script else ""
        if event == "killed before":
            raise Killed
        if event == "unwritable":
            raise LedgerError("The ledger's file cannot be written.")
        with self._lock:
            is_new = self.files.setdefault(name, content) is content
        if event == "killed after":
            raise Killed
        if event == "lost":  # the client repeats its request, and finds its own file
            return False
        return is_new

    def names(self, folder: str) -> list[str]:
        return sorted(name for name in self.files if name.startswith(f"{folder}/"))

    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    def unfinished(self, folder: str) -> list[tuple[str, float]]:
        del folder
        return []


class FakeCrm:
    """Takes tasks; ``script`` has what happens to the next calls.

    :param bad: recipients that it rejects.
    :param atomic: whether it then takes nothing of the call.
    """

    def __init__(self, *script: str, bad: Sequence[str] = (), atomic: bool = True) -> None:
        self.script, self.bad, self.atomic = list(script), frozenset(bad), atomic
        self.tasks: dict[str, list[str]] = {}
        self.calls = 0
        self._lock = Lock()

    def __call__(self, pairs: Sequence[SendPair], name: str) -> str:
        del name
        event = self.script.pop(0) if self.script else ""
        self.calls += 1
        if event == "killed before":
            raise Killed
        if event == "bug before":
            raise RuntimeError
        if event == "unavailable":
            raise ServiceError("unavailable")
        if event == "lost before":
            raise UncertainError("lost")
        if event in {"516", "514", "507", "-1"}:
            raise refused(int(event))
        task_id = self._create([pair.recipient for pair in pairs])
        if event == "killed after":
            raise Killed
        if event == "lost":
            raise UncertainError("lost")
        if event == "no id":
            raise unknown_form("soCreate")
        return task_id

    def _create(self, numbers: list[str]) -> str:
        good = [number for number in numbers if number not in self.bad]
        with self._lock:
            task_id = f"t{len(self.tasks) + 1}"
            if len(good) == len(numbers) or (good and not self.atomic):
                self.tasks[task_id] = good
        if len(good) < len(numbers):
            raise refused(532)
        return task_id

    @property
    def reached(self) -> list[str]:
        """Who gets a message, once for each."""
        return [number for numbers in self.tasks.values() for number in numbers]


def refused(number: int) -> SocialSCRMError:
    return refusal(look_up(number, family=Family.SEND))


def recipients_of(numbers: Sequence[int]) -> Recipients:
    """Return recipients that one sender sends to."""
    array = np.array(numbers, np.int64)
    return Recipients(array, array, (SENDER,), np.zeros(len(array), np.int64), len(array), Tally())
