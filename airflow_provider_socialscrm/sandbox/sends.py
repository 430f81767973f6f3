"""The endpoints that send to numbers, and the one that says what became of it (vendor API 1.12)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .authentication import check_header_signed, create_time_seconds
from .codes import OTHER, Answer, Rejected, WrongMethod
from .crm import AdminError, Endpoint
from .numbers import service_numbers
from .send_tasks import MESSAGE_WORDS, PAUSED, STOPPED, TASK_WORDS, Pace, SendTask, SendTasks
from .tables import Table

if TYPE_CHECKING:
    from starlette.requests import Request

    from .crm import ApiCall, Crm
    from .settings import SandboxSettings

SEND_PATH = "/group-dispatch-api/gsTask/assign/soCreate"
SEND_MANY_PATH = "/group-dispatch-api/gsTask/assign/moscCreate"
STATUS_PATH = "/group-dispatch-api/gsTask/queryExecuteStatus"

MOST_RECIPIENTS, MOST_CHARACTERS = 5_000, 1_024
"""Limits of a task and of a message (vendor API 1.12)."""

TEXT, IMAGE, AUDIO, FILE, VIDEO, CARD, LINK_CARD, ROUTE_LINK = 1, 2, 3, 4, 5, 6, 10, 11
"""The documented values of a content's ``type``."""
FILES = {IMAGE, AUDIO, FILE, VIDEO}
NEEDED = {TEXT: ("text",), CARD: ("text",), LINK_CARD: ("title", "link"), ROUTE_LINK: ("title", "routeList")}
"""Fields without which a content is empty; our assumption."""
WORDS = ("title", "text", "desc")

SEND_TYPES = {1: "PC", 2: "mobile", 3: "cloud PC"}
PERSON, GROUP = 1, 2
"""The documented values of ``targetType``."""
MILLISECONDS = 1000

NUMBER = re.compile(r"[1-9][0-9]{6,14}")
GROUP_ID = re.compile(r"[0-9]{7,20}(-[0-9]{5,20})?")

SHOWN_MESSAGES = 50
"""Messages on the page; our choice, ``/_sandbox/sends`` has all."""
SHOWN_TEXT = 60
"""Characters of a text on the page; our choice, for the width of a table."""
SHOWN_DIGITS = 2
"""Digits of a recipient on the page, the last ones; the others are hidden."""

TASK_COLUMNS = ("Task", "Name", "Channel", "Content", "State", "Recipients", "Messages")
MESSAGE_COLUMNS = ("Task", "Sender", "Recipient", "State")

HALTS: dict[str, int | None] = {"stopped": STOPPED, "paused": PAUSED, "going": None}


def send_to_one(crm: Crm, call: ApiCall) -> Answer:
    """Create a task for one recipient, whom the task itself names.

    :raises Rejected: with the reason why the call is rejected; all codes are our assumption
    """
    check_header_signed(call.headers, crm.settings, call.at)
    return _create(crm, call, [call.json_object])


def send_to_many(crm: Crm, call: ApiCall) -> Answer:
    """Create a task for the recipients in ``sendInfos``.

    :raises Rejected: with the reason why the call is rejected; all codes are our assumption
    """
    check_header_signed(call.headers, crm.settings, call.at)
    return _create(crm, call, call.json_object.get("sendInfos"))


def query_status(crm: Crm, call: ApiCall) -> Answer:
    """Return the state of a task and of its messages; the setting ``send_number_field`` names each number's field.

    :raises Rejected: with the reason why the call is rejected
    :raises WrongMethod: if the setting ``send_status_method`` says another method
    """
    if call.endpoint.method != crm.settings.send_status_method:
        raise WrongMethod
    check_header_signed(call.headers, crm.settings, call.at)
    task_id = call.parts.get("taskId") or (call.body or {}).get("taskId")
    task = crm.memory(SendTasks).get(str(task_id))
    now, pace = crm.now(), _pace(crm.settings)
    states = task.message_states(now, pace)
    info = [
        {"sendWhatsApp": sender, crm.settings.send_number_field: recipient, "status": state}
        for (sender, recipient), state in zip(task.pairs, states, strict=True)
    ]
    return Answer(data={"status": task.state(now, pace), "info": info})


def _create(crm: Crm, call: ApiCall, infos: Any) -> Answer:
    settings, body = crm.settings, call.json_object
    contents = _contents(body.get("content"), settings)
    send_type, target_type = body.get("sendType", 1), body.get("targetType")
    if not isinstance(send_type, int) or send_type not in SEND_TYPES:
        raise Rejected(OTHER, "sendType is error")
    if not isinstance(target_type, int) or target_type not in {PERSON, GROUP}:
        raise Rejected(OTHER, "targetType is error")
    agent = str(body.get("agentAccount") or "")
    if agent and agent not in settings.agents:
        raise Rejected(531)
    starts_at, ends_at = _times(body, settings, call.at)
    pairs, first = _pairs(crm, infos, target_type)
    if first is not None and (settings.refusal == "atomic" or not pairs):
        raise first
    name = str(body.get("name") or "")
    task = SendTask("", name, agent, send_type, target_type, pairs, contents, starts_at, ends_at)
    task_id = crm.memory(SendTasks).add(task, trans_ids=settings.trans_ids)
    if first is not None:
        raise first
    return Answer(data=_id_in_form(task_id, settings.send_task_data))


def _contents(contents: Any, settings: SandboxSettings) -> tuple[dict[str, Any], ...]:
    if not isinstance(contents, list) or not contents:
        raise Rejected(514)
    for content in contents:
        kind = content.get("type") if isinstance(content, dict) else None
        if not isinstance(kind, int) or kind not in {*FILES, *NEEDED}:
            raise Rejected(OTHER, "content type is error")
        if kind in FILES and not content.get("url"):
            raise Rejected(515)
        if not all(content.get(name) for name in NEEDED.get(kind, ())):
            raise Rejected(514)
        characters = sum(len(str(content.get(name) or "").encode("utf-16-le", "surrogatepass")) // 2 for name in WORDS)
        if characters > MOST_CHARACTERS:
            raise _too_large(settings, "content is too long")
    return tuple(contents)


def _times(body: Mapping[str, Any], settings: SandboxSettings, now: float) -> tuple[float, float | None]:
    """Return when a task starts and ends; a time in the past cannot be used, which is our assumption."""
    start, end = (_seconds(body.get(name), settings) for name in ("startTaskTime", "endTaskTime"))
    starts_at = now if start is None else start
    if starts_at < now or (end is not None and end <= starts_at):
        raise Rejected(513)
    return starts_at, end


def _seconds(value: Any, settings: SandboxSettings) -> float | None:
    if value is None or value == "":
        return None
    if settings.send_times == "milliseconds" and isinstance(value, int):
        return value / MILLISECONDS
    is_text = settings.send_times == "text" and isinstance(value, str)
    seconds = create_time_seconds(value, settings.time_zone) if is_text else None
    if seconds is None:
        raise Rejected(513)
    return seconds


def _pairs(crm: Crm, infos: Any, target_type: int) -> tuple[tuple[tuple[str, str], ...], Rejected | None]:
    """Return the pairs that are good, and why the first bad one is bad."""
    settings = crm.settings
    if not isinstance(infos, list) or not infos:
        raise Rejected(534)
    if len(infos) > MOST_RECIPIENTS:
        raise _too_large(settings, "sendInfos is too long")
    why_bad = _checks(crm, infos, target_type)
    found = [_pair(info) for info in infos]
    reasons = [why_bad(*pair) for pair in found]
    good = tuple(pair for pair, reason in zip(found, reasons, strict=True) if reason is None)
    return good, next((reason for reason in reasons if reason is not None), None)


def _pair(info: Any) -> tuple[str, str]:
    """Return sender and recipient of an item, each empty where the item has no such text."""
    values = (info.get("sendWhatsApp"), info.get("friendWhatsApp")) if isinstance(info, dict) else ("", "")
    sender, recipient = (value if isinstance(value, str) else "" for value in values)
    return sender, recipient


def _checks(crm: Crm, infos: list[Any], target_type: int) -> Callable[[str, str], Rejected | None]:
    settings = crm.settings
    senders = {each.number for each in service_numbers(settings)}
    pattern = NUMBER if target_type == PERSON else GROUP_ID
    needs_customer = settings.send_recipients == "customers" and target_type == PERSON
    customers = crm.store.known(settings.tenant_id, (_pair(info)[1] for info in infos)) if needs_customer else None

    def why_bad(sender: str, recipient: str) -> Rejected | None:
        if not recipient:
            return Rejected(534)
        if not NUMBER.fullmatch(sender) or (settings.send_senders == "known" and sender not in senders):
            return Rejected(OTHER, "sendWhatsApp is error")
        if not pattern.fullmatch(recipient):
            return Rejected(OTHER, "friendWhatsApp is error")
        return Rejected(532) if customers is not None and recipient not in customers else None

    return why_bad


def _too_large(settings: SandboxSettings, message: str) -> Rejected:
    return Rejected(507) if settings.send_limit == "507" else Rejected(OTHER, message)


def _id_in_form(task_id: str, form: str) -> Any:
    forms = {"object": {"taskId": task_id}, "text": task_id, "number": int(task_id), "empty": ""}
    return forms[form]


def _pace(settings: SandboxSettings) -> Pace:
    return Pace(settings.send_seconds, settings.send_interval)


ENDPOINTS = (
    Endpoint("POST", SEND_PATH, send_to_one),
    Endpoint("POST", SEND_MANY_PATH, send_to_many),
    Endpoint("GET", STATUS_PATH, query_status),
    Endpoint("POST", STATUS_PATH, query_status),
)


def tables(crm: Crm) -> Iterable[Table]:
    """Return the tasks, and the last of their messages with masked recipients, for the page."""
    now, pace = crm.now(), _pace(crm.settings)
    tasks: list[tuple[object, ...]] = []
    messages: list[tuple[object, ...]] = []
    for task in reversed(crm.memory(SendTasks).all()):
        states = task.message_states(now, pace)
        words = [MESSAGE_WORDS[state] for state in states]
        counts = ", ".join(f"{words.count(word):,} {word}" for word in dict.fromkeys(words))
        kind = SEND_TYPES[task.send_type]
        state = TASK_WORDS[task.state(now, pace)]
        tasks.append((task.id, task.name, kind, _shown(task), state, len(task.pairs), counts))
        left = max(0, SHOWN_MESSAGES - len(messages))
        last = [*zip(task.pairs, words, strict=True)][:left]
        messages += [(task.id, sender, _masked(number), word) for (sender, number), word in last]
    note = f"At most {SHOWN_MESSAGES}, of the newest tasks"
    yield Table("sends", "Sends to numbers", TASK_COLUMNS, tasks, "No task was created.", "Newest first")
    yield Table("send-messages", "Messages to numbers", MESSAGE_COLUMNS, messages, "No message was accepted.", note)


def _shown(task: SendTask) -> str:
    """Return the beginning of what people read first, or the address in its place."""
    first = task.contents[0]
    text = next((str(first[name]) for name in (*WORDS, "url") if first.get(name)), "")
    return text if len(text) <= SHOWN_TEXT else f"{text[: SHOWN_TEXT - 1]}…"


def _masked(number: str) -> str:
    return "•" * (len(number) - SHOWN_DIGITS) + number[-SHOWN_DIGITS:]


def _listed(crm: Crm, _request: Request, _body: Any) -> Any:
    now, pace = crm.now(), _pace(crm.settings)
    return [
        {
            "id": task.id,
            "name": task.name,
            "agent": task.agent,
            "channel": SEND_TYPES[task.send_type],
            "content": task.contents,
            "state": TASK_WORDS[task.state(now, pace)],
            "messages": [
                {"sender": sender, "recipient": recipient, "state": MESSAGE_WORDS[state]}
                for (sender, recipient), state in zip(task.pairs, task.message_states(now, pace), strict=True)
            ],
        }
        for task in crm.memory(SendTasks).all()
    ]


def _halt(crm: Crm, request: Request, body: Any) -> Any:
    """Stop or pause a task, or let it go on."""
    if not isinstance(body, dict) or body.get("state") not in HALTS:
        raise AdminError(f'give a task and what becomes of it, such as {{"id": "1", "state": "{next(iter(HALTS))}"}}')
    try:
        crm.memory(SendTasks).halt(str(body.get("id")), HALTS[body["state"]], crm.now())
    except Rejected:
        raise AdminError("there is no such task") from None
    return _listed(crm, request, body)


ADMIN_ACTIONS = {("GET", "sends"): _listed, ("POST", "sends"): _halt}
