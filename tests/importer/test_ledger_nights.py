"""Many nights of random edits, faults and stops: the CRM has the last input wherever the report says so."""

from __future__ import annotations

import random
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.retry import Clock, RetryLimits
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.errors import ImporterError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import number_of, table_of
from tests.support.ledger_imports import START
from tests.support.sandbox import settings_of

NIGHTS = 50
CUSTOMERS = 150
FAULTS: list[dict[str, Any]] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncated"},
    {"kind": "not_json"},
    {"kind": "http", "status": 503},
    {"kind": "http", "status": 503, "commit": True},
    {"kind": "code", "code": 517},
    {"kind": "code", "code": 517, "commit": True},
    {"kind": "code", "code": 522},
]


class Nights:
    """A sync each night, of customers that people edit.

    :param crm: the sandbox, with its faults.
    :param folder: for the ledger and the dead letters.
    :param chance: decides on edits, faults and stops.
    """

    def __init__(self, crm: Sandbox, folder: Path, chance: random.Random) -> None:
        self.crm, self.folder, self.chance = crm, folder, chance
        self.rows = {place: self.new_row(place) for place in range(CUSTOMERS)}
        self.now = START
        self.night = 0

    def new_row(self, place: int) -> dict[str, str | None]:
        kind = self.chance.random()
        return {
            "whatsApp": "none" if kind < 0.02 else number_of(place),
            "friendName": f"name {self.chance.randrange(1000)}",
            "Loyalty Level": "Tin" if 0.02 <= kind < 0.06 else "Gold",
            "welcome": "Hello" if kind > 0.9 else None,
        }

    def edit(self) -> None:
        for place in self.chance.sample(range(CUSTOMERS), self.chance.randrange(20)):
            if place in self.rows and self.chance.random() < 0.2:
                del self.rows[place]
            else:
                self.rows[place] = self.new_row(place)

    def run(self, *, with_faults: bool = True) -> Import:
        """Run a night's tries, of which faults and stops end some, and return the last."""
        self.edit()
        self.night += 1
        self.rejects = self.folder / f"{self.night}.jsonl"
        store = MemoryCheckpointStore()
        for number in range(self.chance.randrange(1, 4) if with_faults else 1):
            self.now += 60
            self.crm.faults.clear()
            if with_faults and self.chance.random() < 0.7:
                fault = self.chance.choice(FAULTS)
                self.crm.inject(**fault, rate=self.chance.choice([0.1, 0.5]), after=self.chance.randrange(5))
            if number and self.chance.random() < 0.2:
                store = MemoryCheckpointStore()  # as on Airflow before 3.3
            run = self.one_try(store, most_saves=40 if with_faults else 10**9)
            if run is not None and with_faults and self.chance.random() < 0.3:
                store.clear()
        return run

    def one_try(self, store: MemoryCheckpointStore, most_saves: int) -> Import:
        client = Client(settings_of(self.crm, "body"), connections=4)
        saves = self.chance.randrange(1, most_saves)
        table = table_of([self.rows[place] for place in sorted(self.rows)])
        with closing(client):
            run = Import(
                replace(open_source(table), batch_rows=40),
                client,
                Options(
                    self.chance.choice([1, 5, 30]),
                    concurrency=self.chance.choice([1, 4]),
                    max_rejected=None,
                    rules=Rules(extension_fields=ALL),
                    retry_limits=RetryLimits(attempts=3, first_wait=0.001, longest_wait=0.002, budget=8, outage=0.0),
                    clock=Clock(time=lambda: self.now),
                    save_interval=0.0,
                ),
                self.rejects,
                store,
                identity=ImportIdentity("sync", "crm", f"night {self.night}"),
                ledger=Ledger(self.folder / "ledger"),
            )
            store._on_save = lambda _: run.stop() if len(store.texts) == saves else None
            with suppress(SocialSCRMError, ImporterError):
                run.run()
        return run

    def stored(self) -> dict[str, dict[str, Any]]:
        return {one["whatsApp"]: one for one in self.crm.customers()}


@pytest.mark.thorough
@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.thorough), pytest.param(3, marks=pytest.mark.thorough)]
)
def test_after_each_night_the_crm_has_what_the_report_says_and_nobody_is_welcomed_twice(crm, tmp_path, seed):
    nights = Nights(crm, tmp_path, random.Random(seed))  # noqa: S311 - the same in each run

    for _ in range(NIGHTS):
        run = nights.run()
        manifest = run.manifest()

        assert manifest["rows"]["total"] == sum(rows for name, rows in manifest["rows"].items() if name != "total")
        assert [number for number, one in nights.stored().items() if one["welcomes"] > 1] == []
        if manifest["broke_off"] is None:
            refused = set(refused_positions(nights.rejects))
            assert_the_crm_has(nights, [row for place, row in enumerate(in_order(nights)) if place not in refused])

    manifest = nights.run(with_faults=False).manifest()
    refused = set(refused_positions(nights.rejects))
    good = [row for place, row in enumerate(in_order(nights)) if place not in refused]
    assert manifest["broke_off"] is None
    assert_the_crm_has(nights, good)
    assert {row["Loyalty Level"] for row in good if row["whatsApp"] != "none"} == {"Gold"}
    assert len(good) == sum(row["whatsApp"] != "none" and row["Loyalty Level"] == "Gold" for row in in_order(nights))


def in_order(nights: Nights) -> list[dict[str, str | None]]:
    return [nights.rows[place] for place in sorted(nights.rows)]


def refused_positions(path: Path) -> list[int]:
    if not path.exists():
        return []
    return [
        int(row["socialscrm_position"]) for batch in open_source(path).batches() for row in batch.records.to_pylist()
    ]


def assert_the_crm_has(nights: Nights, rows: list[dict[str, str | None]]) -> None:
    stored = nights.stored()
    for row in rows:
        fields = stored[str(row["whatsApp"])]["fields"]
        assert (fields["friendName"], fields["Loyalty Level"]) == (row["friendName"], row["Loyalty Level"])
