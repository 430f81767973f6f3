"""The options of ``python -m airflow_provider_socialscrm check``: one for each argument of the operator that counts."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from math import inf
from typing import Final, NoReturn

from airflow_provider_socialscrm.api.settings import DEFAULT_CALLS_PER_SECOND, AuthScheme
from airflow_provider_socialscrm.commands.exits import ARGUMENTS
from airflow_provider_socialscrm.importer.options import (
    ALL,
    AMBIGUOUS_NUMBERS,
    BAD_VALUES,
    DEFAULT_BYTES,
    DEFAULT_ROWS,
    DUPLICATES,
    EMPTY,
    ON_INVALID,
)

DESCRIPTION: Final = """\
Say what an import of a file would do: which rows can be sent, which cannot and
why, where each column goes and how values change. No call is made, and neither
Airflow nor a connection is needed. No customer's value is shown.
"""

EPILOG: Final = """\
examples:
  check customers.csv
  check 'exports/*.parquet' --rejects-path rejects.csv
  check customers.csv --column mobile=whatsApp --column remarks= \\
      --default stage='New Customer' --default-region DE
  check customers.csv --extension-field 'Last Order' --date-field 'Last Order' \\
      --values sex:M=male --values sex:F=female --null-value NULL

exit code:
  0  every row can be sent but for duplicates and blank rows, or --max-rejected
     allows the rest
  1  too many rows cannot be sent
  2  the file or an argument cannot be taken
"""

NO_LIMIT: Final = "none"
"""As ``--max-rejected``: any number of rows may be rejected."""

_SCHEMES: Final = tuple(scheme.value for scheme in AuthScheme)


class Parser(ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """End with the sentence and the exit code for wrong arguments."""
        self.exit(ARGUMENTS, f"{message}; --help shows what there is\n")


def add_to(parser: ArgumentParser) -> None:
    """Give a parser the arguments of the command."""
    file_help = "a CSV, JSONL or Parquet file, or in quotes a pattern such as 'exports/*.csv'"
    parser.add_argument("file", metavar="FILE", nargs="+", help=file_help)
    _add_columns(parser)
    _add_values(parser)
    _add_rows(parser)
    _add_text(parser)
    _add_calls(parser)


def _add_columns(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("columns")
    column_help = "the field a column goes to, unless it has its name; 'COLUMN=' leaves it out; may be repeated"
    group.add_argument("--column", action="append", default=[], type=_column, metavar="COLUMN=FIELD", help=column_help)
    default_help = "what a field is where a row has nothing; may be repeated"
    group.add_argument(
        "--default", action="append", default=[], type=_default, metavar="FIELD=VALUE", help=default_help
    )
    extension = group.add_mutually_exclusive_group()
    extension_help = "a column or field beside the API's own to send; may be repeated; without it, none is sent"
    extension.add_argument(
        "--extension-field", dest="extension_fields", action="append", metavar="NAME", help=extension_help
    )
    all_help = "send every column"
    extension.add_argument(
        "--all-extension-fields", dest="extension_fields", action="store_const", const=ALL, help=all_help
    )


def _add_values(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("values")
    values_help = "what a text of a field becomes, as in sex:M=male; 'FIELD:TEXT=' makes it missing; may be repeated"
    group.add_argument(
        "--values", action="append", default=[], type=_replacement, metavar="FIELD:TEXT=VALUE", help=values_help
    )
    null_help = "a text that means a missing value, in any column, such as NULL; may be repeated"
    group.add_argument("--null-value", dest="null_values", action="append", default=[], metavar="TEXT", help=null_help)
    date_help = "an extension field of dates, which are sent as yyyy/MM/dd; may be repeated"
    group.add_argument("--date-field", dest="date_fields", action="append", default=[], metavar="NAME", help=date_help)
    dayfirst_help = "read 01/02/2020 as the first of February, or as the second of January; without it, it is refused"
    group.add_argument("--dayfirst", action=BooleanOptionalAction, help=dayfirst_help)
    region_help = "the country of numbers without country code, such as CN; numbers are then checked thoroughly"
    group.add_argument("--default-region", metavar="CC", help=region_help)
    numbers_help = "what becomes of numbers of that country that can be another country's (default: reject)"
    group.add_argument(
        "--ambiguous-numbers", choices=AMBIGUOUS_NUMBERS, default=AMBIGUOUS_NUMBERS[0], help=numbers_help
    )
    empty_help = (
        f"whether blank values are left out ({EMPTY[0]}, default) or sent as empty texts ({EMPTY[1]}); for one field "
        f"FIELD={EMPTY[1]}, which may be repeated"
    )
    group.add_argument("--empty", action="append", default=[], metavar="{omit,send,FIELD=send}", help=empty_help)


def _add_rows(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("rows")
    bad_help = "reject a row with an optional value that cannot be sent, or omit the value (default: reject)"
    group.add_argument("--bad-values", choices=BAD_VALUES, default=BAD_VALUES[0], help=bad_help)
    duplicates_help = "which row goes of those with one number (default: last)"
    group.add_argument("--duplicates", choices=DUPLICATES, default=DUPLICATES[0], help=duplicates_help)
    invalid_help = "leave out rows that cannot be sent, or send nothing then (default: reject)"
    group.add_argument("--on-invalid", choices=ON_INVALID, default=ON_INVALID[0], help=invalid_help)
    rejected_help = (
        "rows that may be rejected: a number such as 5, a share from 0.0 to 1.0, or none for no limit (default: 0)"
    )
    group.add_argument("--max-rejected", type=_allowed, default=0, metavar="N", help=rejected_help)
    path_help = "write rejected rows and duplicates to this .csv, .jsonl or .parquet file, with the reasons"
    group.add_argument("--rejects-path", metavar="PATH", help=path_help)


def _add_text(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("text files")
    group.add_argument("--encoding", default="utf-8", metavar="NAME", help="how the text is encoded (default: utf-8)")
    delimiter_help = "what stands between the values of a CSV file, such as ';' or tab (default: ,)"
    group.add_argument("--delimiter", default=",", metavar="CHARACTER", help=delimiter_help)


def _add_calls(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("calls")
    scheme_help = "the API's generation: of the connection's field Auth scheme (default: body)"
    group.add_argument("--auth-scheme", choices=_SCHEMES, default=_SCHEMES[0], help=scheme_help)
    rows_help = f"rows a call carries at most (default: {DEFAULT_ROWS})"
    group.add_argument("--rows-per-call", type=int, default=DEFAULT_ROWS, metavar="N", help=rows_help)
    bytes_help = f"bytes a call has at most (default: {DEFAULT_BYTES})"
    group.add_argument("--bytes-per-call", type=int, default=DEFAULT_BYTES, metavar="N", help=bytes_help)
    pace_help = f"the pace, from the connection's field of this name (default: {DEFAULT_CALLS_PER_SECOND:g})"
    group.add_argument("--calls-per-second", type=_pace, default=DEFAULT_CALLS_PER_SECOND, metavar="N", help=pace_help)


def _column(text: str) -> tuple[str, str | None]:
    column, equals, name = text.rpartition("=")  # a column may have = in its name, a field has not
    if not equals:
        raise ArgumentTypeError("give COLUMN=FIELD, as in mobile=whatsApp, or COLUMN= to leave a column out")
    return column, name or None


def _default(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError("give FIELD=VALUE, as in stage='New Customer'")
    return name, value


def _replacement(text: str) -> tuple[str, str, str | None]:
    name, _, rest = text.partition(":")
    before, equals, after = rest.rpartition("=")
    if not (name and before and equals):
        raise ArgumentTypeError("give FIELD:TEXT=VALUE, as in sex:M=male, or FIELD:TEXT= to make a text missing")
    return name, before, after or None


def _allowed(text: str) -> float | None:
    if text == NO_LIMIT:
        return None
    try:
        return float(text) if "." in text or "e" in text.lower() else int(text)
    except ValueError:
        raise ArgumentTypeError("give a number of rows such as 5, a share such as 0.02, or none for no limit") from None


def _pace(text: str) -> float:
    try:
        calls = float(text)
    except ValueError:
        calls = 0.0
    if not 0 < calls < inf:
        raise ArgumentTypeError("give a number above 0")
    return calls
