"""The messages read so far, in a folder beside the file that they become, so that a retry resumes.

Each part has the messages of some pages, and in its metadata where the reading was behind them. It appears as a whole
or not at all, so what is read and what is kept always agree. A part names the one before it: of two tries that run at
the same time each has a chain of its own, and no file of one replaces one of the other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.chats.reading import Position
from airflow_provider_socialscrm.importer.paths import is_plain, open_to_write

log = logging.getLogger(__name__)

KEY_COLUMN: Final = "socialscrm_key"
"""Column of a part with the keys of its messages; the file has none."""

_ENDING: Final = ".part"
_META: Final = b"socialscrm"


class Counts(msgspec.Struct):
    """Counts of what was read so far.

    :param rows: messages.
    :param pages: pages that were read, again in some cases.
    :param by_agent: messages by the agent's login.
    :param first: time of the earliest message, in milliseconds since the epoch.
    :param last: time of the latest one.
    """

    rows: int = 0
    pages: int = 0
    by_agent: dict[str, int] = {}
    first: int | None = None
    last: int | None = None


class Saved(msgspec.Struct, frozen=True):
    """The description of a part, which it has in its metadata.

    :param of: which export it is of, and how.
    :param before: name of the part before; ``None`` for the first one.
    :param rows: messages in the part.
    :param position: where the reading is behind it.
    :param counts: of all messages so far.
    """

    of: str
    before: str | None
    rows: int
    position: Position
    counts: Counts


class Parts:
    """The parts of one export.

    :param folder: where they are.
    :param of: which export they are of, and how: other parts are not used, and deleted.
    :param schema: columns of the messages.
    """

    def __init__(self, folder: Any, of: str, schema: pa.Schema) -> None:
        self.folder = folder
        self._of = of
        self._schema = schema.append(pa.field(KEY_COLUMN, pa.uint64()))
        self._token = token_hex(4)
        self._names: list[str] = []

    def resume(self) -> Saved | None:
        """Return what the newest usable part says, and go on behind it; ``None`` if there is none."""
        names = sorted(self._found(), reverse=True)
        for name in names:
            if (chain := self._chain(name)) is not None:
                self._names = chain
                return self._saved(name)
        self.delete()
        return None

    def keys(self, rows: int) -> list[int]:
        """Return the keys of the last messages.

        :param rows: of how many.
        """
        found: list[int] = []
        for name in reversed(self._names):
            if len(found) >= rows:
                break
            with self._opened(name) as reader:
                column = reader.read_all().column(KEY_COLUMN)
            found = [*column.to_pylist(), *found]
        return found[len(found) - rows :]

    def save(self, batches: Sequence[pa.RecordBatch], keys: Sequence[int], position: Position, counts: Counts) -> None:
        """Write a part.

        :raises OSError: if it cannot be written.
        """
        messages = pa.Table.from_batches(batches, self._schema.remove(len(self._schema) - 1))
        table = messages.append_column(self._schema.field(KEY_COLUMN), pa.array(np.array(keys, np.uint64)))
        before = self._names[-1] if self._names else None
        saved = Saved(self._of, before, len(keys), position, counts)
        schema = self._schema.with_metadata({_META: msgspec.json.encode(saved)})
        name = f"{len(self._names):06}-{self._token}{_ENDING}"
        with self._new(name) as file, pa.ipc.new_stream(file, schema) as writer:
            writer.write_table(table.cast(schema))
        if is_plain(self.folder):
            (self.folder / f"{name}.new").replace(self.folder / name)
        self._names.append(name)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all messages.

        :raises OSError: if a part cannot be read.
        """
        for name in self._names:
            with self._opened(name) as reader:
                for batch in reader:
                    yield batch.drop_columns([KEY_COLUMN])

    def complete(self, suffix: str) -> Any:
        """Return where the file is until it is complete, which no other try writes."""
        return self.folder / f"complete-{self._token}{suffix}"

    def are_gone(self) -> bool:
        """Return whether somebody else has deleted a part."""
        return not all((self.folder / name).exists() for name in self._names)

    def delete_own(self) -> None:
        """Delete what this try has written since somebody else deleted its parts."""
        with suppress(OSError):
            for path in list(self.folder.iterdir()):
                if self._token in path.name:
                    path.unlink()
            self.folder.rmdir()

    def delete(self) -> None:
        """Delete the folder with all in it; what cannot be deleted is logged."""
        try:
            if not self.folder.exists():
                return
            for path in list(self.folder.iterdir()):
                path.unlink()
            with suppress(OSError):  # object storage has no folders
                self.folder.rmdir()
        except OSError as failure:
            log.warning("%s could not be deleted (%s); delete it, as it has messages", self.folder, _what(failure))
        self._names = []

    def _found(self) -> list[str]:
        try:
            return [path.name for path in self.folder.iterdir() if path.name.endswith(_ENDING)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _chain(self, name: str) -> list[str] | None:
        """Return the names of a part and those before it, the first one first; ``None`` if one cannot be used."""
        names: list[str] = []
        current: str | None = name
        while current is not None:
            saved = self._saved(current)
            if saved is None or saved.of != self._of or current in names:
                return None
            names.append(current)
            current = saved.before
        return names[::-1]

    def _saved(self, name: str) -> Saved | None:
        try:
            with self._opened(name) as reader:
                return msgspec.json.decode((reader.schema.metadata or {})[_META], type=Saved)
        except (OSError, KeyError, pa.ArrowException, msgspec.MsgspecError):
            return None

    def _new(self, name: str) -> Any:
        # Object storage shows a file only when it is complete.
        return open_to_write(self.folder / (f"{name}.new" if is_plain(self.folder) else name))

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        with (self.folder / name).open("rb") as file, pa.ipc.open_stream(file) as reader:
            yield reader


def _what(failure: OSError) -> str:
    return failure.strerror or type(failure).__name__
