"""The endpoint that creates mass sends to a stage, a tag or a group: tasks that move through their states by the clock.

A task reaches the customers that the CRM holds when it begins: one after the other, in the middle of its interval.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .authentication import check_administrator, check_body_signed, create_time_seconds
from .codes import OTHER, Answer, Rejected
from .crm import Endpoint
from .tables import Table

if TYPE_CHECKING:
    from .crm import ApiCall, Crm
    from .settings import SandboxSettings

MASS_SEND_PATH = "/wscrm-bus-api/open/mark/batchAdd"

STAGE, TAG, GROUP = 0, 1, 2
"""The documented values of ``customerGroupKey``."""
KINDS = {STAGE: "stage", TAG: "tag", GROUP: "group"}
TEXT, PICTURE, VIDEO, FILE = 1, 2, 3, 4
"""The documented values of ``contentType``."""
NOW, TIMED = 1, 2
"""The documented values of ``type``."""

NOT_STARTED, PROCESSING, COMPLETED = "not started", "processing", "completed"


@dataclass(frozen=True, slots=True)
class MassSend:
    """A task.

    :param id: counts the tasks from 1
    :param name: no other task has it
    :param executors: logins of the agents who send
    :param group: kind and name of the customers' group
    :param content: what they get
    :param starts_at: seconds since the epoch
    :param seconds: from one customer to the next
    :param numbers: of the customers who get it
    """

    id: int
    name: str
    executors: tuple[str, ...]
    group: str
    content: str
    starts_at: float
    seconds: float
    numbers: tuple[str, ...]

    def reached(self, now: float) -> int:
        """Return how many customers have got the message."""
        if now < self.starts_at:
            return 0
        steps = (now - self.starts_at) / self.seconds if self.seconds else len(self.numbers)
        return min(len(self.numbers), int(steps) + 1)

    def state(self, now: float) -> str:
        """Return how far the task is."""
        if now < self.starts_at:
            return NOT_STARTED
        return COMPLETED if self.reached(now) == len(self.numbers) else PROCESSING


@dataclass
class MassSends:
    """The tasks by name, in the order in which they were created. Safe to use from several threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tasks: list[MassSend] = field(default_factory=list)


def create_mass_sends(crm: Crm, call: ApiCall) -> Answer:
    """Create the tasks of a call; the setting ``refusal`` says whether good ones stay beside a bad one.

    :raises Rejected: with the reason why the call, or its first bad task, is rejected
    """
    check_body_signed(call.json_object, crm.settings, call.at, check_administrator)
    data = call.json_object.get("data")
    if not isinstance(data, list) or not data:
        raise Rejected(506)
    if len(data) > crm.settings.rows_per_call or len(call.raw) > crm.settings.bytes_per_call:  # our assumption
        raise Rejected(507)
    known = crm.memory(MassSends)
    with known.lock:
        created, first = _created(crm, call, data, known.tasks)
        if first is not None and crm.settings.refusal == "atomic":
            raise first
        known.tasks += created
    if first is not None:
        raise first
    return Answer(data=[task.id for task in created] if crm.settings.mass_send_data == "ids" else "")


def _created(
    crm: Crm, call: ApiCall, data: Sequence[Any], before: Sequence[MassSend]
) -> tuple[list[MassSend], Rejected | None]:
    """Return the tasks that are good, and why the first bad one is bad."""
    created: list[MassSend] = []
    first = None
    for fields in data:
        try:
            created.append(_task(crm, call, fields, [*before, *created]))
        except Rejected as rejected:
            first = first or rejected
    return created, first


def _task(crm: Crm, call: ApiCall, fields: Any, before: Sequence[MassSend]) -> MassSend:
    if not isinstance(fields, dict):
        raise Rejected(OTHER, "data format error")
    settings = crm.settings
    name = _name(fields, settings, [task for task in before if _is_taken(task, settings, call.at)])
    executors = _executors(fields, settings)
    group, numbers = _group(crm, fields)
    content = _content(fields)
    starts_at = _start(fields, settings, call.at)
    least, most = fields.get("sendTimeMin"), fields.get("sendTimeMax")
    if not isinstance(least, int) or not isinstance(most, int):
        raise Rejected(520)
    seconds = (least + most) / 2 / settings.mass_send_speed
    return MassSend(len(before) + 1, name, executors, group, content, starts_at, seconds, numbers)


def _is_taken(task: MassSend, settings: SandboxSettings, now: float) -> bool:
    return settings.mass_send_names == "all" or task.state(now) != COMPLETED


def _name(fields: Mapping[str, Any], settings: SandboxSettings, taken: Iterable[MassSend]) -> str:
    name = fields.get("name")
    if not isinstance(name, str) or not name.strip():
        raise Rejected(503)
    if len(name) > settings.mass_send_name_length:
        raise Rejected(OTHER, "name is too long")
    if name in {task.name for task in taken}:
        raise Rejected(521)
    return name


def _executors(fields: Mapping[str, Any], settings: SandboxSettings) -> tuple[str, ...]:
    """Return the executors; a text that is not in brackets, or a list of other values, cannot be read: 504."""
    as_list = fields.get("executorList") if settings.executors_as in {"list", "both"} else None
    as_text = fields.get("executor") if settings.executors_as in {"text", "both"} else None
    found = as_text if as_list in (None, "", []) else as_list
    if found in (None, "", [], "[]"):
        raise Rejected(505)
    if isinstance(found, str) and found.startswith("[") and found.endswith("]"):
        found = [login.strip() for login in found[1:-1].split(",")]
    if not isinstance(found, list) or not all(isinstance(login, str) for login in found):
        raise Rejected(504)
    if not set(found) <= {*settings.agents}:
        raise Rejected(508)
    return tuple(found)


def _group(crm: Crm, fields: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the group in words, and its customers' numbers. 527 and 528 for a group are our assumption."""
    key, value, value_id = (fields.get(f"customerGroup{name}") for name in ("Key", "Value", "ValueId"))
    if key is None and not value and not value_id:
        raise Rejected(509)
    if type(key) is not int or key not in KINDS:
        raise Rejected(510)
    if not isinstance(value, str) or not value.strip() or not value_id:
        raise Rejected(511)
    if key == GROUP:
        if not str(value_id).isdigit():
            raise Rejected(527)
        named = (text.partition("=") for text in crm.settings.groups)
        groups = {name: numbers.split("|") for name, _, numbers in named}
        if value not in groups:
            raise Rejected(528)
        numbers = [*crm.store.known(crm.settings.tenant_id, groups[value])]
    else:
        customers = crm.store.customers()
        numbers = [
            each.whatsapp
            for each in customers
            if (each.fields.get("stage") == value if key == STAGE else value in each.tags)
        ]
        if not numbers and crm.settings.mass_send_nobody == "511":
            raise Rejected(511)
    return f"{KINDS[key]} {value}", tuple(sorted(numbers))


def _content(fields: Mapping[str, Any]) -> str:
    content, kind = fields.get("content"), fields.get("contentType")
    if not isinstance(content, str) or not content.strip():
        raise Rejected(514)
    if kind not in {TEXT, PICTURE, VIDEO, FILE}:
        raise Rejected(OTHER, "contentType is error")
    if kind != TEXT and not (fields.get("fileUrl") and fields.get("fileName")):
        raise Rejected(515)
    return content


def _start(fields: Mapping[str, Any], settings: SandboxSettings, now: float) -> float:
    """Return when a task begins; a time in the past is one that cannot be used, which is our assumption."""
    start = fields.get("startTime")
    if fields.get("type") == NOW:
        if start:
            raise Rejected(512)
        return now
    if fields.get("type") != TIMED:
        raise Rejected(OTHER, "type is error")
    starts_at = create_time_seconds(start, settings.time_zone) if isinstance(start, str) else None
    if starts_at is None or starts_at <= now:
        raise Rejected(513)
    return starts_at


ENDPOINTS = (Endpoint("POST", MASS_SEND_PATH, create_mass_sends),)


def _listed(crm: Crm) -> list[dict[str, Any]]:
    now = crm.now()
    return [
        {
            "id": task.id,
            "name": task.name,
            "executors": task.executors,
            "group": task.group,
            "content": task.content,
            "state": task.state(now),
            "recipients": len(task.numbers),
            "reached": [*task.numbers[: task.reached(now)]],
        }
        for task in [*crm.memory(MassSends).tasks]
    ]


ADMIN_ACTIONS = {("GET", "mass_sends"): lambda crm, _request, _body: _listed(crm)}


def tables(crm: Crm) -> Iterable[Table]:
    """Return the tasks with how many customers they reach, for the page."""
    rows = [
        (each["name"], each["group"], ", ".join(each["executors"]), each["state"], each["recipients"],
         len(each["reached"]))
        for each in reversed(_listed(crm))
    ]  # fmt: skip
    columns = ("Name", "To", "Executors", "State", "Recipients", "Reached")
    return [Table("mass-sends", "Mass sends", columns, rows, "No task was created.", "Newest first")]
