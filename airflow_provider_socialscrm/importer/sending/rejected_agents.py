"""Agents whose rows the CRM rejects whatever they carry: one call decides for all of an agent's rows."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.masking import SHOWN_LOGINS, shown_login
from airflow_provider_socialscrm.wording import counted, first_of, worded

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.reasons import Reason

log = logging.getLogger(__name__)


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
        names = [f"{shown_login(login)} ({counted(rows, 'row')})" for login, rows in several]
        log.warning("The CRM rejects the %s %s", worded(len(names), "agent", "agents"), first_of(names, SHOWN_LOGINS))
