"""Sends to numbers, the vendor's third generation: the calls that create a task of the CRM. Pure.

A task reaches people, and the vendor documents nothing that makes a repeat harmless. So neither call is repeated where
the CRM may have taken it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow_provider_socialscrm.api.contents import Channel, Content, check_content, fields_of
from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.request import Request
from airflow_provider_socialscrm.api.signing import CREATE_TIME_FORMAT
from airflow_provider_socialscrm.wording import first_of, out_of

SEND_PATH: Final = "/group-dispatch-api/gsTask/assign/soCreate"
"""Header scheme: creates a task that sends to one number (vendor API 1.12)."""

SEND_MANY_PATH: Final = "/group-dispatch-api/gsTask/assign/moscCreate"
"""Header scheme: creates a task that sends the same to many numbers (vendor API 1.12)."""

LARGEST_TASK: Final = 5_000
"""Recipients of a task at most (vendor API 1.12)."""

NAMED_POSITIONS: Final = 10
"""Positions that a sentence names."""

_SEND_TYPES: Final = {Channel.PC: 1, Channel.MOBILE: 2, Channel.CLOUD_PC: 3}
_TIME_FORMAT: Final = CREATE_TIME_FORMAT  # assumed, as the body scheme writes its time (vendor API 1.12)
_DIGITS: Final = re.compile(r"[1-9][0-9]{6,14}")  # E.164 allows 15 digits; the shortest in use have 7
_GROUP_ID: Final = re.compile(r"[0-9]{7,20}(-[0-9]{5,20})?")  # 18 digits as observed, or the older form with a hyphen
_TASK_ID: Final = re.compile(r"[A-Za-z0-9_\-.]{1,128}")  # our choice, several times as long as the vendor's other ids
_ID_NAMES: Final = ("taskId", "id")


class Target(StrEnum):
    """Whom a task reaches."""

    PERSON = "person"
    GROUP = "group"


_TARGET_TYPES: Final = {Target.PERSON: 1, Target.GROUP: 2}


class TimeForm(StrEnum):
    """How a task's times are written, which the vendor's pages do not say as far as we could read them."""

    TEXT = "text"  # "2026-12-24 09:00:00", in the CRM's zone
    MILLISECONDS = "milliseconds"  # since the epoch, as in the header of each call


@dataclass(frozen=True, slots=True)
class SendPair:
    """Who sends, and who gets it. A ``repr`` shows neither.

    :param sender: digits of a service number.
    :param recipient: digits of a number, or a group's id.
    """

    sender: str = field(repr=False)
    recipient: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How a task sends.

    :param channel: the kind of program that sends; one of :class:`~airflow_provider_socialscrm.api.contents.Channel`.
    :param target: ``person`` or ``group``.
    :param start: when it begins, with a time zone; ``None`` begins at once.
    :param end: when it ends, with a time zone; ``None`` has no end.
    :param name: shown in the CRM; ``None`` leaves it out.
    :param agent: login of the agent who sends; ``None`` leaves it to the CRM.
    :param times_as: ``text`` or ``milliseconds``: how the times are written.
    :param trans_id: ``transId`` of each content, which the vendor does not explain; ``None`` leaves it out.
    """

    channel: Channel | str = Channel.PC
    target: Target | str = Target.PERSON
    start: datetime | None = None
    end: datetime | None = None
    name: str | None = None
    agent: str | None = None
    times_as: TimeForm | str = TimeForm.TEXT
    trans_id: str | None = None


AS_USUAL: Final = SendOptions()


def check_pairs(pairs: Sequence[Any], target: Target | str = Target.PERSON) -> None:
    """Check who sends to whom.

    :param target: ``person`` or ``group``.
    :raises ValueError: in one sentence, with the positions of what is wrong, and without any value.
    """
    if target not in {*Target}:
        raise ValueError(f"target must be {' or '.join(Target)}.")
    if not pairs:
        raise ValueError("There are no recipients, so there is nothing to send.")
    if len(pairs) > LARGEST_TASK:
        raise ValueError(
            f"A task of the CRM has at most {LARGEST_TASK:,} recipients, and there are {len(pairs):,}: send in parts."
        )
    if not all(isinstance(each, SendPair) for each in pairs):
        raise ValueError("Recipients must be given as SendPair objects.")
    is_person = target == Target.PERSON
    pattern = _DIGITS if is_person else _GROUP_ID
    wanted = "a text of 7 to 15 digits that begins with the country code" if is_person else "the id of a group"
    _check_each([_fits(_DIGITS, each.sender) for each in pairs], "sender", "not a text of 7 to 15 digits")
    _check_each([_fits(pattern, each.recipient) for each in pairs], "recipient", f"not {wanted}")
    first = {each.recipient: place for place, each in reversed([*enumerate(pairs)])}
    once = [first[each.recipient] == place for place, each in enumerate(pairs)]
    _check_each(once, "recipient", "given before", ("was", "were"))


def check_times(start: Any, end: Any, now: float) -> None:
    """Check when a task begins and ends.

    :param start: ``None`` begins at once.
    :param end: ``None`` has no end.
    :param now: seconds since the epoch.
    :raises ValueError: in one sentence, naming the time that is wrong.
    """
    for name, time in (("start", start), ("end", end)):
        if time is None:
            continue
        if not isinstance(time, datetime):
            raise ValueError(f"{name} is not a time: give a datetime, or a text as 2026-12-24T09:00+08:00.")  # noqa: TRY004 - as its siblings
        if time.tzinfo is None or time.utcoffset() is None:
            raise ValueError(f"{name} has no time zone, so it has several readings: write one, as in +08:00.")
        if time <= datetime.fromtimestamp(now, UTC):
            advice = "or None to begin at once" if name == "start" else "or None to have no end"
            raise ValueError(f"{name} is in the past: give a later time, {advice}.")
    if start is not None and end is not None and end <= start:
        raise ValueError("end is not after start: give a later end, or None to have no end.")


def check_options(options: SendOptions) -> None:
    """Check how a task sends, except for its times, which :func:`check_times` compares with the clock.

    :raises ValueError: in one sentence, naming the argument that is wrong.
    """
    if options.channel not in {*Channel}:
        raise ValueError(f"channel must be one of {', '.join(Channel)}.")
    if options.target not in {*Target}:
        raise ValueError(f"target must be {' or '.join(Target)}.")
    if options.times_as not in {*TimeForm}:
        raise ValueError(f"times_as must be {' or '.join(TimeForm)}.")
    for name in ("name", "agent", "trans_id"):
        value = getattr(options, name)
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise ValueError(f"{name} must be a text that is not empty, or None.")


def send(pair: SendPair, content: Sequence[Content], options: SendOptions = AS_USUAL, *, time_zone: str) -> Request:
    """Return the call that creates a task for one recipient.

    :param pair: who sends, and who gets it.
    :param content: what they get.
    :param options: how it is sent; :func:`check_times` checks their times.
    :param time_zone: in which the CRM reads times.
    :raises ValueError: in one sentence, if the CRM takes no such task.
    """
    body = _task([pair], content, options, time_zone)
    return Request(SEND_PATH, body | {"sendWhatsApp": pair.sender, "friendWhatsApp": pair.recipient})


def send_many(
    pairs: Sequence[SendPair], content: Sequence[Content], options: SendOptions = AS_USUAL, *, time_zone: str
) -> Request:
    """Return the call that creates a task for many recipients, who all get the same.

    :param pairs: who sends to whom; no recipient twice.
    :param content: what they get.
    :param options: how it is sent; :func:`check_times` checks their times.
    :param time_zone: in which the CRM reads times.
    :raises ValueError: in one sentence, if the CRM takes no such task.
    """
    body = _task(pairs, content, options, time_zone)
    infos = [{"sendWhatsApp": each.sender, "friendWhatsApp": each.recipient} for each in pairs]
    return Request(SEND_MANY_PATH, body | {"sendInfos": infos})


def task_id_of(data: Any) -> str:
    """Return the task's id in the ``data`` of :func:`send` or :func:`send_many`.

    :raises ResponseFormError: if there is none. The CRM has taken the task all the same.
    """
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if isinstance(data, Mapping):
        data = next((data[name] for name in _ID_NAMES if data.get(name)), None)
    text = str(data).strip() if isinstance(data, str | int) and not isinstance(data, bool) else ""
    if not is_task_id(text):
        raise unknown_form(SEND_MANY_PATH)
    return text


def is_task_id(text: Any) -> bool:
    """Return whether a value can be the id of a task."""
    return _fits(_TASK_ID, text)


def _task(
    pairs: Sequence[SendPair], content: Sequence[Content], options: SendOptions, time_zone: str
) -> dict[str, Any]:
    check_options(options)
    check_pairs(pairs, options.target)
    check_content(content, options.channel)
    send_type = _SEND_TYPES[Channel(options.channel)]
    contents = [fields_of(each, place) for place, each in enumerate(content)]
    fields: dict[str, Any] = {
        "name": options.name,
        "startTaskTime": _time(_whole_second(options.start), options.times_as, time_zone),
        "endTaskTime": _time(options.end, options.times_as, time_zone),
        "sendType": send_type,
        "source": str(send_type),  # not documented, but the vendor's client sends it beside sendType
        "targetType": _TARGET_TYPES[Target(options.target)],
        "agentAccount": options.agent,
        "content": contents
        if options.trans_id is None
        else [{**each, "transId": options.trans_id} for each in contents],
    }
    return {name: value for name, value in fields.items() if value is not None}


def _whole_second(start: datetime | None) -> datetime | None:
    """Return a start on a whole second, never before the one that was asked for."""
    return start and start.replace(microsecond=0) + timedelta(seconds=bool(start.microsecond))


def _time(time: datetime | None, form: TimeForm | str, time_zone: str) -> str | int | None:
    if time is None:
        return None
    if form == TimeForm.MILLISECONDS:
        return int(time.timestamp() * 1000)
    return time.astimezone(ZoneInfo(time_zone)).strftime(_TIME_FORMAT)


def _fits(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _check_each(fine: Sequence[bool], noun: str, what: str, verbs: tuple[str, str] = ("is", "are")) -> None:
    wrong = [f"{place:,}" for place, is_fine in enumerate(fine) if not is_fine]
    if wrong:
        raise ValueError(
            f"{out_of(len(wrong), len(fine), noun, *verbs)} {what}, so nothing was sent: look at "
            f"{first_of(wrong, NAMED_POSITIONS)}, counted from 0."
        )
