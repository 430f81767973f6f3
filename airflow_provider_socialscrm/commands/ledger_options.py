"""The command lines of ``ledger``. Nothing heavy is imported here, so that ``--help`` is quick."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from argparse import _SubParsersAction

SECRET: Final = "SOCIALSCRM_LEDGER_SECRET"  # noqa: S105 - the name of a variable
"""Environment variable with the secret of a ledger's hashes."""

STDIN: Final = "-"
"""The file that is read from standard input."""

DESCRIPTION: Final = """\
Look after a ledger: what earlier imports had accepted. Imports may run meanwhile.
"""

SHOW: Final = """\
Show a ledger in numbers: customers by their last answer, generations, sizes,
whose customers it is about, and logs that no run has read yet.
"""

VERIFY: Final = """\
Read all files of a ledger, and check sizes, checksums, numbers of rows, the
order of the keys and the buckets. One line for each disagreement.

exit code:
  0  all files agree
  1  some do not
  2  the ledger or an option cannot be used
"""

COMPACT: Final = """\
Put the logs of a ledger into its base, and delete what newer files have
replaced for seven days, and what killed runs left. Imports do it themselves
when it is due.
"""

FORGET: Final = f"""\
Leave customers out of all files of a ledger, old ones included. Numbers may be
written in any way that has one reading. A file has one number a line; with
--file {STDIN} they are read from standard input, and not kept in the shell's history.

A run that is just comparing its input with the ledger stops before its first
call; its retry works. Take the customers out of the input first, or the next
import sends them again.

A ledger with hashes needs their secret: --conn-id names the connection that
has it, or the environment variable {SECRET} has it.
"""


def add_ledger(commands: _SubParsersAction[Any]) -> ArgumentParser:
    """Add the command with its own commands, and return its parser."""
    parser: ArgumentParser = commands.add_parser(
        "ledger",
        help="show, verify or compact a ledger, or forget customers",
        description=DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="action", required=True, parser_class=type(parser)
    )
    show = _add(actions, "show", "show it in numbers", SHOW)
    verify = _add(actions, "verify", "check whether its files agree", VERIFY)
    for each in (show, verify):
        each.add_argument("--json", action="store_true", help="print JSON for a program")
    _add(actions, "compact", "make it smaller", COMPACT)
    forget = _add(actions, "forget", "leave customers out", FORGET)
    forget.add_argument("number", metavar="NUMBER", nargs="?", help="a WhatsApp number, country code first")
    forget.add_argument("--file", metavar="FILE", help=f"a file of numbers, one a line; {STDIN} is standard input")
    region_help = "the country of numbers without a country code, such as CN"
    forget.add_argument("--default-region", metavar="CC", help=region_help)
    forget.add_argument("--conn-id", metavar="ID", help="the connection whose extra ledger_secret has the secret")
    return parser


def _add(actions: _SubParsersAction[Any], name: str, about: str, description: str) -> ArgumentParser:
    parser: ArgumentParser = actions.add_parser(
        name, help=about, description=description, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("path", metavar="PATH", help="the ledger's folder, as in ledger= or Ledger(path)")
    return parser
