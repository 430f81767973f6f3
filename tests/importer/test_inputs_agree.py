"""The same customers give the same calls, byte for byte, whatever they come in as."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.client import ServerClock
from airflow_provider_socialscrm.api.customers import import_path
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source

ROWS = 3_000
WORDS = ["Ann", "\u674e\u5c0f\u9f99", 'O\'Neil "Bo"', "Zoe\u0308", "a\\b", None]


def customers() -> pa.Table:
    """Return rows of every kind of column that all forms can hold, some of them faulty or repeated.

    No number is a whole float: pandas writes 1.0 into a CSV file, which is a text there and stays one.
    """
    numbers = [8_615_000_000_000 + n // 2 if n % 200 == 1 else 8_615_000_000_000 + n for n in range(ROWS)]
    days = [dt.date(1950, 1, 1) + dt.timedelta(days=n % 20_000) if n % 7 else None for n in range(ROWS)]
    return pa.table(
        {
            "whatsApp": pa.array([None if n % 297 == 0 else number for n, number in enumerate(numbers)], pa.int64()),
            "agentAccount": [f"agent_{n % 3}" for n in range(ROWS)],
            "friendName": [WORDS[n % len(WORDS)] and f"{WORDS[n % len(WORDS)]} {n}" for n in range(ROWS)],
            "sex": [("male", "Female", None)[n % 3] for n in range(ROWS)],
            "birthday": pa.array(days, pa.date32()),
            "tabName": [("VIP, New", "VIP", None)[n % 3] for n in range(ROWS)],
            "welcome": [f"Hello {n}" if n % 300 == 7 else None for n in range(ROWS)],
            "Points": pa.array([None if n % 5 == 0 else n + 0.25 for n in range(ROWS)], pa.float64()),
            "Level": pa.array([("Gold", "Tin", None)[n % 3] for n in range(ROWS)]).dictionary_encode(),
        }
    )


def numpy_frame(table: pa.Table) -> pd.DataFrame:
    """Return a frame as pandas 2 makes it: text and dates are objects, numbers with gaps floats."""
    frame = table.to_pandas()
    return frame.astype(dict.fromkeys(("agentAccount", "friendName", "sex", "tabName", "welcome"), object))


def csv_file(table: pa.Table, folder: Path) -> Path:
    path = folder / "customers.csv"
    table.to_pandas().to_csv(path, index=False)
    return path


def jsonl_file(table: pa.Table, folder: Path) -> Path:
    path = folder / "customers.jsonl"
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()), encoding="utf-8")
    return path


def parquet_file(table: pa.Table, folder: Path) -> Path:
    path = folder / "customers.parquet"
    pq.write_table(table, path, row_group_size=1_234)
    return path


def parquet_parts(table: pa.Table, folder: Path) -> Path:
    for part, start in enumerate(range(0, table.num_rows, 10_000)):
        pq.write_table(table.slice(start, 10_000), folder / f"part-{part:05}.parquet")
    return folder / "part-*.parquet"


FORMS = {
    "pandas with NumPy types": lambda table, _: numpy_frame(table),
    "pandas' own choice of types": lambda table, _: table.to_pandas(),
    "pandas with nullable types": lambda table, _: table.to_pandas().convert_dtypes(),
    "pandas with Arrow types": lambda table, _: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda table, _: polars.from_arrow(table),
    "duckdb": lambda table, _: duckdb.from_arrow(table),
    "arrow table": lambda table, _: table,
    "arrow reader": lambda table, _: table.to_reader(max_chunksize=777),
    "list of dictionaries": lambda table, _: table.to_pylist(),
    "parquet": parquet_file,
    "parquet by pattern": parquet_parts,
    "csv": csv_file,
    "jsonl": jsonl_file,
}


class RecordingClient:
    """Takes every call and keeps what it carried."""

    def __init__(self, scheme: AuthScheme) -> None:
        self.settings = Settings("http://127.0.0.1", "1", "key", "agent_wang", scheme, calls_per_second=1e9)
        self.clock = ServerClock()
        self.rows_name_agents = scheme is AuthScheme.HEADER
        self.rows_path = import_path(scheme)
        self.calls: list[tuple[str | None, tuple[bytes, ...]]] = []

    def envelope_size(self, agent: str | None) -> int:
        return 100 + len(agent or "")

    def import_customers(self, rows: list[bytes], *, agent: str | None) -> str:
        self.calls.append((agent, tuple(rows)))
        return ""


def calls_of(data: Any, scheme: AuthScheme) -> tuple[list[Any], dict[str, Any]]:
    client = RecordingClient(scheme)
    run = Import(open_source(data), client, Options(concurrency=1, max_rejected=0.5))
    run.run()
    return client.calls, run.manifest()["rows"]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("scheme", list(AuthScheme))
@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_make_the_same_calls_in_every_form(form, scheme, tmp_path, expected_calls):
    table = customers()
    calls, rows = calls_of(FORMS[form](table, tmp_path), scheme)
    expected, expected_rows = expected_calls[scheme]
    assert rows == expected_rows
    assert calls == expected


@pytest.fixture(scope="module")
def expected_calls():
    found = {scheme: calls_of(customers(), scheme) for scheme in AuthScheme}
    for calls, rows in found.values():
        assert rows["accepted"] == sum(len(bodies) for _, bodies in calls) > 0.9 * ROWS
        assert rows["invalid"] > 5
        assert rows["duplicate"] > 5
    return found


def prepared(data: Any) -> SimpleNamespace:
    """Return what would be sent of a table, row by row, and what would not."""
    rules = Rules(defaults={"whatsApp": "8615266667780"}, duplicates="send", extension_fields="all")
    reader = InputReader(open_source(data), Options(rules=rules), agent_in_row=False, envelope=lambda _: 0)
    reader.read()
    found = list(reader.prepared_batches())
    return SimpleNamespace(
        sent={row.position: json.loads(row.body, parse_constant=pytest.fail) for each in found for row in each.rows},
        refused={row.position: [reason.code for reason in row.reasons] for each in found for row in each.invalid},
    )


TEXT = st.text(max_size=6)
SERIES = {
    "object": st.lists(st.one_of(st.none(), TEXT, st.integers(), st.booleans(), st.floats()), min_size=1, max_size=5),
    "string": st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6)), min_size=1),
    "int64": st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    "Int64": st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1),
    "float64": st.lists(st.floats(), min_size=1),
    "float32": st.lists(st.floats(width=32), min_size=1),
    "boolean": st.lists(st.one_of(st.none(), st.booleans()), min_size=1),
    "datetime64[us]": st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=1),  # noqa: DTZ001
    "category": st.lists(st.one_of(st.none(), st.sampled_from(["a", "b,c", " "])), min_size=1),
    "decimal128(20, 3)[pyarrow]": st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1),
    "list<item: string>[pyarrow]": st.lists(st.lists(st.sampled_from(["a", "b,c", ""])), min_size=1),
    "binary[pyarrow]": st.lists(st.binary(max_size=3), min_size=1),
}
ARROW_TYPES = {
    "decimal128(20, 3)[pyarrow]": pa.decimal128(20, 3),
    "list<item: string>[pyarrow]": pa.list_(pa.string()),
    "binary[pyarrow]": pa.binary(),
}
frames = st.sampled_from(sorted(SERIES)).flatmap(lambda kind: st.tuples(st.just(kind), SERIES[kind]))


def series_of(kind: str, values: list[Any]) -> pd.Series:
    if kind in ARROW_TYPES:
        return pd.Series(pd.array(values, dtype=pd.ArrowDtype(ARROW_TYPES[kind])))
    series = pd.Series([None] * len(values), dtype=object)
    for place, value in enumerate(values):
        series.iat[place] = value
    return series if kind == "object" else series.astype(kind)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames)
def test_any_frame_gives_the_same_rows_through_every_form_and_nothing_of_its_machine_form(tmp_path, frame):
    kind, values = frame
    table = pd.DataFrame({"Value": series_of(kind, values)})
    found = prepared(table)

    assert sorted([*found.sent, *found.refused]) == list(range(len(values)))
    for position, row in found.sent.items():
        check_text(kind, values[position], row.get("Value"))
    if kind != "object":  # values of several types are what Arrow's forms cannot hold
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        pq.write_table(arrow, tmp_path / "frame.parquet")
        forms = [arrow, tmp_path / "frame.parquet", polars.from_arrow(arrow)]
        if kind != "float32":  # as Python's float it has the digits of 64 bits
            forms.append(arrow.to_pylist())
        assert [vars(prepared(form)) for form in forms] == [vars(found)] * len(forms)


def check_text(kind: str, value: Any, text: str | None) -> None:
    """Check that a text is what the rules say of a value, as far as one can say it in a line."""
    if isinstance(value, float | np.floating) and np.isnan(value):
        assert text is None
    elif isinstance(value, bool):
        assert text == str(value).lower()
    elif isinstance(value, int):
        assert text == str(value)
    elif isinstance(value, float):
        of_kind = np.float32 if kind == "float32" else float  # NumPy 1 compares a float32 as the float64 it is not
        assert of_kind(text or "nan") == of_kind(value)
        assert not (text or "").endswith(".0")
    elif isinstance(value, Decimal):
        assert Decimal(text or "NaN") == value
    elif isinstance(value, dt.datetime):
        assert text == value.strftime("%Y/%m/%d")
    elif isinstance(value, list):
        assert (text or "") == ",".join(filter(None, value))
    elif value is None:
        assert text is None
