"""Paths as text, which Airflow renders, shows and stores; and how a path differs from other text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm._compat import is_mapped
from airflow_provider_socialscrm.importer.paths import LOCAL
from airflow_provider_socialscrm.importer.sources.endings import COMPRESSED, TABLES
from airflow_provider_socialscrm.runtime.literal_rows import hide_rows
from airflow_provider_socialscrm.runtime.rendered import is_missing

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

MOST_CHARACTERS: Final = 1_024
"""Characters of a path: as many as object storage takes for a key."""

NOT_READ: Final = (
    ".xlsx", ".xls", ".ods", ".json", ".txt", ".xml", ".zip", ".tar", ".avro", ".orc", ".feather", ".arrow", ".db",
)  # fmt: skip
"""Endings of files of customers that an import does not read: such a file is named in the error."""

_ENDINGS = tuple(f"{ending}{after}" for ending in (*TABLES, *NOT_READ) for after in ("", *COMPRESSED))
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z][A-Za-z0-9+.-]*)*://\S")
_FOLDER = re.compile(r"\.{0,2}/")
_PATTERN = re.compile(r"(?!\[)[^\s\"'{}(),;<>\[]*[*?\[][^\s\"'{}(),;<>]*")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


class GivenPath:
    """A path object that a text cannot replace, because it has options or a file system that text does not open.

    Airflow shows it as its path, without the options, which may be secrets.

    :param text: the path; it may have templates.
    :param made: the path object that was given.
    """

    __slots__ = ("made", "text")

    def __init__(self, text: str, made: Any) -> None:
        self.text = text
        self.made = made

    def resolve(self, context: Any) -> GivenPath:
        """Return the path rendered. Airflow calls this instead of rendering the text."""
        return GivenPath(context["task"].render_template(self.text, context), self.made)

    def opened(self) -> Any:
        """Return the path object."""
        if self.text == str(self.made):
            return self.made
        return type(self.made)(self.text, **self.made.storage_options)

    def __repr__(self) -> str:
        return self.text


class PathArgument:
    """An operator's argument that is a path: given as text or as a path object, and shown as text."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        return self if task is None else getattr(task, self._name)

    def __set__(self, task: Any, value: Any) -> None:
        vars(task)[self._name] = value if is_resolved(task, self._name) else as_text(value)


class PathArguments:
    """A task with paths among its arguments. Goes before ``BaseOperator`` among the bases."""

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Return what ``expand`` makes mapped tasks of, with path objects as text: Airflow renders its templates."""
        owner: Any = cls
        hide = _as_text_in(owner)
        shown = {name: hide(name, value) for name, value in kwargs.items()}
        made: OperatorPartial = hide_rows(super().partial(**shown), hide)  # type: ignore[misc]
        return made


@cache
def _as_text_in(owner: Any) -> Callable[[str, Any], Any]:
    """Return what makes text of an operator's arguments that are path objects, given the argument's name."""

    def shown(name: str, value: Any) -> Any:
        return as_text(value) if isinstance(getattr(owner, name, None), PathArgument) else value

    return shown


def is_resolved(task: Any, attribute: str) -> bool:
    """Return whether a value may be the output of another task that Airflow already has, and must not render.

    Airflow knows such a value of a mapped task by its identity.

    :param attribute: the one that the value will get.
    """
    return is_mapped(task) and attribute not in vars(task)


def as_text(value: Any) -> Any:
    """Return a path object as text, and anything else unchanged.

    :param value: maybe of :mod:`pathlib`, of ``universal_pathlib`` or of Airflow's object storage.
    """
    if has_protocol(value):
        text = str(value)
        return text if _opens_as_text(value) else GivenPath(text, value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _opens_as_text(path: Any) -> bool:
    """Return whether the text of a path object opens the same file: Airflow's object storage opens it."""
    # The text has the connection's id, which Airflow 3.1 counts among the options.
    if set(path.storage_options) - {"conn_id"} or "::" in str(path):
        return False
    if path.protocol in LOCAL:
        return True
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - only for those who have such a path

    return isinstance(path, ObjectStoragePath)


def has_protocol(value: Any) -> bool:
    """Return whether a value is a path of ``universal_pathlib`` or of Airflow's object storage."""
    return all(hasattr(value, name) for name in ("protocol", "storage_options", "open"))


def is_path_object(value: Any) -> bool:
    """Return whether a value is a path, and not text."""
    return isinstance(value, GivenPath | os.PathLike) or has_protocol(value)


def has_template(text: str) -> bool:
    """Return whether Airflow would change a text by rendering it."""
    return "{{" in text or "{%" in text


def without_line_end(text: str) -> str:
    """Return a text without the line break that a command prints after a path."""
    return text.rstrip("\r\n")


def is_path_template(text: str) -> bool:
    """Return whether a text has a template that may render to a path: nothing around it looks like data."""
    return has_template(text) and not re.search(r"[\"{\n\r]", _TEMPLATE.sub("", text.strip()))


def is_path(text: str) -> bool:
    """Return whether a text is a path, and not data: text of customers must not be shown."""
    if is_missing(text):  # also where a file has this name
        return False
    if len(text) > MOST_CHARACTERS or len(text.splitlines()) > 1 or "\0" in text:
        return False
    if '"' not in text and (_SCHEME.match(text) or text.lower().endswith(_ENDINGS)):
        return True
    if '"' not in text and "{" not in text and _FOLDER.match(text):
        return True
    return bool(_PATTERN.fullmatch(text)) or os.path.exists(text)  # noqa: PTH110 - a Path raises for a text that cannot be a name


def is_given_path(value: Any) -> bool:
    """Return whether a value is a path, as text or not."""
    return is_path(value) if isinstance(value, str) else is_path_object(value)


def paths_in(value: Any) -> list[Any] | None:
    """Return the paths that a value is, or lists at any depth; ``None`` if it is or lists anything else."""
    if not isinstance(value, list | tuple):
        return [value] if is_given_path(value) else None
    found: list[Any] = []
    for each in value:
        if (paths := paths_in(each)) is None:
            return None
        found += paths
    return found
