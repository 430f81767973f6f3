"""Run an import in a process of its own; the one argument is a JSON object with all it needs.

The process prints ``ready``, waits until its input is closed, and exits with 0 when the import is complete.
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
    arguments = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO)
    settings = Settings(arguments["url"], "1", arguments["key"], "agent_wang", pace_url=arguments["pace_url"])
    options = Options(arguments["rows_per_call"], parallel_tasks=arguments["tasks"])
    numbers = [
        f"8613{arguments['number']}{position:08}" for position in range(arguments["calls"] * arguments["rows_per_call"])
    ]
    with closing(Client(settings, connections=options.concurrency)) as client:
        run = Import(open_source(pa.table({"whatsApp": numbers})), client, options)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        run.run()


main()
