"""``python -m airflow_provider_socialscrm.sandbox``: a local SocialsCRM until Ctrl-C or SIGTERM."""

from __future__ import annotations

import errno
import signal
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec

from .command_line import faults_of, parser, settings_of
from .faults import FaultError
from .server import Sandbox
from .settings import SettingsError

if TYPE_CHECKING:
    from argparse import Namespace

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
EXIT_CANNOT_START = 2
"""Exit code when the sandbox cannot start as asked; argparse uses the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sandbox until it is told to stop, and return the exit code."""
    options = parser().parse_args(arguments)
    # Blocked before any thread starts, so that sigwait below is the one place where they arrive.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    with ExitStack() as running:
        try:
            sandbox = running.enter_context(_started(options))
        except (SettingsError, FaultError, OSError, sqlite3.Error) as error:
            _say(f"the sandbox cannot start: {_reason(error, options)}", to_errors=True)
            return EXIT_CANNOT_START
        _announce(sandbox)
        signal.sigwait(STOP_SIGNALS)
    return 0


@contextmanager
def _started(options: Namespace) -> Iterator[Sandbox]:
    settings, faults = settings_of(options), faults_of(options)
    sandbox = Sandbox(settings, host=options.host, port=options.port, database=options.database, seed=options.seed)
    for fault in faults:
        sandbox.inject(**msgspec.to_builtins(fault))
    with sandbox:
        yield sandbox


def _announce(sandbox: Sandbox) -> None:
    settings = sandbox.settings
    if not _is_loopback(sandbox.host):
        _say(
            f"warning: {sandbox.host} can be reached from other machines; the sandbox protects nothing", to_errors=True
        )
    _say(f"SocialsCRM sandbox ready on {sandbox.url}, tenant {settings.tenant_id}, agents {', '.join(settings.agents)}")
    connection = sandbox.connection_json(password="<ApiKey>")  # noqa: S106 - a placeholder
    _say(f"Airflow connection: AIRFLOW_CONN_SOCIALSCRM_DEFAULT='{connection}'")
    _say("Ctrl-C stops it.")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: Exception, options: Namespace) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {options.port} on {options.host} is in use; choose another --port"
    if isinstance(error, OSError):
        return (
            f"{options.host}:{options.port} cannot be listened on ({error.strerror}); choose another --host or --port"
        )
    if isinstance(error, sqlite3.Error):
        return f"--database {options.database}: {error}; give the path of an SQLite file in an existing folder"
    return str(error)


def _say(line: str, *, to_errors: bool = False) -> None:
    stream = sys.stderr if to_errors else sys.stdout
    stream.write(f"{line}\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
