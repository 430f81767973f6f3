"""WhatsApp numbers in the spellings of responses, reduced to their digits. Pure."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any, Final

_SPELLED: Final = re.compile(
    r"(?:whatsapp:|tel:|(?:https?://)?wa\.me/)?"
    r"\s*\+?\s*([0-9(][0-9\s().\-/]*)"
    r"(?:(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net))?"  # a device's number may stand before the host
)
_CALCULATED: Final = re.compile(r"\+?[0-9]+(?:\.[0-9]+)?(?:e\+?[0-9]{1,2})?")
_LONGEST: Final = 20
"""Digits of a number at most: E.164 has 15, and some write ``00`` before them."""

_LARGEST_EXACT: Final = 2**53
"""From here a float no longer holds each whole number."""

_INTERNATIONAL: Final = "00"


def digits_of(value: Any) -> str | None:
    """Return the digits of a number, country code first, or ``None`` where it is not one in a spelling we know.

    ``8615266667779@c.us``, ``+86 152-6666-7779``, ``whatsapp:+86...``, ``8.615266667779E12`` and the number itself are
    all ``8615266667779``.

    :param value: a text or a number, as a response has it.
    """
    if isinstance(value, float) and value.is_integer() and 0 < value < _LARGEST_EXACT:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 < value < 10**_LONGEST else ""
    if not isinstance(value, str):
        return None
    if value.isascii() and value.isdigit():
        return value.removeprefix(_INTERNATIONAL)
    return _spelled_digits("".join(map(_plain, unicodedata.normalize("NFKC", value))).strip().lower())


def _spelled_digits(text: str) -> str | None:
    if _CALCULATED.fullmatch(text):
        number = Decimal(text)
        is_whole = number < 10**_LONGEST and number == number.to_integral_value()
        return str(int(number)).removeprefix(_INTERNATIONAL) if is_whole and not text.startswith("0") else None
    spelled = _SPELLED.fullmatch(text)
    digits = "".join(filter(str.isdigit, spelled[1])) if spelled else ""
    return digits.removeprefix(_INTERNATIONAL) or None


def _plain(character: str) -> str:
    """Return a digit of any script as 0 to 9, any dash as ``-``, and nothing for an invisible character."""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    return "-" if category == "Pd" else "" if category == "Cf" else character
