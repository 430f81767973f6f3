"""Read text files line by line, numbered as in an editor, and group the rows in them."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.reasons import unreadable
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Batch
from airflow_provider_socialscrm.importer.sources.encodings import encoding_advice, is_utf_16

if TYPE_CHECKING:
    import pyarrow as pa

READ_BYTES: Final = 1024 * 1024
"""Bytes read at a time: few enough to hold in memory, enough to make the cost per line small."""

AHEAD_BYTES: Final = 4 * 1024 * 1024
"""Bytes to prefetch from object storage: a text file is read in order, and each request takes time."""

LONGEST_LINE: Final = 10_000_000
"""Characters that a line may have. Customers' lines are far shorter; a file without line ends would fill the memory."""

BYTE_ORDER_MARK: Final = "\ufeff"

DEFAULT_DELIMITER: Final = ","

LATIN_1: Final = "iso8859-1"
"""An encoding that is decoded as Windows-1252, as browsers do: the two differ only in control characters."""

_CONTROL = re.compile("[\x80-\x9f]")
_WINDOWS_1252: Final = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}
"""Characters of Windows-1252 for these control characters; five of them have none."""


class EmptyFileError(EmptyInputError):
    """A file has neither rows nor columns. Among other files it counts as no rows; alone it is an error."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """The encoding and delimiter of text files, checked.

    :param encoding: any text encoding that Python knows.
    :param delimiter: the character between the values of a CSV file.
    :raises InputError: when a setting is not valid.
    """

    encoding: str = "utf-8"
    delimiter: str = DEFAULT_DELIMITER

    def __post_init__(self) -> None:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=str(self.encoding))
        except (LookupError, ValueError):
            raise InputError(
                f"encoding={self.encoding!r} is not known to Python: give a known one, such as 'utf-8' or 'gb18030'."
            ) from None
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1 or self.delimiter in '"\r\n\0':
            raise InputError(
                f"delimiter={self.delimiter!r} cannot separate values: give one character, such as ';' or '\\t'."
            )


class Row(NamedTuple):
    """The content of one line, or of several that belong together.

    :param line: number of the first line, from 1.
    :param content: the values, in the form of their reader; empty if they cannot be read.
    :param problem: why they cannot be read, if they cannot.
    """

    line: int
    content: Any
    problem: str = ""


def lines_of(
    file: IO[bytes], name: str, encoding: str, *, read_bytes: int = READ_BYTES, longest_line: int = LONGEST_LINE
) -> Iterator[str]:
    """Yield each line with its line end, without the byte order mark of the first.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param read_bytes: bytes to read at a time.
    :param longest_line: characters that a line may have.
    :raises InputError: when the text is in another encoding, or a line has no end.
    """
    lines = _lines(_texts(file, encoding, read_bytes), name, encoding, longest_line)
    first = next(lines, "")
    if "\0" in first and is_utf_16(head := first.encode(encoding, "replace")):
        raise _undecodable(name, 1, encoding, head)
    yield first.removeprefix(BYTE_ORDER_MARK)
    yield from lines


def batches_of(
    rows: Iterator[Row],
    name: str,
    to_records: Callable[[list[Any]], pa.RecordBatch],
    batch_rows: int = BATCH_ROWS,
) -> Iterator[Batch]:
    """Yield rows in batches.

    :param name: of the file, for messages.
    :param to_records: converts the rows' contents to a record batch.
    :param batch_rows: rows in a batch; the last may have fewer.
    """
    while part := list(islice(rows, batch_rows)):
        problems = {
            place: unreadable(f"{name}, line {row.line}", row.problem) for place, row in enumerate(part) if row.problem
        }
        yield Batch(0, to_records([row.content for row in part]), name, problems)


def _lines(texts: Iterator[str], name: str, encoding: str, longest_line: int) -> Iterator[str]:
    number, rest = 1, ""  # a line, or only its line end, may continue in the next block
    try:
        for text in texts:
            *lines, rest = io.StringIO(rest + text, newline="").readlines() or [""]
            number += len(lines)
            yield from lines
            if len(rest) > longest_line:
                raise InputError(
                    f"{name}, line {number} does not end within {longest_line:,} characters: write each row on a line "
                    "of its own."
                )
    except UnicodeDecodeError as failure:
        block = failure.object
        line = block[block.rfind(b"\n", 0, failure.start) + 1 :]
        raise _undecodable(name, number + rest.endswith(("\r", "\n")), encoding, line, block) from None
    if rest:
        yield rest


def _texts(file: IO[bytes], encoding: str, read_bytes: int) -> Iterator[str]:
    """Yield the file's text in blocks; before an error, all text up to it."""
    # Not with TextIOWrapper: it checks for each line whether the file is closed, which is slow for Airflow's files.
    decoder = codecs.getincrementaldecoder(encoding)()
    is_latin_1 = codecs.lookup(encoding).name == LATIN_1
    for block in iter(partial(file.read, read_bytes), b""):
        kept, _ = state = decoder.getstate()
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as failure:
            decoder.setstate(state)
            yield decoder.decode(block[: max(0, failure.start - len(kept))])
            raise
        except UnicodeError as failure:  # UTF-16 without its mark
            raise UnicodeDecodeError(encoding, block, 0, 1, str(failure)) from None
        yield text.translate(_WINDOWS_1252) if is_latin_1 and _CONTROL.search(text) else text
    yield decoder.decode(b"", final=True)


def _undecodable(name: str, line: int, encoding: str, sample: bytes, block: bytes | None = None) -> InputError:
    advice = encoding_advice(sample, encoding, block)
    fix = {"encoding": advice.encoding} if advice.encoding else {}
    return InputError(f"{name}, line {line}: not {encoding.upper()} text. {advice.sentence}", fix=fix)
