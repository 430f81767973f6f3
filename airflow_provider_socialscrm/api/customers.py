"""The fields of a customer, as the vendor names them (contract 2.3). Every value of theirs is text."""

from __future__ import annotations

from typing import Final

NUMBER: Final = "whatsApp"
AGENT: Final = "agentAccount"
SEX: Final = "sex"
BIRTHDAY: Final = "birthday"
TAGS: Final = ("tabName", "cancelTabName")

SIDE_EFFECT: Final = "welcome"
"""The field that makes the CRM act on the customer, so that sending a row again may do harm (contract 2.9)."""

API_FIELDS: Final = (
    AGENT, NUMBER, "friendName", SEX, BIRTHDAY, "address", "email", "profession", "income", "desc", *TAGS,
    "stage", "source", "languageTag", SIDE_EFFECT,
)  # fmt: skip
"""The row fields the vendor names (contract 2.3). Any other is an extension field (contract 2.4)."""

NEVER_EMPTY: Final = (NUMBER, AGENT)
"""Fields that a row needs, so that they cannot be sent empty."""
