"""Removes customers' data and keys from texts that people see and logs keep."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_provider_socialscrm.api.disguises import plain
from airflow_provider_socialscrm.api.sent_values import SentValues

LONGEST_TEXT = 200
"""Characters of a server's text that an error carries: enough for a sentence, too little for a page."""

HIDDEN = "[hidden]"

_NUMBERS = re.compile(r"\+?\d(?:[\s().-]*\d){4,}")  # five digits or more, however they are grouped
_EMAILS = re.compile(r"\S+@\S+")
_TOKENS = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)  # signatures, which are MD5 in hexadecimal
_GAPS = re.compile("\0+")
_GAP = "\0"  # in place of what was removed, so that nothing is searched for in the word "hidden"
_LONGEST_READ = 10 * LONGEST_TEXT  # characters of a text that are read: escapes are longer than what they mean


def redact(text: str, values: Iterable[str] = ()) -> str:
    """Return a text without numbers, mail addresses and tokens, and without any part of given values, on a short line.

    With values the text is read without its escapes, such as ``%E6`` or ``&#26446;``. Hidden are words of three letters
    or more and numbers of four digits or more that a value contains, also where the text cuts or masks them; and
    characters of Chinese, Japanese and Korean names. Words of the vendor's own texts stay.

    :param text: the server's text.
    :param values: every value of the call that the text may repeat, and its secrets; case and accents do not matter.
    """
    line = _without(text[:_LONGEST_READ], [*values])
    for pattern in (_EMAILS, _TOKENS, _NUMBERS):
        line = pattern.sub(_GAP, line)
    line = line.replace(_GAP, HIDDEN)
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 3] + "..."


def is_personal(name: str) -> bool:
    """Return whether a name looks like a customer's number or mail address, as in a file without a header."""
    return any(pattern.search(name) for pattern in (_EMAILS, _NUMBERS))


def _without(text: str, values: list[str]) -> str:
    if not values:
        return " ".join(text.replace(_GAP, " ").split())
    line = plain(text)
    if line is None:
        return _GAP
    sent, before = SentValues(values), ""
    while line != before:  # what is left of a word may be a part of another value
        before, shown = line, [*line]
        for start, end in sent.spans_in(line):
            shown[start:end] = _GAP * (end - start)
        line = "".join(shown)
    return _GAPS.sub(_GAP, line)
