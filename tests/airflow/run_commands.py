"""Runs commands of Airflow's in one process, one after the other: loading Airflow takes longer than a small DAG.

Reads a command as a JSON object from each line of stdin, and answers with a line when it has ended.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from airflow.__main__ import main

import airflow_provider_socialscrm.importer.run  # noqa: F401 - loaded by the first task otherwise, in its time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what Airflow prints is its output

for line in sys.stdin:
    request = json.loads(line)
    os.environ.update(request["environment"])
    sys.argv = ["airflow", *request["command"]]
    try:
        main()
    except BaseException:  # noqa: BLE001 - a command exits, or fails in its own way
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    for name in request["environment"]:
        del os.environ[name]
    answers.write("ended\n")
    answers.flush()
