"""The faults in force, and which of them strikes a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from .faults import Fault, Latency


@dataclass
class Armed:
    """One fault in force.

    :param fault: its rule
    :param seen: calls on its paths so far, while no earlier fault struck them
    :param struck: calls it struck
    """

    fault: Fault
    seen: int = 0
    struck: int = 0

    def strikes(self, path: str, chance: float) -> bool:
        """Count a call and tell whether the fault strikes it.

        :param chance: a random number, at least 0 and below 1
        """
        if not path.endswith(self.fault.path):
            return False
        self.seen += 1
        if not is_due(self.fault, self.seen, self.struck, chance):
            return False
        self.struck += 1
        return True


def is_due(fault: Fault, seen: int, struck: int, chance: float) -> bool:
    """Decide whether a fault strikes its ``seen``-th call (from 1) after it ``struck`` so many."""
    return seen > fault.after and (fault.times is None or struck < fault.times) and chance < fault.rate


@dataclass(frozen=True, slots=True)
class Strike:
    """What strikes one call.

    :param wait: seconds it waits first
    :param fault: what happens to it, None when nothing does
    """

    wait: float = 0.0
    fault: Fault | None = None


class FaultRack:
    """The faults in force, in the order they were put in.

    :param random: returns a number, at least 0 and below 1; seed it for runs that repeat
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._armed: tuple[Armed, ...] = ()

    def add(self, fault: Fault) -> None:
        """Put one fault in force."""
        self._armed = (*self._armed, Armed(fault))

    def clear(self) -> None:
        """Remove all faults."""
        self._armed = ()

    def draw(self, path: str) -> Strike:
        """Count a call and return what strikes it: all due latencies, and the first other fault that is due."""
        wait, fault = 0.0, None
        for armed in self._armed:
            if isinstance(armed.fault, Latency):
                wait += armed.fault.seconds if armed.strikes(path, self._random()) else 0.0
            elif fault is None and armed.strikes(path, self._random()):
                fault = armed.fault
        return Strike(wait, fault)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults in force as JSON values, each with the number of calls it ``struck``."""
        return [{**msgspec.to_builtins(armed.fault), "struck": armed.struck} for armed in self._armed]
