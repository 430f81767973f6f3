"""Agents whose rows the CRM rejects whatever they carry: one call decides for all of an agent's rows."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.importer.masking import shown_login
from airflow_provider_socialscrm.wording import counted, worded

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.reasons import Reason

log = logging.getLogger(__name__)

SHOWN_LOGINS: Final = 10
"""Rejected agents that the log names, those of most rows first; the dead letter has that of each row."""


class RejectedAgents:
    """Remembers the agents that the CRM rejects, each with the reason and the number of its rows in this try."""

    def __init__(self) -> None:
        self.reasons: dict[str, Reason] = {}
        """The reason of each, by the login."""
        self._rows: Counter[str] = Counter()

    def add(self, login: str, reason: Reason) -> None:
        """Remember an agent whom a call has shown to be rejected."""
        self.reasons[login] = reason

    def count(self, login: str, rows: int) -> None:
        """Count rows of a rejected agent."""
        self._rows[login] += rows

    def report(self) -> None:
        """Log which agents were rejected, once at the end of a run."""
        if not self._rows:
            return
        several = sorted(self._rows.items(), key=lambda item: (-item[1], item[0]))
        names = ", ".join(f"{shown_login(login)} ({counted(rows, 'row')})" for login, rows in several[:SHOWN_LOGINS])
        more = f" and {len(several) - SHOWN_LOGINS:,} more" if len(several) > SHOWN_LOGINS else ""
        log.warning("The CRM rejects the %s %s%s", worded(len(several), "agent", "agents"), names, more)
