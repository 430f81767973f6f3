"""The options of ``python -m airflow_provider_socialscrm.sandbox``: each setting has one, named after it."""

from __future__ import annotations

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from typing import Any

from .faults import KINDS, Fault, FaultError, parse_fault
from .settings import FIELD_TYPES, SandboxSettings, SettingsError, description
from .store import IN_MEMORY

DEFAULT_PORT = 8765
"""Our choice: a port that neither Airflow nor its usual databases use."""

LISTS = ("admins", "agents")
"""Settings given as names between commas."""


def parser() -> ArgumentParser:
    """Return the parser of the command line."""
    made = ArgumentParser(
        prog="python -m airflow_provider_socialscrm.sandbox",
        description="Run a local SocialsCRM for demonstrations and tests.",
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on; 0 takes a free one")
    made.add_argument("--database", default=IN_MEMORY, metavar="PATH", help="SQLite file that keeps the customers")
    made.add_argument("--seed", type=int, default=0, help="seed for faults that have a rate")
    made.add_argument(
        "--latency", metavar="SECONDS", help="let every call wait; short for --fault kind=latency,seconds=SECONDS"
    )
    fault_help = (
        f"put a fault in force, such as kind=http,status=503,rate=0.1; may be repeated; kinds: {', '.join(KINDS)}"
    )
    made.add_argument("--fault", action="append", default=[], metavar="KIND", help=fault_help)
    _add_settings(made)
    return made


def settings_of(options: Namespace) -> SandboxSettings:
    """Return the settings that a command line asks for.

    :raises SettingsError: when a value does not fit its setting
    """
    given = {name: value for name, value in vars(options).items() if name in FIELD_TYPES}
    for name in LISTS:
        if isinstance(given.get(name), str):
            given[name] = [login.strip() for login in given[name].split(",")]
    if options.extension_field:
        given["extension_fields"] = dict(_pair(text) for text in options.extension_field)
    return SandboxSettings().changed(given, strict=False)


def faults_of(options: Namespace) -> list[Fault]:
    """Return the faults that a command line asks for.

    :raises FaultError: when a kind does not exist, or an option does not fit it
    """
    latency = [] if options.latency is None else [f"kind=latency,seconds={options.latency}"]
    return [parse_fault(_fault_rule(text), strict=False) for text in [*latency, *options.fault]]


def _add_settings(made: ArgumentParser) -> None:
    defaults = SandboxSettings()
    for name in (name for name in FIELD_TYPES if name != "extension_fields"):
        default = getattr(defaults, name)
        shown = ",".join(default) if name in LISTS else default
        made.add_argument(f"--{name.replace('_', '-')}", dest=name, default=shown, help=description(name))
    configured = " ".join(f'"{name}={kind}"' for name, kind in defaults.extension_fields.items())
    field_help = f"an extension field and its type; may be repeated; without it {configured}"
    made.add_argument("--extension-field", action="append", metavar="NAME=TYPE", help=field_help)


def _pair(text: str) -> tuple[str, str]:
    name, equals, kind = text.partition("=")
    if not equals:
        raise SettingsError(f"--extension-field {text!r}: give NAME=TYPE, such as 'Last Order=date'")
    return name, kind


def _fault_rule(text: str) -> dict[str, Any]:
    parts = [part.partition("=") for part in text.split(",")]
    if not all(equals for _name, equals, _value in parts):
        raise FaultError(f"--fault {text!r}: give name=value between commas, such as kind=latency,seconds=0.2")
    return {name.strip(): value.strip() for name, _equals, value in parts}
