"""The importer's sentences, which name the operator's arguments, as a person at the command line reads them."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import airflow_provider_socialscrm

OPTIONS: Final = {
    "columns": "--column",
    "defaults": "--default",
    "extension_fields": "--extension-field",
    "default_region": "--default-region",
    "dayfirst": "--dayfirst",
    "empty": "--empty",
    "duplicates": "--duplicates",
    "on_invalid": "--on-invalid",
    "encoding": "--encoding",
    "delimiter": "--delimiter",
    "rows_per_call": "--rows-per-call",
    "bytes_per_call": "--bytes-per-call",
    "max_rejected": "--max-rejected",
    "rejects_path": "--rejects-path",
}
"""What the command line calls the operator's arguments."""


def in_options(sentence: str) -> str:
    """Return a sentence of the importer's with options in place of arguments, on one line."""
    for pattern, replacement in _WORDS:
        sentence = pattern.sub(replacement, sentence)
    return shown(sentence)


def shown(text: str) -> str:
    """Return a name as a terminal can take it: without control characters, on one line."""
    return "".join(character if character.isprintable() else " " for character in text)


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


def _mapping(found: re.Match[str]) -> str:
    return f"--column {shlex.quote(f'{found[1]}={found[2]}')}"


def _name(found: re.Match[str]) -> str:
    return OPTIONS[found[0]]


_ARGUMENT: Final = "|".join(OPTIONS)
_UNDERSCORED: Final = "|".join(name for name in OPTIONS if "_" in name)

_WORDS: Final = (
    (re.compile(r"\bset columns=\{'([^']*)': '([^']*)'\}"), lambda found: f"give {_mapping(found)}"),
    (re.compile(r"\bcolumns=\{'([^']*)': '([^']*)'\}"), _mapping),
    (re.compile(r"\bset dayfirst to True or False", re.IGNORECASE), "Give --dayfirst or --no-dayfirst"),
    (re.compile(r"\bto None, which leaves"), "to nothing (--column NAME=), which leaves"),
    (re.compile(rf"\b({_ARGUMENT})=(?=')"), lambda found: f"{OPTIONS[found[1]]} "),
    (re.compile(r" in data, and that the worker can reach (?:it|its files)\b"), ""),
    (re.compile(r"\bdead letter\b"), "file at --rejects-path"),
    (re.compile(rf"(?<![\w./-])({_ARGUMENT})(?= (?:maps|names|is|for|cannot|can) )"), _name),
    (re.compile(rf"(?<![\w./-])({_UNDERSCORED})(?![\w/-]|\.\w)"), _name),
)
"""Patterns and what stands in their place. Other words that are arguments, such as "duplicates", are plain English."""
