"""Read columns from the path of a file, as Hive and Spark write them: ``stage=New/part-0.parquet``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import Batch

OF_A_TASK: Final = ("dag_id", "run_id", "task_id")
"""Folders that a task of ours makes for its file, one in the other; a mapped task adds ``map_index``."""

MISSING: Final = "__HIVE_DEFAULT_PARTITION__"
"""Value of Hive and Spark for rows that have none."""


def partitions_of(path: Any) -> dict[str, str | None]:
    """Return the columns that the folders of a path name, with their values; ``None`` is a missing one.

    The folders that a task of ours makes for its output are not columns.

    :param path: of a file, on this machine or in object storage.
    :raises InputError: when two folders give one column different values.
    """
    _, scheme, place = str(path).rpartition("://")
    folders = place.split("/")[bool(scheme) : -1]  # after a scheme comes a bucket, perhaps with a connection's id
    found: dict[str, str | None] = {}
    for folder in _without_those_of_a_task(folders):
        name, equals, text = folder.partition("=")
        if not (name and equals):
            continue
        name, value = unquote(name), None if text in {"", MISSING} else unquote(text)
        if found.setdefault(name, value) != value:
            raise InputError(f"{path} is in two folders called {name}= with different values: rename one of them.")
    return found


def _without_those_of_a_task(folders: list[str]) -> list[str]:
    names = [folder.partition("=")[0] for folder in folders]
    for first in range(len(names)):
        behind = first + len(OF_A_TASK)
        if tuple(names[first:behind]) == OF_A_TASK:
            return folders[:first] + folders[behind + (names[behind : behind + 1] == ["map_index"]) :]
    return folders


def with_partitions(batch: Batch, values: Mapping[str, str | None]) -> Batch:
    """Return rows with added columns, each of one value.

    :param batch: rows without these columns. A row without any value stays blank.
    :param values: the values, by column name.
    """
    if not values:
        return batch
    records = batch.records
    filled = _has_values(records)
    for name, value in values.items():
        column = pc.if_else(filled, pa.scalar(value, pa.string()), pa.scalar(None, pa.string()))
        records = records.append_column(name, column)
    return replace(batch, records=records)


def _has_values(records: pa.RecordBatch) -> pa.Array:
    return reduce(pc.or_, map(_is_filled, records.columns), pa.array([False] * records.num_rows, pa.bool_()))


def _is_filled(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False)
    return pc.is_valid(column)
