"""Where the vendor's documentation is silent: what this sandbox does instead, and how to make it do something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from .settings import description

if TYPE_CHECKING:
    from .settings import SandboxSettings

ASSUMED_SETTINGS = (
    "refusal",
    "failures",
    "strangers",
    "over_limit",
    "window_seconds",
    "time_zone",
    "rows_per_call",
    "bytes_per_call",
)
"""Settings that stand for an open question, the weightiest first."""

FIXED_ASSUMPTIONS = (
    "A known number is updated: given fields overwrite, others stay, the last agent owns it (contract 2.9).",
    "An extension field that is not configured or does not fit its type: 533; an empty value fits (contract 2.4).",
    "A number not of 7 to 15 digits, a malformed birthday, a built-in field that is no text: -1 (contract 2.3).",
    "The order of the checks; 523 or 501 for the tenantId of a header-signed body; -1 for a body that is no object.",
    "Tags, stages and sources need no configuration: any name is taken (contract 2.3).",
    "An import's answer carries an empty data unless the setting failures makes it name rows (contract 2.8).",
)
"""Assumptions that no setting switches."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One open question and the answer in force.

    :param setting: the setting that switches it
    :param value: its value in force, as JSON
    :param meaning: what the setting means, in one sentence
    :param option: the command-line option that sets it at the start
    """

    setting: str
    value: str
    meaning: str
    option: str


def assumptions_in_force(settings: SandboxSettings) -> list[Assumption]:
    """Return the switchable assumptions with their values in force."""
    return [_assumption(name, settings) for name in ASSUMED_SETTINGS]


def _assumption(name: str, settings: SandboxSettings) -> Assumption:
    value = msgspec.json.encode(getattr(settings, name)).decode()
    return Assumption(name, value, description(name), f"--{name.replace('_', '-')}")
