"""Measures an export of a million messages from a sandbox: speed, and memory over idle. Run by ``make benchmarks``.

The sandbox is a process of its own. Each format is measured in a fresh process. Linux only, for its account of memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from common import KEY, begin_peak, peak, sandbox, say

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.paces import Paces
from airflow_provider_socialscrm.api.repeats import perform
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.chats.export import ChatExport
from airflow_provider_socialscrm.chats.options import chat_options

MESSAGES: Final = 1_000_000
AGENTS: Final = 4
PAGE_SIZE: Final = 1_000
MIB: Final = 2**20
DAY: Final = datetime(2025, 1, 1, tzinfo=UTC)
MOST_MEMORY: Final = 150
"""MiB over idle that an export may take."""


def main(messages: int = MESSAGES) -> None:
    """Print one table."""
    say("what", "figure")
    options = ("--chats-per-day", str(messages // AGENTS), "--chat-page-size", str(PAGE_SIZE))
    with sandbox(*options, "--calls-per-second", "100000") as url, tempfile.TemporaryDirectory() as folder:
        for ending in ("parquet", "csv", "jsonl"):
            command = [sys.executable, __file__, url, f"{folder}/chats.{ending}", str(messages)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            figures = json.loads(done.stdout)
            say(f"{figures['rows']:,} messages into {ending}, {figures['pages']:,} pages of {PAGE_SIZE:,}", "")
            say("  messages a second, the sandbox's work included", f"{figures['rows'] / figures['wall']:,.0f}")
            say("  CPU time of the export", f"{figures['cpu']:.1f} s")
            say(f"  memory over idle (at most {MOST_MEMORY} MiB)", f"{figures['memory'] / MIB:.0f} MiB")
            say("  size of the file", f"{figures['bytes'] / MIB:.0f} MiB")


def measure(url: str, path: Path, messages: int) -> None:
    """Export, and print the figures."""
    settings = Settings(url, "1", KEY, "agent_wang", AuthScheme.HEADER, calls_per_second=100_000.0)
    run(settings, path.with_name(f"warm-up{path.suffix}"), timedelta(seconds=5))
    idle, wall, cpu = begin_peak(), time.perf_counter(), time.process_time()
    manifest = run(settings, path, timedelta(days=1))
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    figures |= {"memory": peak() - idle, "bytes": path.stat().st_size}
    assert manifest["rows"] == messages, manifest
    sys.stdout.write(json.dumps(figures | {"rows": manifest["rows"], "pages": manifest["pages"]}))


def run(settings: Settings, path: Path, length: timedelta) -> dict[str, int]:
    """Export an interval."""
    options = chat_options(DAY, DAY + length, now=datetime.now(UTC), page_size=PAGE_SIZE)
    with closing(Client(settings)) as client, closing(Paces(settings)) as paces:
        return ChatExport(lambda request: perform(request, client, paces), settings, options, path).run()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
