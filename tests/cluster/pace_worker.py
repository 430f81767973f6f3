"""An import in a separate process, whose one argument is a JSON object with its settings.

It prints ``ready``, waits until its standard input is closed, and exits with 0 when the import is complete.
"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import closing

import pyarrow as pa

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source


def main() -> None:
    given = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO)
    settings = Settings(given["url"], "1", given["key"], "agent_wang", pace_url=given["pace_url"])
    options = Options(given["rows_per_call"], parallel_tasks=given["tasks"])
    numbers = [f"8699{given['number']}{position:07}" for position in range(given["calls"] * given["rows_per_call"])]
    with closing(Client(settings, connections=options.concurrency)) as client:
        run = Import(open_source(pa.table({"whatsApp": numbers})), client, options)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        run.run()


main()
