"""Finds in a server's text whatever the values of a call contain: their words, digits and names, whole or cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from airflow_provider_socialscrm.api.disguises import IDEOGRAPHS, folded, plain
from airflow_provider_socialscrm.api.vendor_words import API_VALUES, VENDOR_PHRASES, VENDOR_WORDS

SHORTEST_WORD: Final = 3
"""Letters of a word that is hidden where a value contains it."""

SHORTEST_NUMBER: Final = 4
"""Digits of a number that is hidden where a value contains it."""

LONGEST_NAME: Final = 8
"""Chinese, Japanese or Korean characters of a value that may be a name, each of which is hidden. A longer value is an
address or a remark, whose characters are those of any text: of it, two in a row are hidden."""

_SHORTEST_VALUE: Final = 2  # a one-letter value hidden everywhere would leave no text to read
_LONGEST_WORD: Final = 64  # letters; longer ones are hidden unread
_SHORTEST_KEY: Final = 12  # characters of a value that may be a key: letters and digits without a blank
_GRAM: Final = 4  # characters of a key, a digit among them, that show a part of it

_HEX: Final = re.compile(r"(?<![^\W_])[0-9a-f]{32,}(?![^\W_])")  # signatures, whose letters are words only by chance
_KEY: Final = re.compile(r"(?=.*\d)(?=.*[a-z])[^\s@]+")
_ESCAPE_SIGNS: Final = re.compile(r"[%&\\=]|u\+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[^\W_]+")
_IDEOGRAPHS: Final = re.compile(f"[{IDEOGRAPHS}]+")
_LETTERS_OR_DIGITS: Final = re.compile(r"[^\W\d_]+|\d+")
_NO_LETTER: Final = re.compile(r"[^\w\n]|_")
_PHRASES: Final = re.compile("|".join(sorted(VENDOR_PHRASES, key=len, reverse=True)))
_NUMBERS: Final = re.compile(r"\+?\d(?:[\W_]{0,3}\d){3,}")
_ESCAPES: Final = re.compile(r"\\+[ux][0-9a-f]{0,4}|&#x?[0-9a-f]*|%[0-9a-f]{1,2}(?=\W|$)")  # cut in the middle
_OPAQUE: Final = re.compile(r"(?=[a-z+/=_-]*\d)(?=[\d+/=_-]*[a-z])[a-z0-9+/=_-]{16,}")  # base64, hexadecimal, ids
_MASKS: Final = re.compile(r"[*•●■█\ufffd]+|(?<=[^\W_])\?+(?=[^\W_])|[#~.\-_?…]{2,}|(?<=\d)x{2,}|x{2,}(?=\d)")

Span = tuple[int, int]


class SentValues:
    """The values of one call, prepared once to be looked for in a text.

    :param values: whatever must not be shown: customers' values, the key and the token.
    """

    def __init__(self, values: Iterable[str]) -> None:
        raw = "\n".join({value.replace("\n", " ") for value in values})
        readable = (read for value in raw.split("\n") if _ESCAPE_SIGNS.search(value) and (read := plain(value)))
        joined = folded("\n".join((unicodedata.normalize("NFKC", raw), *readable)))
        self._literal = {value for value in raw.split("\n") if len(value) >= _SHORTEST_VALUE}
        self._whole = {value for text in joined.split("\n") if len(value := " ".join(text.split())) >= _SHORTEST_VALUE}
        self._whole -= API_VALUES
        spoken = _HEX.sub(" ", joined)
        self._letters = _NO_LETTER.sub("", spoken)
        found = (*_TOKEN.findall(spoken), *_LETTERS_OR_DIGITS.findall(spoken))
        self._words = {word for word in found if len(word) >= SHORTEST_WORD and not word.isdigit()} - VENDOR_WORDS
        self._longest = min(_LONGEST_WORD, max(map(len, self._words), default=0))
        self._names = set() if joined.isascii() else _characters_of_names(joined)
        self._grams = {gram for value in self._whole if _is_key(value) for gram in _grams(_NO_LETTER.sub("", value))}

    def spans_in(self, line: str) -> Iterator[Span]:
        """Yield the places of a text, from and to, that show something of the values.

        :param line: one short line, as :func:`plain` returns it.
        """
        pieces = [folded(character) for character in line]
        text = "".join(pieces)
        places = [place for place, piece in enumerate(pieces) for _ in piece]
        places.append(len(line))
        for start, end in self._spans(text):
            yield places[start], max(places[end - 1] + 1, places[end])  # with the accents that follow
        for value in self._literal:
            if value in line and folded(value) not in API_VALUES:
                yield from _occurrences(value, line)

    def _spans(self, text: str) -> Iterator[Span]:
        for value in self._whole:
            if value in text:
                yield from _occurrences(value, text)
        for pattern in (_ESCAPES, _OPAQUE):
            yield from (found.span() for found in pattern.finditer(text))
        for found in _NUMBERS.finditer(text):
            digits = _NO_LETTER.sub("", found[0])
            if len(digits) > SHORTEST_NUMBER or digits in self._letters:
                yield found.span()
        for token in _TOKEN.finditer(text):
            yield from self._of_token(token[0], token.start())
        yield from self._masked(text)

    def _of_token(self, token: str, start: int) -> Iterator[Span]:
        end = 0
        for run in _IDEOGRAPHS.finditer(token):
            if self._is_shown_by(token[end : run.start()]):
                yield start + end, start + run.start()
            yield from ((start + place, start + place + 1) for place in self._of_ideographs(token, *run.span()))
            end = run.end()
        if self._is_shown_by(token[end:]):
            yield start + end, start + len(token)

    def _is_shown_by(self, word: str) -> bool:
        """Return whether a word is a part of a value, or contains a word of one."""
        if len(word) < SHORTEST_WORD or word in VENDOR_WORDS:
            return False
        if len(word) > _LONGEST_WORD or any(gram in self._grams for gram in _grams(word)):
            return True
        for part in {word, *_LETTERS_OR_DIGITS.findall(word)}:
            shortest = SHORTEST_NUMBER if part.isdigit() else SHORTEST_WORD
            if len(part) >= shortest and part not in VENDOR_WORDS and part in self._letters:
                return True
        return any(
            word[place : place + length] in self._words
            for length in range(SHORTEST_WORD, min(len(word), self._longest) + 1)
            for place in range(len(word) - length + 1)
        )

    def _of_ideographs(self, text: str, start: int, end: int) -> Iterator[int]:
        public = {place for found in _PHRASES.finditer(text, start, end) for place in range(*found.span())}
        for place in range(start, end):
            pairs = (text[max(start, place - 1) : place + 1], text[place : min(end, place + 2)])
            in_value = any(len(pair) == len("李雷") and pair in self._letters for pair in pairs)
            if place not in public and (text[place] in self._names or in_value):
                yield place

    def _masked(self, text: str) -> Iterator[Span]:
        """Yield what stands next to characters that hide a part of a word: ``138****8000``, ``Al**a``, ``李*``."""
        for mask in _MASKS.finditer(text):
            before, after = re.search(r"[^\W_]+\s?$", text[: mask.start()]), re.match(r"\s?[^\W_]+", text[mask.end() :])
            if before and self._is_rest(before[0]):
                yield before.start(), mask.end()
            if after and self._is_rest(after[0]):
                yield mask.start(), mask.end() + after.end()
            yield from () if mask[0][0] != "\ufffd" else (mask.span(),)

    def _is_rest(self, rest: str) -> bool:
        word = rest.strip()
        if any(map(str.isdigit, word)):
            return True
        return word == rest and word not in VENDOR_WORDS and word in self._letters


def _characters_of_names(joined: str) -> set[str]:
    names = ("".join(_IDEOGRAPHS.findall(value)) for value in joined.split("\n"))
    return {character for name in names if len(name) <= LONGEST_NAME for character in name}


def _is_key(value: str) -> bool:
    return len(value) >= _SHORTEST_KEY and _KEY.fullmatch(value) is not None


def _grams(text: str) -> Iterator[str]:
    for place in range(len(text) - _GRAM + 1):
        gram = text[place : place + _GRAM]
        if any(map(str.isdigit, gram)):
            yield gram


def _occurrences(value: str, text: str) -> Iterator[Span]:
    place = text.find(value)
    while place >= 0:
        yield place, place + len(value)
        place = text.find(value, place + 1)
