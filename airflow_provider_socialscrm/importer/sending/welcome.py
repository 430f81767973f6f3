"""What is said before the first call about rows that make the CRM send a message: how many, and what they take."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from airflow_provider_socialscrm.api.customers import SIDE_EFFECT
from airflow_provider_socialscrm.importer.results.progress import span
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.wording import counted


@dataclass(slots=True)
class WelcomeCount:
    """Counts the customers who get a message, and the calls that carry their rows.

    :param customers: rows with side effects.
    :param calls: that carry at least one of them.
    """

    customers: int = 0
    calls: int = 0

    def add(self, chunk: Chunk) -> None:
        """Count a chunk that will be sent."""
        harmful = sum(row.has_side_effects for row in chunk.rows)
        self.customers += harmful
        self.calls += harmful > 0

    def sentence(self, calls_per_second: float, *, together: bool, once: bool = False) -> str:
        """Return what to know before the first call.

        :param calls_per_second: the pace of this task.
        :param together: whether such rows share calls.
        :param once: whether a ledger lets each number get it once.
        """
        who = counted(self.customers, "customer")
        calls = counted(self.calls, "call")
        how = "" if together else ", each by a call of its own"
        advice = (
            ""
            if together
            else " If your CRM takes none of the rows of a call that it refuses, set Refusals are atomic in the "
            "connection: such rows then share calls."
        )
        again = (
            "The ledger lets no later run send it to them again."
            if once
            else "No ledger says who has had it, so every run sends it again."
        )
        return (
            f"{SIDE_EFFECT} sends a message to {who}{how}: {calls}, at least "
            f"{span(ceil(self.calls / calls_per_second))} at {calls_per_second:.3g} calls a second. {again}{advice}"
        )
