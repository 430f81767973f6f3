"""Which encoding a text was written in, when it is not the one that was said."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Final

LAST_COMMON: Final = 0xD7
"""First byte, in GB2312, of the last Chinese characters in everyday use; behind them come the rare ones."""

HEAD_BYTES: Final = 64
"""Bytes in which to look for the zeros of UTF-16: a few column names, which are most often plain letters."""

LEAST_BYTES: Final = 4
"""Bytes from which to tell anything: two characters of UTF-16."""


def likely_encoding(sample: bytes, tried: str) -> str | None:
    """Return what to do about a text in another encoding, as the end of an error's message, or ``None`` if unsure.

    :param sample: bytes of the file from the start of a line on, among them some that the other encoding cannot have.
    :param tried: the other encoding.
    """
    if len(sample) < LEAST_BYTES:
        return None
    for encoding, looks, test in _KNOWN:
        if codecs.lookup(encoding).name != codecs.lookup(tried).name and _decodes(sample, encoding) and test(sample):
            return f"It looks like {looks}: set encoding={encoding!r}."
    return None


def is_utf_16(sample: bytes) -> bool:
    """Tell UTF-16 that other encodings have taken for text, with a zero for every other letter.

    :param sample: the first bytes of a file.
    """
    return len(sample) >= LEAST_BYTES and any(_has_zeros(sample, place) for place in (0, 1))


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        _decoded(sample, encoding)
    except UnicodeError:
        return False
    return True


def _decoded(sample: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(sample)  # the last character may be cut


def _has_mark(sample: bytes) -> bool:
    return sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _has_zeros(sample: bytes, place: int) -> bool:
    """Tell whether most letters are plain ones, as zeros in one of their two bytes show."""
    zeros, letters = sample[place:HEAD_BYTES:2], sample[1 - place : HEAD_BYTES : 2]
    return not letters.count(0) and zeros.count(0) * 2 > len(zeros)


def _is_chinese(sample: bytes) -> bool:
    """Tell Chinese from letters with accents, of which many a pair makes a rare Chinese character."""
    wide = re.sub(r"[\0-\x7f]", "", _decoded(sample, "gb18030"))
    first_bytes = wide.encode("gb2312", "ignore")[::2]
    return sum(byte <= LAST_COMMON for byte in first_bytes) * 2 > len(wide)


def _is_western(sample: bytes) -> bool:
    """Tell words with a few accents from those of another alphabet, which would come out as nonsense."""
    return not re.search(rb"[\x80-\xff]{3}|\0", sample)


_KNOWN: Final[tuple[tuple[str, str, Callable[[bytes], bool]], ...]] = (
    ("utf-16", 'UTF-16, as "Unicode text" from a spreadsheet is', _has_mark),
    ("utf-16-le", "UTF-16 without a byte order mark", lambda sample: _has_zeros(sample, 1)),
    ("utf-16-be", "UTF-16 without a byte order mark", lambda sample: _has_zeros(sample, 0)),
    ("utf-8", "UTF-8", lambda _: True),
    ("gb18030", "GB18030, as spreadsheets on Chinese systems write it", _is_chinese),
    ("cp1252", "Windows-1252, as spreadsheets on Western European systems write it", _is_western),
)
