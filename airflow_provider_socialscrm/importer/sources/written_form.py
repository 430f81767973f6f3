"""The form of a dead letter's text: as it was written, whatever ``encoding`` and ``delimiter`` the first input needed.

This provider writes dead letters as UTF-8 with commas. A spreadsheet may save one again with other delimiters, which
its header shows, or in an encoding of the computer, which is seldom valid UTF-8 and can be read in several ways.
"""

from __future__ import annotations

import codecs
import io
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import IO, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN
from airflow_provider_socialscrm.importer.sources.csv_files import DELIMITERS
from airflow_provider_socialscrm.importer.sources.dead_letters import is_dead_letter
from airflow_provider_socialscrm.importer.sources.text_lines import LATIN_1, READ_BYTES, TextForm

log = logging.getLogger(__name__)

Opened = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens a file at its start."""

ReadColumns = Callable[[IO[bytes], str, TextForm], Sequence[str]]
"""Returns the columns of a file, given its name and form."""

WRITTEN: Final = "utf-8"
"""The encoding in which this provider writes dead letters."""

FIRST_UNLIKELY: Final = "\u0800"
"""UTF-8 has three bytes or more for this character and those behind it. Two bytes of another encoding are valid UTF-8
now and then, such as those of one Chinese character in GB18030, but three hardly ever."""

_UNTOUCHED: Final = re.compile(rb'(?:^|,)"%s"(?:[,\n]|:")' % IMPORT_COLUMN.encode(), re.MULTILINE)
"""A header, or a line of a JSONL file, as this provider writes it: spreadsheets write no quotes around such a name."""


def written_form(open_file: Opened, name: str, form: TextForm, columns: ReadColumns) -> TextForm | None:
    """Return the form of a file's text if the file is a dead letter, and ``None`` if it is not.

    :param open_file: opens the file.
    :param name: of the file, for messages.
    :param form: as the arguments of the import say.
    :param columns: the reader of the file's format.
    :raises InputError: when the text can be read in two encodings.
    """
    with open_file() as file:
        head = file.read(READ_BYTES)
    if (delimiter := _delimiter(head, name, form.delimiter, columns)) is None:
        return None
    return TextForm(_encoding(open_file, head, name, form.encoding), delimiter)


def log_form(name: str, given: TextForm, found: TextForm) -> None:
    """Log how a dead letter is read, if the arguments say otherwise."""
    both = (
        (given.encoding, found.encoding, f"as UTF-8, not in encoding={given.encoding!r}"),
        (given.delimiter, found.delimiter, f"with delimiter={found.delimiter!r}, not {given.delimiter!r}"),
    )
    if how := [sentence for one, other, sentence in both if one != other]:
        log.warning("%s is a dead letter of an import, so it is read as it was written: %s", name, ", and ".join(how))


def has_ascii(encoding: str) -> bool:
    """Return whether ASCII letters are the same bytes in an encoding; in UTF-16, for example, they are not."""
    return IMPORT_COLUMN.encode(encoding, "replace") == IMPORT_COLUMN.encode()


def _delimiter(head: bytes, name: str, given: str, columns: ReadColumns) -> str | None:
    """Return what separates the columns of a dead letter."""
    for delimiter in dict.fromkeys([given, *DELIMITERS]):
        with suppress(InputError):  # such as a header that has other delimiters
            if is_dead_letter(columns(io.BytesIO(head), name, TextForm(LATIN_1, delimiter))):
                return delimiter
    return None


def _encoding(open_file: Opened, head: bytes, name: str, given: str) -> str:
    foreign = _foreign_letters(open_file, WRITTEN)
    if foreign is None:
        raise InputError(
            f"{name} is a dead letter that another program has saved, and not as UTF-8. Save it as UTF-8, which "
            "spreadsheets call 'CSV UTF-8'."
        )
    if codecs.lookup(given).name.removesuffix("-sig") == WRITTEN:
        return given
    is_certain = head.startswith(codecs.BOM_UTF8) or _UNTOUCHED.search(head)
    is_likely = max(foreign, default="") >= FIRST_UNLIKELY
    if not is_certain and not is_likely and has_ascii(given):
        others = _foreign_letters(open_file, given)
        if others and all(map(str.isalpha, others)):
            raise InputError(
                f"{name} is a dead letter that another program has saved, and its text can be UTF-8 or "
                f"{given.upper()}. Save it as UTF-8 with a byte order mark, which spreadsheets call 'CSV UTF-8'; or "
                "leave encoding out if it is UTF-8."
            )
    return WRITTEN


def _foreign_letters(open_file: Opened, encoding: str) -> frozenset[str] | None:
    """Return the non-ASCII characters of a file, or ``None`` if it is in another encoding."""
    found: set[str] = set()
    decoder = codecs.getincrementaldecoder(encoding)()
    with open_file() as file:
        try:
            for block in iter(partial(file.read, READ_BYTES), b""):
                found.update(decoder.decode(block))
            found.update(decoder.decode(b"", final=True))
        except UnicodeError:
            return None
    return frozenset(letter for letter in found if not letter.isascii())
