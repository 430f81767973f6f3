"""The lines of a text file, numbered as an editor numbers them, and batches of what they hold."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.reasons import unreadable
from airflow_provider_socialscrm.importer.sources import base
from airflow_provider_socialscrm.importer.sources.base import Batch
from airflow_provider_socialscrm.importer.sources.encodings import encoding_advice, is_utf_16

if TYPE_CHECKING:
    import pyarrow as pa

READ_BYTES: Final = 1024 * 1024
"""Bytes read at a time: few enough to hold their lines in memory, enough that each line costs next to nothing."""

AHEAD_BYTES: Final = 4 * 1024 * 1024
"""Bytes to fetch ahead from object storage: what comes next will be read, and each request costs its time."""

LONGEST_LINE: Final = 10_000_000
"""Characters that a line may have. Some customer's is far shorter; a file without line ends would fill the memory."""

BYTE_ORDER_MARK: Final = "\ufeff"

DEFAULT_DELIMITER: Final = ","

LATIN_1: Final = "iso8859-1"
"""The encoding that is taken for Windows-1252, as browsers do: what it has more are control characters."""

_CONTROL = re.compile("[\x80-\x9f]")
_WINDOWS_1252: Final = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}
"""What is written for these control characters; five of them have no character there either."""


class EmptyFileError(InputError):
    """A file has not one row nor a column: among other files it is no rows, alone it is a mistake."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """How text files are written, checked.

    :param encoding: any text encoding that Python knows.
    :param delimiter: what stands between the values of a CSV file: one character.
    :raises InputError: when a setting cannot be what it says.
    """

    encoding: str = "utf-8"
    delimiter: str = DEFAULT_DELIMITER

    def __post_init__(self) -> None:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=str(self.encoding))
        except (LookupError, ValueError):
            raise InputError(
                f"encoding={self.encoding!r} is not known to Python: give one that is, such as 'utf-8' or 'gb18030'."
            ) from None
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1 or self.delimiter in '"\r\n\0':
            raise InputError(
                f"delimiter={self.delimiter!r} cannot separate values: give one character, such as ';' or '\\t'."
            )


class Row(NamedTuple):
    """What one line, or several that belong together, holds.

    :param line: number of the first of them, from 1.
    :param content: the values, in the form their reader has them; nothing in it if they cannot be read.
    :param trouble: why they cannot be read, if they cannot.
    """

    line: int
    content: Any
    trouble: str = ""


def lines_of(file: IO[bytes], name: str, encoding: str) -> Iterator[str]:
    """Yield each line with its line end, without the byte order mark of the first.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises InputError: when the text is in another encoding, or a line has no end.
    """
    lines = _lines(file, name, encoding)
    first = next(lines, "")
    if "\0" in first and is_utf_16(head := first.encode(encoding, "replace")):
        raise _undecodable(name, 1, encoding, head)
    yield first.removeprefix(BYTE_ORDER_MARK)
    yield from lines


def batches_of(rows: Iterator[Row], name: str, to_records: Callable[[list[Any]], pa.RecordBatch]) -> Iterator[Batch]:
    """Yield rows as batches of the set size.

    :param name: of the file, for messages.
    :param to_records: makes a record batch of the rows' contents.
    """
    while part := list(islice(rows, base.BATCH_ROWS)):
        troubles = {
            place: unreadable(f"{name}, line {row.line}", row.trouble) for place, row in enumerate(part) if row.trouble
        }
        yield Batch(0, to_records([row.content for row in part]), name, troubles)


def _lines(file: IO[bytes], name: str, encoding: str) -> Iterator[str]:
    number, rest = 1, ""  # the line that may go on in the next block, which its end may do, too
    try:
        for text in _texts(file, encoding):
            *lines, rest = io.StringIO(rest + text, newline="").readlines() or [""]
            number += len(lines)
            yield from lines
            if len(rest) > LONGEST_LINE:
                raise InputError(f"{name}, line {number} does not end within {LONGEST_LINE:,} characters: break lines.")
    except UnicodeDecodeError as failure:
        block = failure.object
        line = block[block.rfind(b"\n", 0, failure.start) + 1 :]
        raise _undecodable(name, number + rest.endswith(("\r", "\n")), encoding, line, block) from None
    if rest:
        yield rest


def _texts(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Yield the file's text block by block; before an error, all that stands before it."""
    # Not with TextIOWrapper: for each line it asks Airflow's files, which are slow to answer, whether they are closed.
    decoder = codecs.getincrementaldecoder(encoding)()
    is_latin_1 = codecs.lookup(encoding).name == LATIN_1
    for block in iter(partial(file.read, READ_BYTES), b""):
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
    return InputError(f"{name}, line {line}: not {encoding.upper()} text. {encoding_advice(sample, encoding, block)}")
