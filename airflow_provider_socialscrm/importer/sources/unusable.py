"""What to give instead of data that is not a table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.wording import counted

_ADVICE: Final[tuple[tuple[Callable[[Any], bool], str], ...]] = (
    (
        lambda data: isinstance(data, Mapping),
        "Columns become a table with pandas.DataFrame(data), a row with [data].",
    ),
    (lambda data: hasattr(data, "to_frame"), "A column becomes a table with data.to_frame()."),
    (lambda data: hasattr(data, "collect"), "A query becomes a table with data.collect()."),
    (lambda data: hasattr(data, "dtype"), "An array becomes a table with pandas.DataFrame(data, columns=[...])."),
    (lambda data: isinstance(data, set | frozenset), "A set has no order: give a list."),
    (lambda data: hasattr(data, "read"), "Give the path of the open file."),
    (callable, "Call the function, and give what it returns."),
)


def unusable(data: Any) -> InputError:
    """Return an error that says what to give instead of something that is not a table."""
    return InputError(
        f"data is a {_kind(data)}, which is not a table: give a pandas DataFrame, an Arrow table, a list of "
        f"dictionaries, or the path of Parquet, CSV or JSONL files.{_advice(data)}"
    )


def foreign_columns(data: Any, types: Sequence[str]) -> InputError:
    """Return an error for a table with columns of types that Arrow does not have."""
    return InputError(
        f"data is a {_kind(data)} with columns of a type that Arrow does not have: {', '.join(types)}. Cast them to "
        "another type, such as text."
    )


def unusable_list(items: Collection[Any]) -> InputError:
    """Return an error that says what to give instead of a list of neither rows, tables nor paths."""
    first = next(iter(items))
    if isinstance(first, list | tuple) and first and all(isinstance(row, Mapping) for row in first):
        return InputError(
            f"data is a list of {counted(len(items), 'list')} of rows: join them with "
            "first.output.concat(second.output), or import each in a task of its own with .expand(data=...)."
        )
    return InputError(
        f"Row 0 of the list is a {type(first).__name__}, not a dictionary of its columns.{_names_for(first)}"
    )


def unusable_item(place: int, item: Any) -> InputError:
    """Return an error for one of several tables that is not a table.

    :param place: of the item, from 0.
    """
    return InputError(
        f"Item {place:,} of data is a {type(item).__name__}, not a table like others: give tables only, paths only, or "
        f"dictionaries of columns only.{_advice(item)}{_names_for(item)}"
    )


def _advice(data: Any) -> str:
    return next((f" {advice}" for applies, advice in _ADVICE if applies(data)), "")


def _names_for(row: Any) -> str:
    names = " Name the columns with pandas.DataFrame(data, columns=[...])."
    return names if isinstance(row, list | tuple) and not any(isinstance(value, Mapping) for value in row) else ""


def _kind(data: Any) -> str:
    return f"{type(data).__module__}.{type(data).__qualname__}"
