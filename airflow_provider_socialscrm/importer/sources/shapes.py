"""What kind of data something is, found without pandas and Arrow, which parsing a DAG file must not load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from io import IOBase
from typing import Any


def is_pandas(data: Any) -> bool:
    """Return whether something is a pandas DataFrame."""
    names = ((kind.__module__.split(".")[0], kind.__name__) for kind in type(data).__mro__)
    return ("pandas", "DataFrame") in names


def has_table_type(data: Any) -> bool:
    """Return whether something is of pandas or has Arrow's PyCapsule interface, which single columns have, too."""
    return is_pandas(data) or hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def is_rows(data: Any) -> bool:
    """Return whether something is a list that begins like one of rows, or has no item at all."""
    return isinstance(data, list | tuple) and (not data or isinstance(data[0], Mapping))


def is_stream(data: Any) -> bool:
    """Return whether something gives tables or rows one by one, each of them once: an iterator, or outputs of tasks."""
    if isinstance(data, list | tuple | str | bytes | bytearray | memoryview):
        return False
    if is_open_file(data) or is_record(data) or has_table_type(data):
        return False
    return isinstance(data, Iterator | Sequence)


def holds_tables(data: Any) -> bool:
    """Return whether something is a table, or has tables in it; a list without anything in it is one without rows."""
    if isinstance(data, list | tuple):
        return is_rows(data) or any(map(holds_tables, data))
    return has_table_type(data) or is_stream(data)


def closed_at_end(stream: Any) -> AbstractContextManager[Any]:
    """Return what closes an iterator, such as a reader of a file, if it can be closed."""
    if isinstance(stream, Iterator) and isinstance(stream, AbstractContextManager):
        return stream  # as pandas asks for
    return closing(stream) if isinstance(stream, Iterator) and hasattr(stream, "close") else nullcontext()


def is_open_file(data: Any) -> bool:
    """Return whether something is an open file, which gives lines or bytes; readers of tables have ``read``, too."""
    return isinstance(data, IOBase) or all(hasattr(data, name) for name in ("read", "readline"))


def is_record(data: Any) -> bool:
    """Return whether something is the row of a database, or a named tuple: a sequence whose values have names."""
    return isinstance(data, Sequence) and (hasattr(data, "_asdict") or hasattr(data, "keys"))


def is_task(data: Any) -> bool:
    """Return whether something is a task of Airflow's, and not its output."""
    return hasattr(data, "task_id") and hasattr(data, "output")
