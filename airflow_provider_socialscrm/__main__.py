"""``python -m airflow_provider_socialscrm``: what a person can do by hand, without Airflow."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Final

from airflow_provider_socialscrm.commands import check_arguments
from airflow_provider_socialscrm.commands.exits import ARGUMENTS, INTERRUPTED

PROGRAM: Final = "python -m airflow_provider_socialscrm"

DESCRIPTION: Final = f"""\
Customers from a table into SocialsCRM, a WhatsApp CRM, by Apache Airflow.

  {PROGRAM} check customers.csv
      look at your own file: what an import would send, and what it would not

  {PROGRAM}.sandbox
      run a SocialsCRM on this machine, for a DAG to import into

Each has --help.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command is None:
        parser.print_help(sys.stderr)
        return ARGUMENTS
    try:
        return _check(asked)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Nothing was sent.\n")
        return INTERRUPTED


def _parser() -> ArgumentParser:
    made = ArgumentParser(prog=PROGRAM, description=DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    commands = made.add_subparsers(dest="command", title="commands", parser_class=check_arguments.Parser)
    check = commands.add_parser(
        "check",
        usage=f"{PROGRAM} check [option ...] FILE",
        help="say what an import of a file would do; no call is made",
        description=check_arguments.DESCRIPTION,
        epilog=check_arguments.EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    check_arguments.add_to(check)
    return made


def _check(asked: Namespace) -> int:
    from airflow_provider_socialscrm.commands.check import run  # noqa: PLC0415 - heavy, and --help needs none of it

    return run(asked)


if __name__ == "__main__":
    sys.exit(main())
