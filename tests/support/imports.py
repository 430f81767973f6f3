"""Imports as tests run them, and what one reads of them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import refusal
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.run import Import

FIRST_NUMBER = 8613800000000
OFFLINE = Settings("http://localhost:1", "1", "KEY", "agent", calls_per_second=1_000_000)
"""Settings of a client that reaches nobody."""


class OfflineCrm(Client):
    """Takes each call but those with a row that it refuses, without a wire.

    :param refuse: returns the code with which a row is refused, 0 if it is not.
    :param text: what the CRM says with each code.
    """

    def __init__(
        self, refuse: Callable[[dict[str, str]], int] = lambda _: 0, text: str = "", settings: Settings = OFFLINE
    ) -> None:
        super().__init__(settings)
        self._refuse = refuse
        self._text = text
        self.calls: list[int] = []
        """How many rows each call carried."""

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:  # noqa: ARG002 - as called
        self.calls.append(len(rows))
        for row in rows:
            if code := self._refuse(msgspec.json.decode(row)):
                raise refusal(look_up(code, self._text, family=Family.IMPORT))
        return ""


def number_of(place: int) -> str:
    """Return the number of the customer at a place of the input."""
    return str(FIRST_NUMBER + place)


def place_of(row: dict[str, str]) -> int:
    """Return the place in the input of the customer with a number of :func:`number_of`."""
    return int(row["whatsApp"]) - FIRST_NUMBER


def table_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return rows as a table of texts, with the columns in the order in which they first come."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def run_through(run: Import) -> Import:
    """Run an import and close its client, whatever happens."""
    try:
        run.run()
    finally:
        run._client.close()
    return run


def failure_of(run: Import) -> Exception | None:
    """Run an import and return what stopped it."""
    try:
        run_through(run)
    except Exception as failure:  # noqa: BLE001 - each test says which it expects
        return failure
    return None


def counts_of(run: Import) -> dict[str, int]:
    """Return how many rows are in each bucket that has any, which together are all rows."""
    rows = run.manifest()["rows"]
    total = rows.pop("total")
    assert total == sum(rows.values())
    return {name: count for name, count in rows.items() if count}


def rejected_rows(path: Path) -> list[tuple[int, str, str]]:
    """Return position, bucket and code of each row in a dead letter, by position."""
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    return sorted(
        (int(line["socialscrm_position"]), line["socialscrm_bucket"], line["socialscrm_code"]) for line in lines
    )
