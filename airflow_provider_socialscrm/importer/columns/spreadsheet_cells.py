"""Cells of a CSV file that is opened in spreadsheets: none is computed, and each is read back as it was.

A spreadsheet computes a cell that begins with ``=``, ``+``, ``-`` or ``@``, and a customer can have any name. Such a
cell is written with an apostrophe before it.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

COMPUTED: Final = "(?:[\t\r\n]|[ \t\r\n\u00a0\u3000]*[=+\\-@\uff1d\uff0b\uff0d\uff20])"
"""How a cell begins that a spreadsheet may compute, after its apostrophes. Those of East Asia take full-width signs."""

_TO_ESCAPE: Final = f"^('*{COMPUTED})"
_ESCAPED: Final = f"^'('*{COMPUTED})"


def escaped(texts: pa.Array) -> pa.Array:
    """Return cells so that no spreadsheet computes them; different ones stay different."""
    return pc.replace_substring_regex(texts, _TO_ESCAPE, r"'\1", max_replacements=1)


def unescaped(texts: pa.Array) -> pa.Array:
    """Return the cells that :func:`escaped` was given; others, such as those a person corrected, stay as they are."""
    return pc.replace_substring_regex(texts, _ESCAPED, r"\1", max_replacements=1)


def escaped_text(text: str) -> str:
    """Return one cell as :func:`escaped` does, such as a column's name."""
    return str(escaped(pa.array([text]))[0])


def unescaped_text(text: str) -> str:
    """Return one cell as :func:`unescaped` does."""
    return str(unescaped(pa.array([text]))[0])
