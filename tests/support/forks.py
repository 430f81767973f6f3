"""Processes that begin as forks of one that has loaded what tests kill: loading takes longer than what they do."""

from __future__ import annotations

import multiprocessing

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.support.killed_nights", "tests.support.killed_ledger"])

PROCESS_TIMEOUT = 60.0
"""Seconds after which a process that does not end is a failure."""
