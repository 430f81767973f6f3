"""Removes customers' data and keys from texts that people see and logs keep."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_TEXT = 200
"""Characters of a server's text that an error carries: enough for a sentence, too little for a page."""

HIDDEN = "[hidden]"

_NUMBERS = re.compile(r"\+?\d(?:[\s().-]*\d){4,}")  # five digits or more, however they are grouped
_EMAILS = re.compile(r"\S+@\S+")
_TOKENS = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)  # signatures, which are MD5 in hexadecimal
_GAP = "\0"  # in place of a removed value, so that no value is searched for in the word "hidden"
_SHORTEST_VALUE = 2  # a one-letter value hidden everywhere would leave no text to read


def redact(text: str, values: Iterable[str] = ()) -> str:
    """Return a server's text without the values that were sent, numbers, mail addresses or tokens, on one short line.

    :param text: the server's text.
    :param values: every value of the call that the text may repeat, such as names; case and spacing do not matter.
    """
    line = _one_line(text)
    folded = line.casefold()
    repeated = {v for v in map(_one_line, values) if len(v) >= _SHORTEST_VALUE and v.casefold() in folded}
    for value in sorted(repeated, key=len, reverse=True):
        line = re.sub(re.escape(value), _GAP, line, flags=re.IGNORECASE)
    for pattern in (_EMAILS, _TOKENS, _NUMBERS):
        line = pattern.sub(_GAP, line)
    line = line.replace(_GAP, HIDDEN)
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 3] + "..."


def is_personal(name: str) -> bool:
    """Return whether a name looks like a customer's number or mail address, as in a file without a header."""
    return any(pattern.search(name) for pattern in (_EMAILS, _NUMBERS))


def _one_line(text: str) -> str:
    return " ".join(text.replace(_GAP, " ").split())
