"""``python -m airflow_provider_socialscrm``: commands for a person, without Airflow."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from airflow_provider_socialscrm.commands import INTERRUPTED, USAGE
from airflow_provider_socialscrm.commands.check_options import add_check
from airflow_provider_socialscrm.commands.check_pairs import with_pairs
from airflow_provider_socialscrm.commands.explain import add_explain
from airflow_provider_socialscrm.commands.explain import run as explain
from airflow_provider_socialscrm.commands.ledger_options import add_ledger

PROGRAM: Final = "python -m airflow_provider_socialscrm"

DESCRIPTION: Final = f"""\
Import customers from a table into SocialsCRM, a WhatsApp CRM, with Airflow.

  {PROGRAM} check customers.csv
      show what an import of your own file would send, and what it would not

  {PROGRAM} ledger show PATH
      show, verify or compact a ledger, or forget customers

  {PROGRAM} explain 522
      say what an error means and what to do, by its code or words

  {PROGRAM}.sandbox
      run a SocialsCRM on this machine that a DAG can import into

Each has --help.
"""


class Parser(ArgumentParser):
    """Reports an error in one line."""

    def parse_known_args(self, *arguments: Any, **named: Any) -> Any:
        """Parse, and report what is not known here, where the options are."""
        given, unknown = super().parse_known_args(*arguments, **named)
        if unknown:
            self.error(f"unrecognized arguments: {shlex.join(unknown)}; repeat an option for each of its values")
        return given, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with the message and the code for wrong usage."""
        self.exit(USAGE, f"{message} (see --help)\n")


def command_parser() -> ArgumentParser:
    """Return the parser of all commands. Each one sets ``run`` to a function of the parsed command line."""
    parser = ArgumentParser(prog=PROGRAM, description=DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    add_check(commands).set_defaults(run=_check)
    add_ledger(commands).set_defaults(run=_ledger)
    add_explain(commands).set_defaults(run=explain)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = command_parser()
    argv = sys.argv[1:] if arguments is None else [*arguments]
    given = parser.parse_args(with_pairs(argv), Namespace(argv=argv))
    if "run" not in given:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Nothing was sent.\n")
        return INTERRUPTED


def _check(given: Namespace) -> int:
    from airflow_provider_socialscrm.commands.check import run  # noqa: PLC0415 - heavy, and --help needs none of it

    return run(given)


def _ledger(given: Namespace) -> int:
    from airflow_provider_socialscrm.commands.ledger import run  # noqa: PLC0415 - heavy, and --help needs none of it

    return run(given)


if __name__ == "__main__":
    sys.exit(main())
