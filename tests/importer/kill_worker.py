"""An import in a process of its own, to be killed: its one argument is a JSON object that names all it needs.

It ends with 0 when the import is complete, its manifest written; with 3 when SIGTERM stopped it.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import closing
from pathlib import Path

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.errors import StoppedError
from airflow_provider_socialscrm.importer.options import ALL, Options, Rules
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source


def main() -> int:
    given = json.loads(sys.argv[1])
    settings = Settings(
        given["url"], "1", given["key"], "agent_wang", AuthScheme(given["scheme"]), calls_per_second=100_000.0
    )
    rules = Rules(extension_fields=ALL)
    options = Options(
        given["rows_per_call"],
        concurrency=given["concurrency"],
        max_rejected=1_000_000,
        rules=rules,
        save_interval=given["save_interval"],
    )
    folder = Path(given["folder"])
    with closing(Client(settings, connections=given["concurrency"])) as client:
        store = FileCheckpointStore(folder / "state.json", "the one run")
        run = Import(open_source(folder / "customers.parquet"), client, options, folder / given["rejects"], store)
        signal.signal(signal.SIGTERM, lambda _number, _frame: run.stop())
        try:
            run.run()
        except StoppedError:
            return 3
        (folder / "manifest.json").write_text(json.dumps(run.manifest()), encoding="utf-8")
    return 0


sys.exit(main())
