"""What the vendor's documentation leaves open, and what the sandbox does there: by a setting, or always."""

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
    "check_order",
    "create_time_expires",
    "window_seconds",
    "time_zone",
    "rows_per_call",
    "bytes_per_call",
    "unknown_agents",
    "agent_list",
    "numbers_as",
    "chat_order",
    "chat_total",
    "chat_page_size",
    "chat_past_end",
    "screening_limit",
    "screening_method",
    "screening_result",
    "webhook_signature",
    "webhook_names",
    "signers",
    "executors_as",
    "mass_send_names",
    "mass_send_name_length",
    "mass_send_data",
    "mass_send_nobody",
    "send_limit",
    "send_task_data",
    "send_times",
    "trans_ids",
    "send_senders",
    "send_recipients",
    "send_status_method",
    "send_number_field",
    "group_link_pending",
    "group_link_seconds",
    "unknown_customers",
    "owners_signing",
)
"""Settings that answer an open question, the most important first."""

FIXED_ASSUMPTIONS = (
    (
        "A known number is updated: given fields overwrite, others stay, the last agent owns it "
        "(see docs/vendor-api.md, 3.5)."
    ),
    (
        "An extension field that is not configured or does not fit its type: 533; an empty value fits "
        "(see docs/vendor-api.md, 3.3)."
    ),
    (
        "A number not of 7 to 15 digits, a malformed birthday, a built-in field that is not a text: -1 "
        "(see docs/vendor-api.md, 3.2)."
    ),
    (
        "What a signature lacks is found before its values are checked, and the rows are checked last "
        "(see docs/vendor-api.md, 3.5)."
    ),
    "523 or 501 for a header-signed body's tenantId; -1 for a body that is not an object.",
    "Tags, stages and sources need no configuration: any name is accepted (see docs/vendor-api.md, 3.2).",
    (
        "The response to an import has an empty data unless the setting failures makes it name rows "
        "(see docs/vendor-api.md, 6.2)."
    ),
)
"""Assumptions that no setting switches."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One open question and its answer in force.

    :param setting: the setting that switches it
    :param value: its value in force, as JSON
    :param meaning: what the setting means, in one sentence
    :param option: the command-line option that sets it
    """

    setting: str
    value: str
    meaning: str
    option: str


def assumptions_in_force(settings: SandboxSettings) -> list[Assumption]:
    """Return the switchable assumptions with their values in force."""
    return [
        Assumption(
            name,
            msgspec.json.encode(getattr(settings, name)).decode(),
            description(name),
            f"--{name.replace('_', '-')}",
        )
        for name in ASSUMED_SETTINGS
    ]
