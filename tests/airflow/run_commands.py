"""Runs commands of Airflow's, each in a fork of this process: loading Airflow takes longer than a small DAG.

Its argument is the file descriptor of a listening socket. A connection brings a command as a line of JSON, and gets the
command's exit code as a line.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import json
import os
import socket
import sys
from pathlib import Path

import httpx
import pyarrow as pa
from airflow import settings
from airflow.__main__ import main
from airflow.cli.commands import dag_command, db_command  # noqa: F401 - here and below: what most commands load
from airflow.sdk.execution_time.supervisor import in_process_api_server
from sqlalchemy.orm import configure_mappers

from airflow_provider_socialscrm.decorators import socialscrm  # noqa: F401
from airflow_provider_socialscrm.importer import run  # noqa: F401
from airflow_provider_socialscrm.importer.fields.country_codes import have_possible_lengths
from airflow_provider_socialscrm.sensors.socialscrm import SocialSCRMOnlineSensor  # noqa: F401


async def build_api() -> None:
    """Let the API to which tasks speak build its routes, which it does at the first request."""
    transport = in_process_api_server().atransport
    async with httpx.AsyncClient(transport=transport, base_url="http://in-process") as client:
        await client.get("/not-there")


def await_command(server: socket.socket) -> dict:
    """Return each command that comes, in a process of its own; its parent sends the exit code."""
    forks = 0
    while True:
        connection, _ = server.accept()
        while forks and os.waitpid(-1, os.WNOHANG)[0]:
            forks -= 1
        if os.fork():
            forks += 1
            connection.close()
            continue
        server.close()
        command = json.loads(connection.makefile().readline())
        if child := os.fork():
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            connection.sendall(f"{code}\n".encode())
            os._exit(0)
        connection.close()
        return command


asyncio.run(build_api())
configure_mappers()
have_possible_lengths(pa.array([8615266660000]))  # reads the plans of all countries
gc.collect()
gc.freeze()  # so that no fork looks through what all of them share

command = await_command(socket.socket(fileno=int(sys.argv[1])))
for name, descriptor in (("stdout", 1), ("stderr", 2)):
    with Path(command[name]).open("wb") as file:
        os.dup2(file.fileno(), descriptor)
faulthandler.dump_traceback_later(command["seconds"], exit=True)
os.environ.update(command["environment"])
settings.configure_vars()  # the DAGs' folder
kind, what, *arguments = command["arguments"]
sys.argv = [what, *arguments]
if kind == "-c":
    exec(what, {"__name__": "__main__"})  # noqa: S102 - the test's own code
else:
    main()
