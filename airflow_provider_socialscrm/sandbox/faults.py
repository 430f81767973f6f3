"""Faults on request: their kinds, the ones in force, and what each does to a call's reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from .codes import HTML_TYPE, Answer, Rejected, Reply

GATEWAY_PAGE = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
"""

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Status = Annotated[int, Meta(ge=200, le=599)]


class FaultError(ValueError):
    """A fault's kind is unknown, or one of its options does not fit."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The options that every kind of fault has.

    :param times: calls to strike; default until the fault is removed
    :param rate: probability of striking a call, 0 to 1; default every call
    :param after: calls to let pass first; default none
    :param path: the end of the API paths to strike, such as ``batchImport``; default all
    """

    times: Annotated[int, Meta(ge=1)] | None = None
    rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    after: Annotated[int, Meta(ge=0)] = 0
    path: str = ""

    @property
    def kind(self) -> str:
        """The fault's name in rules and in the list of calls."""
        return str(self.__struct_config__.tag)


class Latency(Rule, frozen=True, tag="latency"):
    """The call waits for some ``seconds`` before the CRM reads it; it combines with one other fault."""

    seconds: Seconds = 1.0


class ResetBefore(Rule, frozen=True, tag="reset_before"):
    """The connection is reset before anything is stored."""


class ResetAfter(Rule, frozen=True, tag="reset_after"):
    """The connection is reset after the customers were stored."""


class Truncated(Rule, frozen=True, tag="truncated"):
    """The customers were stored, but the connection closes after half of the response."""


class NotJson(Rule, frozen=True, tag="not_json"):
    """The customers were stored, but the response is not JSON."""


class Empty(Rule, frozen=True, tag="empty"):
    """The customers were stored, but the response's body is empty."""


class NoCode(Rule, frozen=True, tag="no_code"):
    """The customers were stored, but the response is a JSON object without ``code``."""


class Html(Rule, frozen=True, tag="html"):
    """A gateway answers with its HTML page and a ``status``; ``commit`` says whether the customers were stored."""

    status: Status = 502
    commit: bool = False


class Http(Rule, frozen=True, tag="http"):
    """A gateway answers with a ``status``, and ``retry_after``, seconds or an HTTP date; ``commit`` as for ``html``."""

    status: Status = 503
    retry_after: int | str | None = None
    commit: bool = False


class Code(Rule, frozen=True, tag="code"):
    """The CRM answers with a business ``code``; nothing was stored. ``message`` defaults to the vendor's text."""

    code: int = 517
    message: str | None = None


Fault = Latency | ResetBefore | ResetAfter | Truncated | NotJson | Empty | NoCode | Html | Http | Code
KINDS: dict[str, type[Rule]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Fault)}


def parse_fault(rule: Mapping[str, Any], *, strict: bool = True) -> Fault:
    """Read one rule, such as ``{"kind": "latency", "seconds": 0.2, "rate": 0.1}``.

    :param strict: when False, read texts as numbers where a number belongs, as a command line needs it
    :raises FaultError: when the kind does not exist, or an option does not fit it
    """
    kind = KINDS.get(str(rule.get("kind")))
    if kind is None:
        raise FaultError(f"unknown kind of fault {rule.get('kind')!r}; the kinds are {', '.join(KINDS)}")
    try:
        fault: Fault = msgspec.convert(dict(rule), type=Fault, strict=strict)
    except msgspec.ValidationError as error:
        options = ", ".join(kind.__struct_fields__)
        raise FaultError(f"fault {rule['kind']}: {error}; its options are {options}") from None
    return fault


@dataclass(frozen=True, slots=True)
class Injection:
    """The faults that strike one call.

    :param wait: seconds the call waits first
    :param fault: what happens to the call then, None when nothing does
    """

    wait: float = 0.0
    fault: Fault | None = None

    @property
    def name(self) -> str | None:
        """The kind of the fault, None without one; a latency is named only when nothing else happens."""
        if self.fault is None:
            return "latency" if self.wait else None
        return self.fault.kind

    @property
    def reaches_crm(self) -> bool:
        """Whether the call is carried out, and its customers stored."""
        match self.fault:
            case Html(commit=commit) | Http(commit=commit):
                return commit
            case ResetBefore() | Code():
                return False
            case _:
                return True

    def applied_to(self, reply: Reply) -> Reply:
        """Return what the fault makes of a reply; the reply does not matter when the call never reached the CRM."""
        match self.fault:
            case ResetBefore() | ResetAfter():
                reply = Reply(None)
            case Truncated():
                reply = replace(reply, content=reply.content[: len(reply.content) // 2], promised=len(reply.content))
            case NotJson():
                reply = Reply(200, b"<<< not JSON >>>")
            case Empty():
                reply = Reply(200)
            case NoCode():
                reply = Reply(200, b'{"message":"Success","data":""}')
            case Html(status=status):
                reply = Reply(status, GATEWAY_PAGE, content_type=HTML_TYPE)
            case Http(status=status, retry_after=retry_after):
                reply = Reply(status, headers={} if retry_after is None else {"Retry-After": str(retry_after)})
            case Code(code=code, message=message):
                reply = Reply.of(Answer.of(Rejected(code, message)))
        return reply


@dataclass
class ActiveFault:
    """One fault in force.

    :param fault: its rule
    :param seen: calls on its paths so far, without those that an earlier fault struck
    :param struck: calls it struck
    """

    fault: Fault
    seen: int = 0
    struck: int = 0

    def strikes(self, path: str, chance: float) -> bool:
        """Count a call and return whether the fault strikes it.

        :param chance: a random number, at least 0 and below 1
        """
        if not path.endswith(self.fault.path):
            return False
        self.seen += 1
        has_some_left = self.fault.times is None or self.struck < self.fault.times
        is_due = self.seen > self.fault.after and has_some_left and chance < self.fault.rate
        self.struck += is_due
        return is_due


class ActiveFaults:
    """The faults in force, in the order they were added.

    :param random: returns a number, at least 0 and below 1; seed it for runs that repeat
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._active: tuple[ActiveFault, ...] = ()

    def add(self, fault: Fault) -> None:
        """Put one fault in force."""
        self._active = (*self._active, ActiveFault(fault))

    def clear(self) -> None:
        """Remove all faults."""
        self._active = ()

    def injection(self, path: str) -> Injection:
        """Count a call and return what strikes it: all due latencies, and the first other fault that is due."""
        wait, fault = 0.0, None
        for active in self._active:
            if isinstance(active.fault, Latency):
                wait += active.fault.seconds if active.strikes(path, self._random()) else 0.0
            elif fault is None and active.strikes(path, self._random()):
                fault = active.fault
        return Injection(wait, fault)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults in force as JSON values, each with the number of calls it ``struck``."""
        return [{**msgspec.to_builtins(active.fault), "struck": active.struck} for active in self._active]
