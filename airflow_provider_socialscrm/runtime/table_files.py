"""Small tables as files that are there as a whole or not at all, and that only their owner may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.importer.whole_files import write_whole

if TYPE_CHECKING:
    import pyarrow as pa


def write_table(path: Any, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Write rows to a Parquet, CSV or JSONL file, in whose place there is another one, or none, until it is complete.

    :param path: of the file; its folder is made.
    :param columns: ``string`` or ``int64``, by the column's name.
    :raises OSError: if it cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns.items()])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema)
    write_whole(path, lambda file: _write(file, table, path.suffix.lower()))


def _write(file: Any, table: pa.Table, ending: str) -> None:
    if ending == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - only those who write Parquet pay for it

        pq.write_table(table, file)
        return
    from airflow_provider_socialscrm.importer.results.dead_letter_formats import WRITERS  # noqa: PLC0415 - heavy

    if ending == ".csv":
        import pyarrow as pa  # noqa: PLC0415 - heavy

        table = table.cast(pa.schema([(name, pa.string()) for name in table.schema.names]))
    writer = WRITERS[ending](file, table.schema)
    writer.write(table)
    writer.close()
