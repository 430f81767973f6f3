"""What to give instead of data that is not a table."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import is_dataclass
from os import PathLike
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.shapes import has_table_type, is_open_file, is_record, is_task
from airflow_provider_socialscrm.wording import with_article


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda data: all(hasattr(data, name) for name in names)


_ADVICE: Final[tuple[tuple[Callable[[Any], bool], str], ...]] = (
    (
        lambda data: isinstance(data, Mapping),
        "Columns become a table with pandas.DataFrame(data), a row with [data].",
    ),
    (
        lambda data: isinstance(data, str | PathLike),
        "Paths are given in one list; first.output.concat(second.output) joins those of two mapped tasks.",
    ),
    (is_task, "Give the task's output, as in task.output."),
    (callable, "Call the function, and give what it returns."),
    (lambda data: isinstance(data, Awaitable), "Await it, and give what it returns."),
    (lambda data: isinstance(data, AsyncIterable), "Give a list of what it yields, by async for."),
    (_has("toPandas"), "Write it to Parquet files, and give their path."),
    (_has("to_frame"), "A column becomes a table with data.to_frame()."),
    (_has("collect"), "A query becomes a table with data.collect()."),
    (_has("dtype", "shape"), "An array becomes a table with pandas.DataFrame(data, columns=[...])."),
    (_has("__arrow_c_array__"), "A column becomes a table with pyarrow.table({'whatsApp': data})."),
    (lambda data: isinstance(data, set | frozenset), "A set has no order: give a list."),
    (is_open_file, "Give the path of the open file."),
    (lambda data: is_record(data) and hasattr(data, "_asdict"), "Give row._asdict() for each row."),
    (is_record, "Give dict(row) for each row."),
    (is_dataclass, "Give dataclasses.asdict(row) for each row."),
    (_has("model_dump"), "Give row.model_dump() for each row."),
    (_has("fetchall"), "Fetch its rows, and name their columns with pandas.DataFrame(rows, columns=[...])."),
    (
        lambda data: isinstance(data, list | tuple) and not any(isinstance(each, Mapping) for each in data),
        "Name the columns with pandas.DataFrame(data, columns=[...]).",
    ),
    (has_table_type, "Put the rows beside a table in a list of their own: [[row, row], table]."),
    (
        lambda data: isinstance(data, Collection) and not isinstance(data, Sequence),
        "Give list(data), if its items are tables or rows.",
    ),
)


def unusable(data: Any) -> InputError:
    """Return an error that says what to give instead of something that is not a table."""
    return InputError(
        f"data is {_kind(data)}, which is not a table: give a pandas DataFrame, an Arrow table, a list of "
        f"dictionaries, or the path of Parquet, CSV or JSONL files.{_advice(data)}"
    )


def foreign_columns(data: Any, types: Sequence[str]) -> InputError:
    """Return an error for a table with columns of types that Arrow does not have."""
    return InputError(
        f"data is {_kind(data)} with columns of a type that Arrow does not have: {', '.join(types)}. Cast them to "
        "another type, such as text."
    )


def unusable_list(items: Collection[Any]) -> InputError:
    """Return an error that says what to give instead of a list of neither rows, tables nor paths."""
    return not_a_row(0, next(iter(items)), "the list")


def not_a_row(place: int, item: Any, of: str) -> InputError:
    """Return an error for an item of a list of rows that is not one.

    :param place: of the item, from 0.
    :param of: what the list is called.
    """
    return InputError(
        f"Row {place:,} of {of} is {with_article(type(item).__name__)}, not a dictionary of its columns.{_advice(item)}"
    )


def unusable_item(at: Sequence[int], item: Any) -> InputError:
    """Return an error for one of several tables that is not a table.

    :param at: its place, as for :func:`place_of`.
    """
    if item is None:
        return InputError(f"{place_of(at).capitalize()}, counted from 0, has no value: leave it out, or give a table.")
    return InputError(
        f"{place_of(at).capitalize()} is {with_article(type(item).__name__)}, not a table like others: give tables "
        f"only, paths only, or dictionaries of columns only.{_advice(item)}"
    )


def place_of(at: Sequence[int]) -> str:
    """Return what an item of the data is called.

    :param at: its places, each from 0, from the outermost list inwards.
    """
    return " of ".join([*(f"item {place:,}" for place in reversed(at)), "data"])


def _advice(data: Any) -> str:
    return next((f" {advice}" for applies, advice in _ADVICE if applies(data)), "")


def _kind(data: Any) -> str:
    kind = type(data)
    name = kind.__qualname__ if kind.__module__ in {"builtins", "_io"} else f"{kind.__module__}.{kind.__qualname__}"
    return with_article(name)
