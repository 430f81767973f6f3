"""The command line of ``check``: the operator's arguments as options, and as a task to paste into a DAG.

Nothing heavy is imported here, so that ``--help`` is quick.
"""

from __future__ import annotations

from argparse import (
    SUPPRESS,
    Action,
    ArgumentError,
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.settings import (
    DEFAULT_CALLS_PER_SECOND,
    AuthScheme,
    Settings,
    positive_number,
)
from airflow_provider_socialscrm.importer.options import (
    ALL,
    AMBIGUOUS_NUMBERS,
    AUTO,
    BAD_VALUES,
    DEFAULT_BYTES,
    DEFAULT_ROWS,
    DUPLICATES,
    EMPTY,
    ON_INVALID,
    ON_UNKNOWN,
    Options,
    Rules,
)

if TYPE_CHECKING:
    from argparse import _SubParsersAction

AS_OPTIONS: Final = (
    "Messages name arguments of SocialSCRMImportOperator. Here they are options: data is FILE, bad_values='omit' is "
    "--bad-values omit, and columns={'a': 'b', 'c': None} is --columns a=b --columns c=."
)
"""How to set here what a message of the importer names."""

DESCRIPTION: Final = """\
Show what an import of a file would do: which rows can be sent, which cannot
and why, which field each column maps to, and how values change. Makes no call,
needs neither Airflow nor a connection, and shows no customer's data.
"""

EPILOG: Final = f"""\
{fill(AS_OPTIONS, 80, break_on_hyphens=False)}

examples:
  check customers.csv
  check 'exports/*.parquet' --rejects-path rejects.csv
  check customers.csv --columns mobile=whatsApp --columns remarks= \\
      --defaults stage='New Customer' --default-region DE
  check customers.csv --extension-fields 'Last Order' --date-fields 'Last Order' \\
      --values sex:M=male --values sex:F=female --null-values NULL

exit code:
  0  invalid rows, if any, are within --max-rejected
  1  too many rows cannot be sent
  2  the file or an option cannot be used
"""

NO_LIMIT: Final = "none"
"""Value of ``--max-rejected`` that allows any number of rows."""

TAB: Final = ("tab", r"\t")
"""Ways to write a tab in any shell."""

RULES: Final = tuple(field.name for field in fields(Rules))
LIMITS: Final = ("rows_per_call", "bytes_per_call", "max_rejected", "on_unknown")
ARGUMENTS: Final = ("encoding", "delimiter", *RULES, *LIMITS, "rejects_path")
"""Arguments of the operator that are options, in the order in which the task has them."""

TASK: Final = """\
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

{comment}SocialSCRMImportOperator(
    task_id='import_customers',
{arguments}
)
"""


@dataclass(frozen=True, slots=True)
class Request:
    """The check that a command line asks for.

    :param file: path or pattern, as given.
    :param arguments: the operator's arguments that were given, by their names.
    :param options: the same for the importer.
    :param settings: scheme and pace. The rest is made up, because nothing is sent.
    """

    file: str
    arguments: Mapping[str, Any]
    options: Options
    settings: Settings


def request_of(given: Namespace) -> Request:
    """Return what a parsed command line asks for.

    :raises InputError: when an argument makes no sense.
    """
    arguments = {name: vars(given)[name] for name in ARGUMENTS if name in given}
    if arguments.get("extension_fields") == [ALL]:
        arguments["extension_fields"] = ALL
    rules = Rules(**{name: value for name, value in arguments.items() if name in RULES})
    limits = {name: value for name, value in arguments.items() if name in LIMITS}
    settings = Settings(
        base_url="",
        tenant_id="100000",  # this and the login are as long as real ones, because their bytes count in each call
        api_key="",
        user_name="agent_name",
        auth_scheme=AuthScheme(getattr(given, "auth_scheme", AuthScheme.BODY)),
        calls_per_second=getattr(given, "calls_per_second", DEFAULT_CALLS_PER_SECOND),
    )
    return Request(given.file, arguments, Options(**limits, rules=rules), settings)


def task_of(request: Request, more: Iterable[str] = ()) -> str:
    """Return the Python code of the operator that imports what was checked.

    :param more: lines of code after the arguments that were given.
    """
    arguments = {"data": request.file, **request.arguments}
    for name in arguments.keys() & {"data", "rejects_path"}:
        if "://" not in arguments[name]:
            arguments[name] = str(Path(arguments[name]).absolute())  # because a worker has another current folder
    if given := request.arguments.get("rejects_path"):
        arguments["rejects_path"] = _folder(arguments["rejects_path"], is_folder=given.endswith("/"))
    return TASK.format(
        comment=_connection_comment(request.settings),
        arguments="\n".join(
            f"    {line}" for line in [*(f"{name}={value!r}," for name, value in arguments.items()), *more]
        ),
    )


def _folder(path: str, *, is_folder: bool) -> str:
    """Return the folder of a file, in which each run of the task has a file of its own; a folder itself."""
    folder = path if is_folder or Path(path).is_dir() else path.rpartition("/")[0]
    return f"{folder.rstrip('/')}/"


def _connection_comment(settings: Settings) -> str:
    different = []
    if settings.auth_scheme is not AuthScheme.BODY:
        different.append(f"Auth scheme {settings.auth_scheme}")
    if settings.calls_per_second != DEFAULT_CALLS_PER_SECOND:
        different.append(f"Calls per second {settings.calls_per_second:g}")
    return f"# In the connection: {', '.join(different)}\n" if different else ""


def add_check(commands: _SubParsersAction[Any]) -> ArgumentParser:
    """Add the command with its options, and return its parser.

    Options that are not given are not in the namespace, so that the importer's defaults apply.
    """
    parser: ArgumentParser = commands.add_parser(
        "check",
        usage="python -m airflow_provider_socialscrm check [option ...] FILE",
        help="show what an import of a file would do, without a call",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        argument_default=SUPPRESS,
    )
    file_help = "a CSV, JSONL or Parquet file, or a pattern in quotes, such as 'exports/*.csv'"
    parser.add_argument("file", metavar="FILE", nargs="+", action=_OneFile, help=file_help)
    json_help = (
        "print the findings as JSON, also why the file cannot be checked; docs/howto/check-a-file.md describes it"
    )
    parser.add_argument("--json", action="store_true", help=json_help)
    _add_columns(parser)
    _add_values(parser)
    _add_rows(parser)
    _add_text(parser)
    _add_calls(parser)
    return parser


def _add_columns(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("columns").add_argument
    columns_help = "send a column as this field; 'COLUMN=' leaves it out; may be repeated"
    add("--columns", action=_Merge, type=_column, metavar="COLUMN=FIELD", help=columns_help)
    defaults_help = "the value of a field in rows that have none; may be repeated"
    add("--defaults", action=_Merge, type=_default, metavar="FIELD=VALUE", help=defaults_help)
    extension_help = (
        f"send a column that is not a field of the API, under its own name; '{ALL}' sends every column; may be "
        "repeated (default: such columns are left out)"
    )
    add("--extension-fields", action="append", metavar="NAME", help=extension_help)


def _add_values(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("values").add_argument
    values_help = "replace a value of a field, as in sex:M=male; 'FIELD:TEXT=' makes it missing; may be repeated"
    add("--values", action=_Merge, type=_replacement, metavar="FIELD:TEXT=VALUE", help=values_help)
    null_help = "a text that means a missing value in any column, such as NULL; may be repeated"
    add("--null-values", action="append", metavar="TEXT", help=null_help)
    date_help = "send an extension field as dates, yyyy/MM/dd; may be repeated"
    add("--date-fields", action="append", metavar="NAME", help=date_help)
    dayfirst_help = (
        "read 01/02/2020 as the first of February, or with --no-dayfirst as the second of January (default: the row is "
        "invalid)"
    )
    add("--dayfirst", action=BooleanOptionalAction, help=dayfirst_help)
    region_help = "the country of numbers without a country code, such as CN; checks all numbers thoroughly"
    add("--default-region", metavar="CC", help=region_help)
    numbers_help = f"how to read a number that is valid there and elsewhere (default: {AMBIGUOUS_NUMBERS[0]} the row)"
    add("--ambiguous-numbers", choices=AMBIGUOUS_NUMBERS, help=numbers_help)
    empty_help = (
        f"omit blank values, or send them as empty texts (default: {EMPTY[0]}); FIELD=send does it for one field, and "
        "may be repeated"
    )
    add("--empty", action=_Merge, type=_empty, metavar="{omit,send,FIELD=send}", help=empty_help)


def _add_rows(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("rows").add_argument
    bad_help = f"reject a row with a bad optional value, or omit the value (default: {BAD_VALUES[0]})"
    add("--bad-values", choices=BAD_VALUES, help=bad_help)
    duplicates_help = (
        "which of the rows with the same number to send: the last, the first or, with send, all (default: "
        f"{DUPLICATES[0]})"
    )
    add("--duplicates", choices=DUPLICATES, help=duplicates_help)
    invalid_help = f"leave out rows that cannot be sent, or fail and send nothing (default: {ON_INVALID[0]})"
    add("--on-invalid", choices=ON_INVALID, help=invalid_help)
    rejected_help = (
        f"rows that may be rejected: a number, a share from 0.0 to 1.0, or {NO_LIMIT} for no limit (default: 0)"
    )
    add("--max-rejected", type=_threshold, metavar="N", help=rejected_help)
    unknown_help = (
        "hold a row with welcome that a dead letter has as unknown, or resend it: the customer may get a second "
        f"message (default: {ON_UNKNOWN[0]})"
    )
    add("--on-unknown", choices=ON_UNKNOWN, help=unknown_help)
    path_help = "save rejected rows and duplicates, with the reasons, in this .csv, .jsonl or .parquet file, or folder"
    add("--rejects-path", metavar="PATH", help=path_help)


def _add_text(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("text files").add_argument
    add("--encoding", metavar="NAME", help="encoding of the text (default: utf-8)")
    delimiter_help = "what separates the values of a CSV file, such as ';' or tab (default: ,)"
    add("--delimiter", type=_delimiter, metavar="CHARACTER", help=delimiter_help)


def _add_calls(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("calls").add_argument
    rows_help = f"most rows of a call, or {AUTO}: an import finds them, from {DEFAULT_ROWS} (default: {DEFAULT_ROWS})"
    add("--rows-per-call", type=_rows, metavar="N", help=rows_help)
    add("--bytes-per-call", type=int, metavar="N", help=f"most bytes of a call (default: {DEFAULT_BYTES})")
    scheme_help = f"the connection's Auth scheme (default: {AuthScheme.BODY})"
    add("--auth-scheme", choices=[scheme.value for scheme in AuthScheme], help=scheme_help)
    pace_help = f"the connection's Calls per second (default: {DEFAULT_CALLS_PER_SECOND:g})"
    add("--calls-per-second", type=_positive_number, metavar="N", help=pace_help)


def _rows(value: str) -> int | str:
    try:
        return value if value == AUTO else int(value)
    except ValueError:
        raise ArgumentTypeError(f"give a number of rows such as {DEFAULT_ROWS}, or {AUTO}") from None


def _positive_number(value: str) -> float:
    try:
        return positive_number(value)
    except ValueError as failure:  # whose text argparse would replace
        raise ArgumentTypeError(str(failure)) from None


class _OneFile(Action):
    """Accepts one path, and explains what happens to a pattern without quotes."""

    def __call__(self, _parser: Any, namespace: Namespace, values: Any, _option: str | None = None) -> None:
        if len(values) > 1:
            pattern = Path(values[0]).with_name(f"*{Path(values[0]).suffix}")
            raise ArgumentError(
                self,
                f"give one path or one pattern, not {len(values)} paths; if the shell expanded a pattern, put it in "
                f"quotes, as in '{pattern}'",
            )
        namespace.file = values[0]


class _Merge(Action):
    """Collects dictionaries in one, and accepts no key twice."""

    def __call__(self, _parser: Any, namespace: Namespace, values: Any, _option: str | None = None) -> None:
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, values if before is None else self._merged(before, values))

    def _merged(self, before: Any, more: Any) -> Any:
        if isinstance(before, str) and isinstance(more, str):
            return more
        if isinstance(before, str) or isinstance(more, str):
            raise ArgumentError(self, "give one value for all fields, or FIELD=VALUE for some, not both")
        merged = dict(before)
        for key, value in more.items():
            if key in before and not isinstance(value, dict):
                raise ArgumentError(self, f"'{key}' is given twice")
            merged[key] = self._merged(before[key], value) if key in before else value
        return merged


def _column(text: str) -> dict[str, str | None]:
    column, equals, name = text.rpartition("=")  # a column may have = in its name, a field has not
    if not equals:
        raise ArgumentTypeError("give COLUMN=FIELD, as in mobile=whatsApp, or COLUMN= to leave a column out")
    return {column: name or None}


def _default(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError("give FIELD=VALUE, as in stage='New Customer'")
    return {name: value}


def _replacement(text: str) -> dict[str, dict[str, str | None]]:
    name, _, rest = text.partition(":")
    before, equals, after = rest.rpartition("=")
    if not (name and before and equals):
        raise ArgumentTypeError("give FIELD:TEXT=VALUE, as in sex:M=male, or FIELD:TEXT= to make a text missing")
    return {name: {before: after or None}}


def _empty(text: str) -> str | dict[str, str]:
    name, equals, choice = text.rpartition("=")
    return {name: choice} if equals else choice


def _threshold(text: str) -> float | None:
    if text.lower() == NO_LIMIT:
        return None
    try:
        return float(text) if "." in text or "e" in text.lower() else int(text)
    except ValueError:
        raise ArgumentTypeError("give a number of rows such as 5, a share such as 0.02, or none for no limit") from None


def _delimiter(text: str) -> str:
    return "\t" if text in TAB else text
