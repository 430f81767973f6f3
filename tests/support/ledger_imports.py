"""Imports with a ledger, and a CRM without a wire that remembers what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import refusal
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.dry_run import Preview, preview_import
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore
from airflow_provider_socialscrm.importer.run import Import, ledger_import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import OFFLINE, OfflineCrm, table_of

START = 1_790_000_000.0
"""A second at which tests begin."""

Rows = Sequence[dict[str, Any]]


class RememberingCrm(OfflineCrm):
    """Takes rows as the CRM does: a field that comes replaces the one it has. It counts each row and each welcome."""

    def __init__(self, refuse: Callable[[dict[str, str]], int] = lambda _: 0, settings: Settings = OFFLINE) -> None:
        super().__init__(refuse, settings=settings)
        self.customers: dict[str, dict[str, str]] = {}
        self.taken: Counter[str] = Counter()
        self.welcomes: Counter[str] = Counter()

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        data = super().import_customers(rows, agent=agent)
        for customer in map(msgspec.json.decode, rows):
            number = customer["whatsApp"]
            self.taken[number] += 1
            self.welcomes[number] += "welcome" in customer
            self.customers[number] = self.customers.get(number, {}) | customer
        return data

    def forget(self) -> None:
        """Forget what was counted; the customers stay."""
        self.taken.clear()
        self.welcomes.clear()
        self.calls.clear()


class FailingAfter(OfflineCrm):
    """Hands so many calls to a CRM, and refuses all others for a wrong key.

    :param crm: takes the calls.
    :param calls: how many.
    """

    def __init__(self, crm: RememberingCrm, calls: int) -> None:
        super().__init__(settings=crm.settings)
        self._crm = crm
        self._left = calls
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        with self._lock:
            self._left -= 1
            if self._left < 0:
                raise refusal(look_up(522, family=Family.IMPORT))
            return self._crm.import_customers(rows, agent=agent)


class Syncs:
    """A sync that runs again and again, each time with the rows of that night.

    :param folder: for the ledger and the other files.
    :param crm: takes the rows.
    """

    def __init__(self, folder: Path, crm: RememberingCrm | None = None, **options: Any) -> None:
        self.folder = folder
        self.crm = crm or RememberingCrm()
        self.now = START
        self.ledger_path: Any = folder / "ledger"
        self._options = {"max_rejected": None, "rules": Rules(extension_fields=ALL)} | options
        self._runs = 0

    def ledger(self, **arguments: Any) -> Ledger:
        return Ledger(self.ledger_path, **arguments)

    def made(
        self,
        rows: Rows,
        ledger: dict[str, Any] | None = None,
        *,
        store: CheckpointStore | None = None,
        run: str | None = None,
        map_index: int | None = None,
        **options: Any,
    ) -> Import:
        """Return the import of a night."""
        self._runs += 1
        self.rejects_path = self.folder / f"rejects-{run or self._runs}.jsonl"
        return Import(
            open_source(table_of(rows)),
            self.crm,
            self.options(**options),
            self.rejects_path,
            store,
            identity=ImportIdentity("sync", "crm", run or f"run {self._runs}", map_index),
            ledger=self.ledger(**ledger or {}),
        )

    def options(self, **changes: Any) -> Options:
        return Options(**self._options | {"clock": Clock(time=lambda: self.now, sleep=lambda _: None)} | changes)

    def sync(self, rows: Rows, **arguments: Any) -> dict[str, Any]:
        """Run the import of a night, an hour after the one before, and return its manifest."""
        self.now += 3600
        self.crm.forget()
        run = self.made(rows, **arguments)
        run.run()
        return run.manifest()

    def preview(self, rows: Rows, **arguments: Any) -> dict[str, Any]:
        """Run a dry run, and return its manifest."""
        return self.previewed(rows, **arguments).manifest()

    def previewed(self, rows: Rows, **arguments: Any) -> Preview:
        """Run a dry run."""
        options = self.options()
        source = open_source(table_of(rows))
        identity = ImportIdentity("sync")
        ledger = ledger_import(self.ledger(**arguments), self.crm.settings, options, identity, source)
        with closing(ledger):
            return preview_import(source, options, self.crm.settings, lambda _: 0, ledger=ledger)


def counts(manifest: dict[str, Any]) -> dict[str, int]:
    """Return the buckets that have rows."""
    return {name: rows for name, rows in manifest["rows"].items() if rows and name != "total"}
