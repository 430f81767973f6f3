"""Run a local SocialsCRM until Ctrl-C or SIGTERM: ``python -m airflow_provider_socialscrm.sandbox``.

Each setting has an option of its name.
"""

from __future__ import annotations

import errno
import signal
import sqlite3
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from textwrap import fill

from .connection import PLACEHOLDER, SandboxConnection
from .faults import COMMON_OPTIONS, Fault, FaultError, descriptions, parse_fault_text
from .server import Sandbox
from .settings import FIELD_TYPES, SandboxSettings, SettingsError, description
from .store import IN_MEMORY

DEFAULT_PORT = 8765
"""Our choice: a port that neither Airflow nor its usual databases use."""

NAME_LISTS = ("admins", "agents", "check_order", "service_numbers", "offline", "webhook_names", "groups")
"""Settings given as names between commas."""

MAY_BE_EMPTY = ("service_numbers", "offline", "groups")
"""Of these, the lists that may have no name."""

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
EXIT_CANNOT_START = 2
"""Exit code when the sandbox cannot start with these options; argparse uses the same."""


def main(arguments: Sequence[str] | None = None, *, last_words: Callable[[Sandbox], str] | None = None) -> int:
    """Run a sandbox until a signal stops it, and return the exit code.

    :param last_words: returns what to print at the end of the greeting
    """
    options = _parser().parse_args(arguments)
    # Blocked before any thread starts, so that sigwait below is the one place where they arrive.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    with ExitStack() as running:
        try:
            sandbox = running.enter_context(_sandbox(options))
        except (SettingsError, FaultError, OSError, sqlite3.Error) as error:
            _say(f"the sandbox cannot start: {_reason(error, options)}", to_errors=True)
            return EXIT_CANNOT_START
        _announce(sandbox)
        if last_words is not None:
            _say(f"\n{last_words(sandbox)}")
        signal.sigwait(STOP_SIGNALS)
    return 0


class _Formatter(ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter):
    """Shows defaults, and leaves the lines of the list of faults as they are."""


def _list_of_faults() -> str:
    width = max(map(len, descriptions()))
    kinds = [
        fill(f"{kind:{width}}  {text}", width=100, initial_indent="  ", subsequent_indent=" " * (width + 4))
        for kind, text in descriptions().items()
    ]
    return "\n".join(["kinds of faults:", *kinds, fill(f"Every kind takes {COMMON_OPTIONS}.", width=100)])


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m airflow_provider_socialscrm.sandbox",
        description="Run a local SocialsCRM for demonstrations and tests.",
        formatter_class=_Formatter,
        epilog=_list_of_faults(),
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on; 0 takes a free one")
    host_help = "a further name in the header Host to answer to; may be repeated; '*': every name"
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help=host_help)
    origin_help = "another web page's origin that may use /_sandbox/, such as http://localhost:3000; may be repeated"
    parser.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN", help=origin_help)
    parser.add_argument("--database", default=IN_MEMORY, metavar="PATH", help="SQLite file for the customers")
    key_help = "show an ApiKey that --api-key chose in the greeting and on the page; the default one is always shown"
    parser.add_argument("--show-key", action="store_true", help=key_help)
    parser.add_argument("--seed", type=int, default=0, help="seed for faults that have a rate")
    latency_help = "let every call wait; short for --fault kind=latency,seconds=SECONDS, where per_row adds more"
    parser.add_argument("--latency", metavar="SECONDS", help=latency_help)
    fault_help = "put a fault in force, such as kind=http,status=503,rate=0.1; may be repeated; the kinds are below"
    parser.add_argument("--fault", action="append", default=[], metavar="KIND", help=fault_help)
    defaults = SandboxSettings()
    for name in (name for name in FIELD_TYPES if name != "extension_fields"):
        default = getattr(defaults, name)
        shown = ",".join(default) if name in NAME_LISTS else default
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, default=shown, help=description(name))
    configured = " ".join(f'"{name}={kind}"' for name, kind in defaults.extension_fields.items())
    field_help = f"an extension field and its type; may be repeated; without it {configured}"
    parser.add_argument("--extension-field", action="append", metavar="NAME=TYPE", help=field_help)
    return parser


def _sandbox(options: Namespace) -> Sandbox:
    settings, faults = _settings(options), _faults(options)
    sandbox = Sandbox(
        settings,
        host=options.host,
        port=options.port,
        database=options.database,
        seed=options.seed,
        allow_hosts=options.allow_host,
        allow_origins=options.allow_origin,
        show_key=options.show_key,
    )
    for fault in faults:
        sandbox.faults.add(fault)
    return sandbox


def _settings(options: Namespace) -> SandboxSettings:
    given = {name: value for name, value in vars(options).items() if name in FIELD_TYPES}
    for name in NAME_LISTS:
        if isinstance(given.get(name), str):
            given[name] = [part.strip() for part in given[name].split(",") if part.strip() or name not in MAY_BE_EMPTY]
    if options.extension_field:
        given["extension_fields"] = dict(_name_and_type(text) for text in options.extension_field)
    return SandboxSettings().changed(given, strict=False)


def _name_and_type(text: str) -> tuple[str, str]:
    name, equals, kind = text.partition("=")
    if not equals:
        raise SettingsError(f"--extension-field {text!r}: give NAME=TYPE, such as 'Last Order=date'")
    return name, kind


def _faults(options: Namespace) -> list[Fault]:
    latency = [] if options.latency is None else [f"kind=latency,seconds={options.latency}"]
    return [parse_fault_text(text, "--fault") for text in [*latency, *options.fault]]


def _announce(sandbox: Sandbox) -> None:
    settings = sandbox.settings
    if not _is_loopback(sandbox.host):
        names = ", ".join(sandbox.access.names)
        warning = f"warning: {sandbox.host} can be reached from other machines; the sandbox protects nothing"
        _say(f"{warning}. It answers to these hosts: {names}; --allow-host adds one", to_errors=True)
    _say(f"SocialsCRM sandbox ready on {sandbox.url}, tenant {settings.tenant_id}, agents {', '.join(settings.agents)}")
    _say("Ctrl-C stops it.")
    connection = sandbox.shown_connection()
    _say(f"\nIts connection in Airflow, in four forms. {_how_to_paste(connection)}")
    for title, line in connection.for_shell():
        _say(f"\n{title}:\n{line}")
    _say("\nIn Airflow's form, Admin > Connections > Add Connection:")
    for label, value in connection.as_form():
        _say(f"  {label:17}{value}")


def _how_to_paste(connection: SandboxConnection) -> str:
    if connection.password == PLACEHOLDER:
        return f"Put the ApiKey in place of {PLACEHOLDER}; with --show-key it is printed here."
    return "Each can be pasted as it stands."


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: Exception, options: Namespace) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {options.port} on {options.host} is in use; choose another --port"
    if isinstance(error, OSError):
        return f"cannot listen on {options.host}:{options.port} ({error.strerror}); choose another --host or --port"
    if isinstance(error, sqlite3.Error):
        return f"--database {options.database}: {error}; give the path of an SQLite file in an existing folder"
    return str(error)


def _say(line: str, *, to_errors: bool = False) -> None:
    stream = sys.stderr if to_errors else sys.stdout
    stream.write(f"{line}\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
