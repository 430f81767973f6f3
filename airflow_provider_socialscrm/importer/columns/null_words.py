r"""Find words that programs write for a missing value, such as ``NULL`` or ``\N``.

They are only reported, because only the user knows whether "NA" is a missing value or Namibia.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

NULL_WORDS: Final = frozenset(
    {
        *("NULL", "Null", "null", "(NULL)", "(null)", "[NULL]", "[null]", "<NULL>", "<null>", r"\N"),  # databases
        *("0000-00-00", "0000-00-00 00:00:00"),  # MySQL's dates
        *("None", "none", "NONE", "nil", "Nil", "NIL", "undefined"),  # Python, Ruby, JavaScript
        *("NaN", "nan", "NAN", "Nan", "-NaN", "-nan", "NaT", "<NA>"),  # NumPy and pandas
        *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),  # NaN as C wrote it on Windows
        *("NA", "N/A", "n/a", "N.A.", "n.a.", "#N/A", "#N/A N/A", "#NA", "#N/D", "#NV", "#Н/Д"),  # R; spreadsheets
        *("#NULL!", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#SPILL!", "#CALC!", "#ERROR!", "(blank)"),
        *("-", "--", "."),  # reports; SAS and Stata
    }
)
"""Case matters: "nA" and "nAn" are not among them. All texts that pandas reads as missing are, except the empty one."""

_NULL_WORDS: Final = pa.array(sorted(NULL_WORDS), pa.string())
_LONGEST: Final = max(len(word.encode()) for word in NULL_WORDS)


def null_words(text: pa.Array) -> pa.Array:
    """Return a mask without nulls that is true where a text is one of :data:`NULL_WORDS`.

    :param text: strings, trimmed; null where the row has no value.
    """
    shortest = pc.min(pc.binary_length(text)).as_py()
    if shortest is None or shortest > _LONGEST:
        return pa.repeat(pa.scalar(False), len(text))
    return pc.is_in(text, _NULL_WORDS)


def without(text: pa.Array, null_values: Sequence[str]) -> pa.Array:
    """Return a column with nulls in place of the user's words for a missing value.

    :param text: strings, trimmed; null where the row has no value.
    :param null_values: whole texts in the case of the data; blanks around them are ignored.
    """
    if not null_values:
        return text
    words = pa.array([word.strip() for word in null_values], pa.string())
    found = pc.is_in(text, words)
    # Not if_else: before Arrow 24 it corrupts a slice of strings when it writes nulls.
    return pc.replace_with_mask(text, found, pa.scalar(None, text.type)) if pc.any(found).as_py() else text
