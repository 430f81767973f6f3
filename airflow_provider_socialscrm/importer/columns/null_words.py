r"""Words that programs write where a value is missing, such as ``NULL`` or ``\N``.

They are only pointed out. Whether "NA" is a missing value or Namibia is the user's to say.
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
"""As they are written: "nA" or "nAn" is none. All that pandas reads as missing is here, but for the empty text."""

_NULL_WORDS: Final = pa.array(sorted(NULL_WORDS), pa.string())
_LONGEST: Final = max(len(word.encode()) for word in NULL_WORDS)


def null_words(text: pa.Array) -> pa.Array:
    """Return a mask that is true where a text is one of :data:`NULL_WORDS`, and nowhere null.

    :param text: strings, trimmed; null where the row has no value.
    """
    shortest = pc.min(pc.binary_length(text)).as_py()
    if shortest is None or shortest > _LONGEST:
        return pa.repeat(pa.scalar(False), len(text))
    return pc.is_in(text, _NULL_WORDS)


def without(text: pa.Array, null_values: Sequence[str]) -> pa.Array:
    """Return a column in which the user's words for a missing value are missing.

    :param text: strings, trimmed; null where the row has no value.
    :param null_values: whole texts, case and all; blanks around them do not matter, as none are left in the column.
    """
    if not null_values:
        return text
    words = pa.array([word.strip() for word in null_values], pa.string())
    found = pc.is_in(text, words)
    # Not if_else, which before Arrow 24 corrupts a slice of strings where it puts nulls.
    return pc.replace_with_mask(text, found, pa.scalar(None, text.type)) if pc.any(found).as_py() else text
