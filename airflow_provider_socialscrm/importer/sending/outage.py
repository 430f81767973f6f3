"""What to do while no call succeeds: one call at a time probes, with growing pauses, and all others wait. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_socialscrm.api.codes import Recovery
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.results.progress import Wait

FAILURES_IN_A_ROW: Final = 4
"""Calls that fail with no success in between before that is an outage. Where three calls in ten fail by chance, four in
a row are one in a hundred, and cost half a second; where one in twenty does, they never occur."""

LONGEST_PAUSE: Final = 15.0
"""Seconds between two probes, at most: so many does an import lose at the end of an outage."""

MOST_PROBES: Final = 20
"""Probes of one outage, at most. With the default pauses its seconds end first; with shorter ones this bounds it."""

WORTH_SAYING: Final = 5.0
"""Seconds without a success after which a person who watches should know: single failures pass sooner."""

_UNAVAILABLE: Final = (Recovery.WAIT, Recovery.UNCERTAIN)


def is_unavailability(failure: SocialSCRMError) -> bool:
    """Return whether a failure is of the service or the network, and says nothing about the rows or the settings."""
    return failure.recovery in _UNAVAILABLE


@dataclass(slots=True)
class Outage:
    """Detects an outage, and says when the next call may start and how many may be in flight.

    An outage begins when :data:`FAILURES_IN_A_ROW` calls failed and none succeeded in between. Then one call at a time
    probes, and its failures count against no limit of its chunk or of the run. The first response that shows the CRM
    at work ends the outage; after that, each further one opens a connection.

    :param limits: the first pause, and the seconds after which the run gives up; with 0.0 no outage is detected.
    """

    limits: RetryLimits
    _failures: int = 0
    _since: float = 0.0
    _probes: int = 0
    _is_probing: bool = False
    _due: float = 0.0
    _connections: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether there is an outage."""
        return self.limits.outage > 0 and self._failures >= FAILURES_IN_A_ROW

    def connections(self, most: int) -> int:
        """Return how many calls may be in flight.

        :param most: without an outage.
        """
        if self.is_on:
            return 1
        return most if self._connections is None else min(most, self._connections)

    def due_in(self, now: float) -> float:
        """Return the seconds until a call may start.

        :param now: seconds of a clock that never goes back, as in each method here.
        """
        return max(0.0, self._due - now) if self.is_on else 0.0

    def on_start(self) -> None:
        """Note that a call starts; during an outage it is a probe."""
        if self.is_on:
            self._is_probing = True
            self._probes += 1

    def on_failure(self, now: float, random: float, retry_after: float | None = None) -> bool:
        """Note a failure for which :func:`is_unavailability` holds, and return whether an outage begins with it.

        :param random: from 0 to 1, for the jitter.
        :param retry_after: seconds the server asks to wait.
        """
        was_on = self.is_on
        if not self._failures:
            self._since, self._probes = now, 0
        self._failures += 1
        if self.is_on and (self._is_probing or not was_on):  # else the call started before the outage was detected
            self._is_probing = False
            self._due = now + self._pause(random, retry_after)
        return self.is_on and not was_on

    def on_response(self, now: float) -> float | None:
        """Note a response that shows the CRM at work, and return the seconds of the outage that it ends, if any."""
        seconds = self.seconds(now) if self.is_on else None
        if seconds is not None:
            self._connections = 1
        elif self._connections is not None:
            self._connections += 1
        self._failures, self._is_probing = 0, False
        return seconds

    def wait(self, now: float) -> Wait | None:
        """Return what the run waits for; ``None`` while calls succeed, or if no outage is detected."""
        if not self._failures or not self.limits.outage or self.seconds(now) < WORTH_SAYING:
            return None
        return Wait(self.seconds(now), self.due_in(now), self.limits.outage)

    def seconds(self, now: float) -> float:
        """Return how long no call has succeeded."""
        return now - self._since

    def is_too_long(self) -> bool:
        """Return whether to leave the rest to a retry of the task, because the next probe would come too late."""
        return self.is_on and (self._probes >= MOST_PROBES or self._due - self._since > self.limits.outage)

    def _pause(self, random: float, retry_after: float | None) -> float:
        longest = min(LONGEST_PAUSE, self.limits.longest_wait)
        pause = min(longest, self.limits.first_wait * 2.0**self._probes) * (1 + random) / 2
        asked = 0.0 if retry_after is None else min(self.limits.longest_wait, retry_after)
        return max(pause, asked + random * self.limits.first_wait if asked else 0.0)
