"""Suggest an encoding for text that is not in the given one."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple
from unicodedata import category

HEAD_BYTES: Final = 64
"""Bytes in which to look for the zeros of UTF-16: a few column names, mostly of ASCII letters."""

LEAST_BYTES: Final = 4
"""Bytes needed for a definite answer: two characters of UTF-16."""

SAMPLE_BYTES: Final = 64 * 1024
"""Bytes of lines with non-ASCII characters to look at: some hundred customers."""

MOST_READINGS: Final = 6
"""Readings that a message shows: people do not compare more."""

MOST_NAMES: Final = 3
"""Encodings named for one reading; the others are rarer."""

MOST_LETTERS: Final = 8
"""Letters shown of a reading: enough to recognise a language, too few for a customer's name."""

WORST_RATIO: Final = 0.3
"""How much messier than the best reading another may be, in charset-normalizer's ratio from 0 to 1."""

MIXED_RATIO: Final = 4
"""UTF-8 characters for each other byte from which a text counts as UTF-8 with some foreign lines."""

COMMON: Final = (
    "cp1252", "cp1250", "cp1254", "cp1251", "gb18030", "cp949", "cp932", "shift_jis", "big5", "cp950", "big5hkscs",
    "euc_jp", "cp1253", "cp1255", "cp1256", "cp1257", "cp874", "cp1258", "cp850", "cp437", "cp852", "cp866", "cp857",
    "cp737", "mac_roman", "koi8_r", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "iso8859_15",
)  # fmt: skip
"""Encodings of exported tables, the most common first."""

TYPOGRAPHIC: Final = frozenset("‘’“”„«»–—…€")
"""Characters other than letters that word processors write."""


NOT_WRITTEN: Final = frozenset(["Cc", "Cn", "Co"])
"""Unicode categories that tables do not contain: control characters, and code points that are not characters."""


class Reading(NamedTuple):
    """A text as one or several encodings decode it.

    :param names: the encodings, the most common first.
    :param letters: all non-ASCII characters of the text.
    """

    names: tuple[str, ...]
    letters: frozenset[str]


class Advice(NamedTuple):
    """The advice about a text in another encoding.

    :param sentence: the end of an error's message.
    :param encoding: the likeliest encoding, if there is one.
    """

    sentence: str
    encoding: str = ""


def encoding_advice(sample: bytes, attempt: str, block: bytes | None = None) -> Advice:
    """Return what to do about a text in another encoding.

    It names one encoding only if the bytes leave no doubt. Otherwise the user has to choose by single letters, because
    a log must not show a customer's name.

    :param sample: bytes of the file from the start of a line, some of which are not valid in ``attempt``.
    :param attempt: the encoding that was given.
    :param block: more bytes of the file around the sample.
    """
    for encoding, looks, test in _CERTAIN if len(sample) >= LEAST_BYTES else ():
        if not _is(encoding, attempt) and _decodes(sample, encoding) and test(sample):
            return Advice(f"It looks like {looks}: set encoding={encoding!r}.", encoding)
    if _is("utf-8", attempt) and _is_mostly_utf_8(block or sample):
        return Advice("Other lines are UTF-8, so the file mixes encodings: write it again as UTF-8.")
    if readings := [] if b"\0" in sample[:HEAD_BYTES] else _readings(_foreign_lines(block or sample), attempt):
        shown = ", ".join(_shown(reading, readings) for reading in readings)
        sentence = f"Set encoding to the one that shows these letters correctly: {shown}."
        return Advice(sentence, codecs.lookup(readings[0].names[0]).name)
    return Advice("Set encoding to the one it was written in, or write it as UTF-8.")


def is_utf_16(sample: bytes) -> bool:
    """Return whether a text is UTF-16: others decode it as text with a zero for every other letter.

    :param sample: the first bytes of a file.
    """
    return len(sample) >= LEAST_BYTES and any(_has_zeros(sample, place) for place in (0, 1))


def _is(encoding: str, other: str) -> bool:
    return codecs.lookup(encoding).name == codecs.lookup(other).name


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)  # the last character may be cut
    except UnicodeError:
        return False
    return True


def _has_mark(sample: bytes) -> bool:
    return sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _has_zeros(sample: bytes, place: int) -> bool:
    """Return whether most letters are ASCII: then one of their two bytes is zero."""
    zeros, letters = sample[place:HEAD_BYTES:2], sample[1 - place : HEAD_BYTES : 2]
    return not letters.count(0) and zeros.count(0) * 2 > len(zeros)


def _is_mostly_utf_8(block: bytes) -> bool:
    text = block.decode("utf-8", "replace")
    foreign = text.count("\ufffd")
    return len(re.findall(r"[^\x00-\x7f]", text)) - foreign >= foreign * MIXED_RATIO


def _foreign_lines(block: bytes) -> bytes:
    """Return the lines of a block that have non-ASCII characters, without its incomplete last line."""
    whole = block[: block.rfind(b"\n") + 1] or block
    lines = (line for line in whole.splitlines(keepends=True) if not line.isascii())
    return _first(lines, SAMPLE_BYTES) or block[-SAMPLE_BYTES:]


def _first(lines: Iterable[bytes], size: int) -> bytes:
    taken = bytearray()
    for line in lines:
        taken += line
        if len(taken) >= size:
            break
    return bytes(taken)


def _readings(sample: bytes, attempt: str) -> list[Reading]:
    """Return the readings that look like words, the most likely first."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - only a file in another encoding needs it

    names = [name for name in COMMON if not _is(name, attempt)]
    # The library's own threshold would exclude Cyrillic and Thai in short files.
    matches = from_bytes(sample, cp_isolation=names, threshold=1.0, preemptive_behaviour=False, enable_fallback=False)
    found: list[tuple[float, int, Reading]] = []
    for match in matches:
        foreign = {letter for letter in str(match) if not letter.isascii()}
        same = tuple(sorted(set(match.could_be_from_charset) & set(names), key=COMMON.index))
        letters = frozenset(filter(str.isprintable, foreign))
        if same and letters and not any(category(letter) in NOT_WRITTEN for letter in foreign):
            mess = round(match.chaos, 1) + _strange(letters)
            found.append((mess, COMMON.index(same[0]), Reading(same, letters)))
    found.sort(key=lambda each: each[:2])
    return [reading for mess, _, reading in found if mess <= found[0][0] + WORST_RATIO][:MOST_READINGS]


def _strange(letters: frozenset[str]) -> float:
    """Return the share of characters that words do not contain, such as currency signs and box drawings."""
    strange = [letter for letter in letters if category(letter)[0] not in "LM" and letter not in TYPOGRAPHIC]
    return round(len(strange) / len(letters), 1)


def _shown(reading: Reading, readings: Sequence[Reading]) -> str:
    """Return the encodings and some letters, preferably letters that other readings do not have."""
    by_others = sorted(reading.letters, key=lambda letter: (sum(letter in other.letters for other in readings), letter))
    names = " or ".join(repr(codecs.lookup(name).name) for name in reading.names[:MOST_NAMES])
    return f"{names} ({' '.join(sorted(by_others[:MOST_LETTERS]))})"


_CERTAIN: Final[tuple[tuple[str, str, Callable[[bytes], bool]], ...]] = (
    ("utf-32", "UTF-32", lambda sample: sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))),
    ("utf-16", 'UTF-16, as "Unicode text" from a spreadsheet is', _has_mark),
    ("utf-16-le", "UTF-16 without a byte order mark", lambda sample: _has_zeros(sample, 1)),
    ("utf-16-be", "UTF-16 without a byte order mark", lambda sample: _has_zeros(sample, 0)),
    ("utf-8", "UTF-8", lambda sample: not sample.isascii()),
)
"""Encodings that a test proves, with what they look like. UTF-32 comes first: its mark begins with that of UTF-16."""
