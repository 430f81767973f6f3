"""The bytes of a response as its envelope: a whole number, a text and data (vendor API 1.3). Pure.

The code decides what becomes of rows, so it is read wherever it is unambiguous, even beside a text in another charset.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from airflow_provider_socialscrm.api.errors import UncertainError
from airflow_provider_socialscrm.wording import counted

MOST_VALUES: Final = 200_000
"""Values of a response that are parsed. An empty list is three bytes of JSON and a hundred of memory, and a response
that names each of 10,000 rows, more than a call carries, has a tenth of this."""

_NO_ENVELOPE: Final = "{}: it is not known whether the call was processed. If this repeats, check Base URL."
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?(?:[eE][+-]?[0-9]{1,2})?")
_LARGEST_FLOAT: Final = 1e9
"""Above it a number with a fraction or an exponent is not a code."""

_EAST_ASIAN: Final = {
    "gb2312",
    "gbk",
    "gb18030",
    "big5",
    "big5hkscs",
    "cp950",
    "shift_jis",
    "cp932",
    "euc_jp",
    "euc_kr",
}
"""Charsets that a response may name, by Python's names. All keep ASCII. A single-byte charset is not believed: it reads
any bytes, and servers name Latin-1, the old default of HTTP, whatever their texts are in."""

_UNREADABLE: Final = "\ufffd"
_HALF_CHARACTERS: Final = re.compile("[\ud800-\udfff]")
_OTHER_SCRIPTS: Final = re.compile(r"[^\x00-\x7f]+")
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A response with a readable code.

    :param code: the vendor's number.
    :param message: the vendor's text. Where its charset is unknown, every run of characters outside of ASCII is U+FFFD.
    :param data: whatever the endpoint returns.
    """

    code: int
    message: str
    data: Any


def read_envelope(body: bytes, content_type: str = "") -> Envelope:
    """Return the envelope in a body.

    :param body: JSON in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark; or in another charset that keeps
        ASCII.
    :param content_type: of the response; it may name the charset.
    :raises UncertainError: when there is no object in it with a readable code.
    """
    if not body.removeprefix(codecs.BOM_UTF8).strip():
        raise _failure("The response is empty")
    for text, knows_charset in _readings(body, content_type):
        try:
            found = _decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return _envelope(found, knows_charset=knows_charset)
        if knows_charset:
            raise _failure("The response is JSON but not an object with a code")
    raise _failure(_unreadable(body))


def _readings(body: bytes, content_type: str) -> Iterator[tuple[str, bool]]:
    """Yield the body as text in each charset that may be meant, and whether it is surely in that charset."""
    unicode = json.detect_encoding(body)
    if not unicode.startswith("utf-8"):
        yield body.decode(unicode, "replace"), True
        return
    body = body.removeprefix(codecs.BOM_UTF8)
    declared = _CHARSET.search(content_type)
    for name, knows_charset in (("utf-8", True), (declared[1] if declared else "", True), ("gb18030", False)):
        with suppress(LookupError, ValueError):
            if name == "utf-8" or codecs.lookup(name).name in _EAST_ASIAN:
                yield body.decode(name), knows_charset
    yield body.decode("utf-8", "replace"), False


def _decode(text: str) -> Any:
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        raise ValueError
    return _JSON.decode(text.strip())


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError  # two codes, or two lists of failed numbers: nobody knows which holds
    return found


def _reject(_: str) -> NoReturn:
    raise ValueError  # NaN and Infinity, which JSON does not have


_JSON: Final = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_reject, strict=False)


def _envelope(found: dict[str, Any], *, knows_charset: bool) -> Envelope:
    code = _whole_number(found.get("code"))
    if code is None:
        raise _failure("The response has no code")
    message = _HALF_CHARACTERS.sub(_UNREADABLE, str(found.get("message") or ""))
    return Envelope(code, message if knows_charset else _OTHER_SCRIPTS.sub(_UNREADABLE, message), found.get("data"))


def _whole_number(value: Any) -> int | None:
    """Return a code; the vendor is lenient with the types of numbers (vendor API 1.3), and so are we."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_FLOAT:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _unreadable(body: bytes) -> str:
    start = body.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if start == b"<":
        return "The response is a web page, most likely of a gateway or a login in front of the CRM"
    if start in (b"{", b"["):
        return f"The response is JSON that ends early or has an error within its {counted(len(body), 'byte')}"
    return "The response is not JSON"


def _failure(what: str) -> UncertainError:
    return UncertainError(_NO_ENVELOPE.format(what), http_status=200)
