"""Words of a check's page: names, counts, durations, and options in place of the arguments that the importer names."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import airflow_provider_socialscrm
from airflow_provider_socialscrm.importer.fields.mapping import column_label

OPTIONS: Final = {
    "columns": "--column COLUMN=FIELD, or --column COLUMN= to leave a column out",
    "defaults": "--default FIELD=VALUE",
    "values": "--values FIELD:TEXT=VALUE",
    "empty": "--empty omit, --empty send or --empty FIELD=send",
    "duplicates": "--duplicates first, last or send",
    "encoding": "--encoding NAME",
    "delimiter": "--delimiter CHARACTER",
    "extension_fields": "--extension-field NAME, or --all-extension-fields",
    "date_fields": "--date-field NAME",
    "null_values": "--null-value TEXT",
    "default_region": "--default-region CC",
    "ambiguous_numbers": "--ambiguous-numbers national or international",
    "dayfirst": "--dayfirst or --no-dayfirst",
    "bad_values": "--bad-values omit",
    "on_invalid": "--on-invalid reject or fail",
    "rows_per_call": "--rows-per-call N",
    "bytes_per_call": "--bytes-per-call N",
    "max_rejected": "--max-rejected N",
    "rejects_path": "--rejects-path PATH",
    "dead letter": "the file at --rejects-path",
}
"""How to give at the command line what the importer's sentences name as the operator has it."""

_PLAIN: Final = ("columns", "defaults", "values", "empty", "duplicates", "encoding", "delimiter")
"""Arguments that are words of plain English, too: they are meant where a value or a verb follows."""

_NAMED: Final = re.compile(
    rf"(?<![\w./-])(?:({'|'.join(_PLAIN)})(?==| (?:maps|names|for|is|to|can|cannot)\b)"
    rf"|({'|'.join(name for name in OPTIONS if name not in _PLAIN)})(?![\w/-]|\.\w))"
)


def options_for(sentences: Iterable[str]) -> dict[str, str]:
    """Return the arguments that sentences of the importer's name, each with its option."""
    named = {found[1] or found[2] for sentence in sentences for found in _NAMED.finditer(sentence)}
    return {name: option for name, option in OPTIONS.items() if name in named}


def shown(text: str) -> str:
    """Return a text as a terminal can take it: without control characters, on one line."""
    return "".join(character if character.isprintable() else " " for character in text)


def label(column: str) -> str:
    """Return a column's name as a page may have it: a file without a header would have a customer's number in it."""
    return shown(column_label(column))


def counted(number: int, thing: str) -> str:
    """Return a number with its thing, as in ``2,400 rows``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def duration(seconds: int) -> str:
    """Return whole seconds as a person says them, as in ``3 min 20 s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{number:,} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if number]
    return " ".join(parts[:2]) or "0 s"


@contextmanager
def warnings_collected() -> Iterator[list[str]]:
    """Gather what the package would warn of in a log, and let none of it reach the terminal by itself."""
    collector = _Collector()
    logger = logging.getLogger(airflow_provider_socialscrm.__name__)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield collector.sentences
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagated


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(record.getMessage())
