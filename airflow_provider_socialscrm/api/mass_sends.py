"""Mass sends to a stage, a tag or a group of customers: tasks of the CRM that are known by their names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from airflow_provider_socialscrm.api.request import Request
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.api.signing import CREATE_TIME_FORMAT

MASS_SEND_PATH: Final = "/wscrm-bus-api/open/mark/batchAdd"
"""Body scheme: create tasks that send a message to the customers of a stage, a tag or a group (vendor API 1.9)."""

NAME_EXISTS: Final = 521
"""Code of a task whose name is taken. After a doubtful response it means that the task was created."""

NO_EXECUTOR: Final = (504, 505)
"""Codes of executors that the CRM cannot read or find in the task."""

INTERVAL: Final = (10, 30)
"""Seconds between two messages, the least and the most; our choice, since the vendor names none."""

_START_FORMAT: Final = CREATE_TIME_FORMAT  # assumed, as the body scheme writes its time (vendor API 1.9)
_NOW, _TIMED = 1, 2


class ExecutorForm(StrEnum):
    """How the executors of a task are written: the vendor documents both."""

    LIST = "list"  # "executorList": ["agent_wang"], as in the table of fields
    TEXT = "text"  # "executor": "[agent_wang]", as in the sample


@dataclass(frozen=True, slots=True)
class _CustomerGroup:
    value: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Stage(_CustomerGroup):
    """The customers in a stage.

    :param value: the stage's name in the CRM.
    :param id: its id in the CRM.
    """


@dataclass(frozen=True, slots=True)
class Tag(_CustomerGroup):
    """The customers with a tag.

    :param value: the tag's name in the CRM.
    :param id: its id in the CRM.
    """


@dataclass(frozen=True, slots=True)
class Group(_CustomerGroup):
    """The customers in a group.

    :param value: the group's name in the CRM.
    :param id: its id in the CRM.
    """


CustomerGroup = Stage | Tag | Group
GROUPS: Final[Mapping[str, type[CustomerGroup]]] = {"stage": Stage, "tag": Tag, "group": Group}
"""The kinds of customer groups by the word that a mapping has for them."""

_GROUP_KEYS: Final = {Stage: 0, Tag: 1, Group: 2}


@dataclass(frozen=True, slots=True)
class Content:
    """The message of a task: a text, and a file if it has one.

    :param text: what customers read. The vendor requires it beside a file, too.
    :param kind: ``text``, ``picture``, ``video`` or ``file``.
    :param url: public address of the file.
    :param file_name: the file's name; empty takes the last part of its address.
    """

    text: str = field(repr=False)
    kind: str = "text"
    url: str = field(default="", repr=False)
    file_name: str = field(default="", repr=False)


KINDS: Final[Mapping[str, int]] = {"text": 1, "picture": 2, "video": 3, "file": 4}
"""``contentType`` by the kind of a content."""


@dataclass(frozen=True, slots=True)
class MassSend:
    """A task of the CRM that sends a message.

    :param name: unique in the tenant.
    :param executors: logins of the agents who send.
    :param group: the customers who get the message.
    :param content: the message; a text is a message without a file.
    :param start: when it begins, with a time zone; ``None`` begins at once.
    :param interval: seconds between two messages, the least and the most.
    :param reached: ``reachedNum``, whose meaning the vendor does not document; ``None`` leaves it out.
    """

    name: str
    executors: tuple[str, ...]
    group: CustomerGroup
    content: Content
    start: datetime | None = None
    interval: tuple[int, int] = INTERVAL
    reached: int | None = None


def check_mass_send(task: MassSend, now: float) -> None:
    """Check a task by what the vendor documents.

    :param now: seconds since the epoch.
    :raises ValueError: in one sentence, naming the argument that is wrong and none of its values.
    """
    if not isinstance(task.name, str) or not task.name.strip():
        raise ValueError("name is empty: give the task a name that no other one has.")
    _check_executors(task.executors)
    _check_group(task.group)
    _check_content(task.content)
    _check_interval(task.interval)
    _check_start(task.start, now)
    if task.reached is not None and (type(task.reached) is not int or task.reached < 1):
        raise ValueError("reached must be a whole number above 0, or None.")


def mass_send(
    tasks: Sequence[MassSend],
    time_zone: str,
    *,
    executors_as: ExecutorForm | str = ExecutorForm.LIST,
    admin: str | None = None,
) -> Request:
    """Return the call that creates tasks. It reaches people, so it is not repeated where it may have been taken.

    :param tasks: which were checked.
    :param time_zone: in which the CRM reads times.
    :param executors_as: how executors are written.
    :param admin: login that signs; ``None`` takes the connection's.
    :raises ValueError: in one sentence, if there is no task, or no such form.
    """
    if not tasks:
        raise ValueError("tasks is empty: give at least one task.")
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ValueError("Two tasks of one call have the same name: give each a name of its own.")
    if executors_as not in {*ExecutorForm}:
        raise ValueError(f"executors_as must be {' or '.join(ExecutorForm)}.")
    data = [_fields(task, ZoneInfo(time_zone), ExecutorForm(executors_as)) for task in tasks]
    return Request(MASS_SEND_PATH, {"data": data}, scheme=AuthScheme.BODY, user_name=admin)


def _fields(task: MassSend, zone: ZoneInfo, form: ExecutorForm) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": task.name,
        **_executors(task.executors, form),
        "customerGroupKey": _GROUP_KEYS[type(task.group)],
        "customerGroupValue": task.group.value,
        "customerGroupValueId": task.group.id,
        "contentType": KINDS[task.content.kind],
        "content": task.content.text,
        "type": _NOW if task.start is None else _TIMED,
        "sendTimeMin": task.interval[0],
        "sendTimeMax": task.interval[1],
    }
    if task.start is not None:
        fields["startTime"] = task.start.astimezone(zone).strftime(_START_FORMAT)
    if task.content.kind != "text":
        name = task.content.file_name or urlsplit(task.content.url).path.rpartition("/")[2]
        fields |= {"fileUrl": task.content.url, "fileName": name}
    if task.reached is not None:
        fields["reachedNum"] = task.reached
    return fields


def _executors(logins: Iterable[str], form: ExecutorForm) -> dict[str, Any]:
    """Return the field with the executors: the one place that knows how they are written."""
    return {"executorList": list(logins)} if form is ExecutorForm.LIST else {"executor": f"[{','.join(logins)}]"}


def _check_executors(logins: Any) -> None:
    if isinstance(logins, str) or not isinstance(logins, Sequence):
        raise ValueError("executors must be a list of agents' logins.")  # noqa: TRY004 - as its siblings
    if not logins:
        raise ValueError("executors is empty: name at least one agent who sends.")
    if not all(isinstance(login, str) and login.strip() and not set(login) & set("[],") for login in logins):
        raise ValueError("executors has something that is not a login: a login is a text without brackets and commas.")


def _check_group(group: Any) -> None:
    if group is None:
        raise ValueError("group is missing: give a Stage, a Tag or a Group of customers.")
    if type(group) not in _GROUP_KEYS:
        raise ValueError("group must be a Stage, a Tag or a Group of customers.")
    if not all(isinstance(text, str) for text in (group.value, group.id)) or not group.value.strip():
        raise ValueError("group needs the name of the stage, tag or group, as text, and its id as text.")
    if not group.id.strip():
        raise ValueError("group needs the id of the stage, tag or group beside its name, as the CRM's pages show it.")


def _check_content(content: Any) -> None:
    if not isinstance(content, Content) or content.kind not in KINDS:
        raise ValueError(f"content must be a text, or a Content whose kind is one of {', '.join(KINDS)}.")
    if not isinstance(content.text, str) or not content.text.strip():
        raise ValueError("content has no text: the CRM requires one, beside a file too.")
    if content.kind == "text":
        if content.url or content.file_name:
            raise ValueError("content is a text and has a file: let its kind be picture, video or file.")
        return
    if not isinstance(content.url, str) or not content.url:
        raise ValueError("content is a file without an address: give the public address of the file as its url.")
    address = urlsplit(content.url)
    if address.scheme not in {"http", "https"} or not address.hostname or any(sign <= " " for sign in content.url):
        raise ValueError("content has a url that is not a public address: it must begin with https:// or http://.")
    if not (content.file_name or address.path.rpartition("/")[2]):
        raise ValueError("content is a file without a name: its address ends in a slash, so give file_name.")


def _check_interval(interval: Any) -> None:
    if interval is None:
        raise ValueError("interval is missing: give the seconds between two messages, as in (10, 30).")
    is_pair = isinstance(interval, Sequence) and not isinstance(interval, str) and len(interval) == len(INTERVAL)
    if not is_pair or not all(type(seconds) is int for seconds in interval) or not 0 < interval[0] <= interval[1]:
        raise ValueError("interval must be two whole numbers of seconds, the least and the most, as in (10, 30).")


def _check_start(start: Any, now: float) -> None:
    if start is None:
        return
    if not isinstance(start, datetime):
        raise ValueError("start is not a time: give a datetime, or a text as 2026-12-24T09:00+08:00.")  # noqa: TRY004 - as its siblings
    if start.tzinfo is None or start.utcoffset() is None:
        raise ValueError("start has no time zone, so it has several readings: write one, as in +08:00.")
    if start <= datetime.fromtimestamp(now, UTC):
        raise ValueError("start is in the past: give a later time, or None to begin at once.")
