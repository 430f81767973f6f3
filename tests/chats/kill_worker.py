"""An export in a process of its own, to be killed: its one argument is a JSON object that names all it needs."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.paces import Paces
from airflow_provider_socialscrm.api.repeats import perform
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.chats.export import ChatExport
from airflow_provider_socialscrm.chats.options import chat_options

given = json.loads(sys.argv[1])
settings = Settings(given["url"], "1", given["key"], "agent_wang", AuthScheme.HEADER, calls_per_second=100_000.0)
options = chat_options(given["start"], given["end"], now=datetime.now(UTC), page_size=given["page_size"])
with closing(Client(settings)) as client, closing(Paces(settings)) as paces:
    export = ChatExport(
        lambda request: perform(request, client, paces),
        settings,
        options,
        Path(given["path"]),
        save_interval=given["save_interval"],
    )
    export.run()
