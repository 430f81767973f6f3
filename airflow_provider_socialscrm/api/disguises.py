"""A server's text without escapes and invisible characters, and letters without case and accents. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final
from urllib.parse import unquote

MOST_ROUNDS: Final = 5
"""Times that escapes inside of escapes are undone. A server with two layers of encoding needs two."""

_UNREADABLE: Final = "\ufffd"
_PERCENT: Final = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_QUOTED: Final = re.compile(r"(?:=[0-9A-F]{2}){2,}")  # "=4" alone may be a setting
_UTF_16: Final = re.compile(r"(?:\\+u[0-9a-fA-F]{4}|%u[0-9a-fA-F]{4})+")
_POINT: Final = re.compile(r"\\+u\{([0-9a-fA-F]{1,6})\}|U\+([0-9a-fA-F]{4,6})")
_BYTES: Final = re.compile(r"(?:\\+x[0-9a-fA-F]{2})+")
_OCTAL: Final = re.compile(r"(?:\\+[0-3][0-7]{2}){2,}")
_LAST_POINT: Final = 0x10FFFF
_HANGUL: Final = range(0xAC00, 0xD7A4)

IDEOGRAPHS: Final = (
    "\u1100-\u11ff\u3005-\u3007\u3041-\u318f\u31a0-\u31ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7fb\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Characters of Chinese, Japanese and Korean, for a class of a regular expression: names in them have no words."""

_SPECIAL: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def plain(text: str) -> str | None:
    """Return a text on one line with its escapes undone, or ``None`` where they are nested too deep.

    Percent-encoding, HTML entities, the escapes of JSON, JavaScript and Python, and quoted-printable are undone; forms
    that Unicode calls compatible become one; invisible characters go.

    :param text: the text, already cut to a length that can be shown.
    """
    for _ in range(MOST_ROUNDS):
        undone = _undone(text)
        if undone == text:
            return " ".join("".join(map(_visible, unicodedata.normalize("NFKC", text))).split())
        text = undone
    return None


def folded(text: str) -> str:
    """Return a text in lower case, without accents, with digits as 0 to 9; character by character."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def _undone(text: str) -> str:
    text = html.unescape(text)
    text = _UTF_16.sub(lambda found: _from_utf_16(found[0]), text)
    text = _POINT.sub(lambda found: _from_point(found[1] or found[2]), text)
    text = _BYTES.sub(lambda found: _from_bytes(re.findall(r"x(..)", found[0]), 16), text)
    text = _OCTAL.sub(lambda found: _from_bytes(re.findall(r"[0-7]{3}", found[0]), 8), text)
    text = _QUOTED.sub(lambda found: _from_bytes(found[0].split("=")[1:], 16), text)
    return _PERCENT.sub(lambda found: unquote(found[0], errors="replace"), text)


def _from_utf_16(escapes: str) -> str:
    return bytes.fromhex("".join(re.findall(r"u(.{4})", escapes))).decode("utf-16-be", "replace")


def _from_point(point: str) -> str:
    return chr(int(point, 16)) if int(point, 16) <= _LAST_POINT else _UNREADABLE


def _from_bytes(numbers: list[str], base: int) -> str:
    return bytes(int(number, base) for number in numbers).decode("utf-8", "replace")


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cf" | "Co" | "Cn":
            return ""
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cs":
            return _UNREADABLE
    return character


class _Folding(dict[int, str]):
    def __missing__(self, point: int) -> str:
        character = chr(point)
        if character.isdecimal():
            self[point] = str(unicodedata.decimal(character))
        elif point in _HANGUL:
            self[point] = character  # would fall apart into its letters
        else:
            parts = unicodedata.normalize("NFKD", character.casefold())
            letters = "".join(part for part in parts if not unicodedata.category(part).startswith(("M", "Cf")))
            self[point] = letters.casefold().translate(_SPECIAL)
        return self[point]


_FOLDING: Final = _Folding()
