"""The settings of a sandbox: each with its unit, its default and the source of the default.

Where the vendor's documentation is silent, a setting or a line of ``FIXED_ASSUMPTIONS`` says what the sandbox does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

SECRET_SETTINGS = frozenset({"api_key", "webhook_secret"})
"""Settings that no response ever shows. The page shows the ApiKey in a connection, unless somebody chose it."""

MAX_CLOCK_OFFSET = 10 * 365 * 24 * 3600.0
"""Seconds, ten years; our choice: within it, dates can still express the skewed clock."""

ASSUMED_SETTINGS = (
    "refusal",
    "failures",
    "strangers",
    "over_limit",
    "check_order",
    "create_time_expires",
    "window_seconds",
    "time_zone",
    "rows_per_call",
    "bytes_per_call",
    "unknown_agents",
    "agent_list",
    "numbers_as",
    "chat_order",
    "chat_total",
    "chat_page_size",
    "chat_past_end",
    "screening_limit",
    "screening_method",
    "screening_result",
    "webhook_signature",
    "webhook_names",
    "signers",
    "executors_as",
    "mass_send_names",
    "mass_send_name_length",
    "mass_send_data",
    "mass_send_nobody",
    "send_limit",
    "send_task_data",
    "send_times",
    "trans_ids",
    "send_senders",
    "send_recipients",
    "send_status_method",
    "send_number_field",
    "group_link_pending",
    "group_link_seconds",
    "unknown_customers",
    "owners_signing",
)
"""Settings that answer an open question, the most important first."""

FIXED_ASSUMPTIONS = (
    (
        "A known number is updated: given fields overwrite, others stay, the last agent owns it "
        "(see docs/vendor-api.md, 3.5)."
    ),
    (
        "An extension field that is not configured or does not fit its type: 533; an empty value fits "
        "(see docs/vendor-api.md, 3.3)."
    ),
    (
        "A number not of 7 to 15 digits, a malformed birthday, a built-in field that is not a text: -1 "
        "(see docs/vendor-api.md, 3.2)."
    ),
    (
        "What a signature lacks is found before its values are checked, and the rows are checked last "
        "(see docs/vendor-api.md, 3.5)."
    ),
    "523 or 501 for a header-signed body's tenantId; -1 for a body that is not an object.",
    "Tags, stages and sources need no configuration: any name is accepted (see docs/vendor-api.md, 3.2).",
    (
        "The response to an import has an empty data unless the setting failures makes it name rows "
        "(see docs/vendor-api.md, 6.2)."
    ),
)
"""Assumptions that no setting switches."""

CHECKS = ("tenant", "token", "time", "plan", "role")
"""What a signed call is checked for."""

Name = Annotated[str, Meta(min_length=1)]
ServiceNumberText = Annotated[str, Meta(pattern=r"^[^=]+=[0-9]{7,15}(@(pc|mobile|cloud))?$")]
GroupText = Annotated[str, Meta(pattern=r"^[^=]+=([0-9]{7,15}(\|[0-9]{7,15})*)?$")]
ExtensionType = Annotated[str, Meta(pattern=r"^(text|number|date|select:.+)$")]


class SettingsError(ValueError):
    """A setting is unknown, or its value does not fit; the message names the setting."""


class SandboxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides how one sandbox answers.

    Each setting's description is part of its type; the page, the command line and the error messages show it. "Our
    assumption" marks what the vendor does not document.
    """

    tenant_id: Annotated[str, Meta(min_length=1, description="Company id that every call must carry.")] = "1"
    api_key: Annotated[
        str, Meta(min_length=1, description="ApiKey that tokens are verified with; shown only if it is this default.")
    ] = "SANDBOXKEY0123456789"
    admins: Annotated[
        tuple[Name, ...], Meta(description="Administrator logins; they cannot import (see docs/vendor-api.md, 2.5).")
    ] = ("admin",)
    agents: Annotated[tuple[Name, ...], Meta(description="Agent logins that can get customers.")] = (
        "agent_wang",
        "agent_silva",
        "agent_okafor",
        "agent_novak",
    )
    extension_fields: Annotated[
        dict[Name, ExtensionType],
        Meta(
            description=(
                "Configured extension fields: name to text, number, date or select:a|b (see docs/vendor-api.md, 3.3)."
            )
        ),
    ] = msgspec.field(default_factory=lambda: {"Loyalty Level": "select:Bronze|Silver|Gold", "Last Order": "date"})
    plan: Annotated[
        Literal["professional", "basic"], Meta(description="professional or basic; basic has no API: code 529.")
    ] = "professional"
    window_seconds: Annotated[
        float, Meta(gt=0, description="Seconds a signature may be off; our assumption (see docs/vendor-api.md, 2.4).")
    ] = 60.0
    create_time_expires: Annotated[
        bool,
        Meta(
            description=(
                "Whether an old or a future createTime is rejected; our assumption (see docs/vendor-api.md, 2.4)."
            )
        ),
    ] = True
    check_order: Annotated[
        tuple[str, ...],
        Meta(
            description=(
                f"Order of the checks, the names {', '.join(CHECKS)}; our assumption (see docs/vendor-api.md, 3.5)."
            )
        ),
    ] = CHECKS
    time_zone: Annotated[
        str, Meta(description="Zone of createTime, an IANA name; our assumption (see docs/vendor-api.md, 2.3).")
    ] = "Asia/Shanghai"
    clock_offset: Annotated[
        float,
        Meta(
            ge=-MAX_CLOCK_OFFSET,
            le=MAX_CLOCK_OFFSET,
            description="Seconds the server's clock is ahead, also in the Date header; negative: behind.",
        ),
    ] = 0.0
    rows_per_call: Annotated[
        int,
        Meta(ge=1, description="Rows one call may carry, above it 507; our assumption (see docs/vendor-api.md, 5.2)."),
    ] = 1000
    bytes_per_call: Annotated[
        int,
        Meta(ge=1, description="Bytes one body may have, above it 507; our assumption (see docs/vendor-api.md, 5.2)."),
    ] = 4 * 1024 * 1024
    calls_per_second: Annotated[
        int, Meta(ge=1, description="Calls a second one path takes (see docs/vendor-api.md, 5.1).")
    ] = 50
    over_limit: Annotated[
        Literal["429", "429-retry-after", "517"],
        Meta(
            description=(
                "Response above calls_per_second: 429, 429-retry-after or 517; our assumption "
                "(see docs/vendor-api.md, 5.1)."
            )
        ),
    ] = "429-retry-after"
    refusal: Annotated[
        Literal["atomic", "partial"],
        Meta(
            description=(
                "atomic: one bad row rejects the whole call; partial: good rows stay; our assumption "
                "(see docs/vendor-api.md, 6.1)."
            )
        ),
    ] = "atomic"
    failures: Annotated[
        Literal["unnamed", "whats_ids", "lists"],
        Meta(
            description=(
                "How the response names rows: unnamed, whats_ids or lists; our assumption "
                "(see docs/vendor-api.md, 6.2)."
            )
        ),
    ] = "unnamed"
    strangers: Annotated[
        Literal["none", "extra", "missing"],
        Meta(description="extra: a response that names rows adds a number nobody sent; missing: it omits one; none."),
    ] = "none"
    unknown_agents: Annotated[
        Literal["530", "null"],
        Meta(
            description=(
                "Response to a query for an unknown login: 530, or null as data; our assumption "
                "(see docs/vendor-api.md, 1.4)."
            )
        ),
    ] = "530"
    agent_list: Annotated[
        Literal["userName", "username", "refused"],
        Meta(
            description=(
                "Field with the login in the list of agents, or refused: there is no list; our assumption "
                "(see docs/vendor-api.md, 1.6)."
            )
        ),
    ] = "userName"
    service_numbers: Annotated[
        tuple[ServiceNumberText, ...],
        Meta(description="Numbers that agents work with, as agent=number, or agent=number@mobile or @cloud."),
    ] = ("agent_wang=8613900000001", "agent_silva=5511900000002@mobile")
    offline: Annotated[tuple[Name, ...], Meta(description="Service numbers that are not online.")] = ()
    numbers_as: Annotated[
        Literal["objects", "texts"],
        Meta(
            description=(
                "How lists whose items are not documented have service numbers: objects or texts; our assumption "
                "(see docs/vendor-api.md, 1.6)."
            )
        ),
    ] = "objects"
    chats_per_day: Annotated[
        int, Meta(ge=0, le=10_000_000, description="Messages a day of each agent; the same in every run.")
    ] = 100
    chat_order: Annotated[
        Literal["newest", "oldest", "unstable"],
        Meta(
            description=(
                "Which messages are first in a list: newest or oldest; unstable: messages of one second change places "
                "from call to call; our assumption (see docs/vendor-api.md, 1.7)."
            )
        ),
    ] = "newest"
    chat_total: Annotated[
        Literal["exact", "rounded", "capped", "missing"],
        Meta(
            description=(
                "The total of a list of messages: exact, rounded down to tens, capped at 10,000 or missing; our "
                "assumption (see docs/vendor-api.md, 1.7)."
            )
        ),
    ] = "exact"
    chat_page_size: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Messages that a page has at most, whatever the call asks for; our assumption "
                "(see docs/vendor-api.md, 1.7)."
            ),
        ),
    ] = 500
    chat_past_end: Annotated[
        Literal["empty", "last"],
        Meta(
            description=(
                "The page behind the last one: empty, or the last one again; our assumption "
                "(see docs/vendor-api.md, 1.7)."
            )
        ),
    ] = "empty"
    screening_seconds: Annotated[float, Meta(ge=0, description="Seconds that a screening order takes.")] = 2.0
    screening_limit: Annotated[
        Literal["507", "-1"],
        Meta(
            description=(
                "Response to an order of fewer than 500 or more than 20,000 numbers: 507 or -1; our assumption "
                "(see docs/vendor-api.md, 1.8)."
            )
        ),
    ] = "507"
    screening_method: Annotated[
        Literal["POST", "GET"],
        Meta(
            description=(
                "Method that reads a screening's result, POST or GET; with the other one HTTP 405; our assumption "
                "(see docs/vendor-api.md, 1.8)."
            )
        ),
    ] = "POST"
    screening_result: Annotated[
        Literal["objects", "map", "lists", "numbers"],
        Meta(
            description=(
                "Form of a screening's result: objects, map (by number), lists (by verdict) or numbers (those found); "
                "our assumption (see docs/vendor-api.md, 1.8)."
            )
        ),
    ] = "objects"
    webhook_url: Annotated[
        str, Meta(pattern=r"^(https?://.+)?$", description="Address that webhooks are sent to; empty: none are sent.")
    ] = ""
    webhook_secret: Annotated[
        str, Meta(min_length=1, description="Secret that webhooks are signed with; never shown.")
    ] = "SANDBOXSECRET0123456789"  # noqa: S105 - the sandbox's own
    webhook_speed: Annotated[
        float, Meta(gt=0, description="How much faster than the vendor a webhook is repeated; 10: after 1, 3, 18 s ...")
    ] = 1.0
    webhook_signature: Annotated[
        Literal["headers", "body"],
        Meta(
            description=(
                "Where the signature of a webhook is: headers, or body as before June 2024; our assumption "
                "(see docs/vendor-api.md, 9.1)."
            )
        ),
    ] = "headers"
    webhook_names: Annotated[
        tuple[Name, Name, Name],
        Meta(
            description=(
                "Headers of a webhook with tenant, time and signature; our assumption (see docs/vendor-api.md, 9.1)."
            )
        ),
    ] = ("tenant_id", "timestamp", "access_token")

    signers: Annotated[
        Literal["admins", "anybody"],
        Meta(
            description=(
                "Who signs mass sends, group links and cleared owners: admins, or anybody (agents, too); others get "
                "530; our assumption (see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "admins"
    groups: Annotated[
        tuple[GroupText, ...],
        Meta(description="Groups of customers that a mass send may go to, as name=number|number."),
    ] = ("VIP=",)
    executors_as: Annotated[
        Literal["list", "text", "both"],
        Meta(
            description=(
                'How a mass send has its executors: list ("executorList": ["a"]), text ("executor": "[a]") or both; '
                "our assumption (see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "list"
    mass_send_names: Annotated[
        Literal["all", "unfinished"],
        Meta(
            description=(
                "Whose names are taken (521): those of all mass sends, or of unfinished ones only; our assumption "
                "(see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "all"
    mass_send_name_length: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Characters of a mass send's name, above it -1; our assumption (see docs/vendor-api.md, 1.9)."
            ),
        ),
    ] = 100
    mass_send_data: Annotated[
        Literal["empty", "ids"],
        Meta(
            description=(
                "Data of the response to a mass send: empty, or the ids of the tasks; our assumption "
                "(see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "empty"
    mass_send_nobody: Annotated[
        Literal["accepted", "511"],
        Meta(
            description=(
                "Response to a mass send to a stage or tag that no customer has: accepted or 511; our assumption "
                "(see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "accepted"
    mass_send_speed: Annotated[
        float, Meta(gt=0, description="How much faster than its interval a mass send goes from customer to customer.")
    ] = 1.0
    send_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds from one state of a message to the next; 0: each has its last state at once.",
        ),
    ] = 1.0
    send_interval: Annotated[
        float, Meta(ge=0, description="Seconds from one recipient of a send to numbers to the next.")
    ] = 0.1
    send_limit: Annotated[
        Literal["507", "-1"],
        Meta(
            description=(
                "Response to a send to more than 5,000 numbers, or of more than 1,024 characters in UTF-16: 507 or -1; "
                "our assumption (see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "507"
    send_task_data: Annotated[
        Literal["object", "text", "number", "empty"],
        Meta(
            description=(
                "How the response to a send has the task's id: object (taskId), text, number or empty (not at all); "
                "our assumption (see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "object"
    send_times: Annotated[
        Literal["text", "milliseconds"],
        Meta(
            description=(
                "Form of a send's times, a text in time_zone or milliseconds; another gets 513; our assumption "
                "(see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "text"
    trans_ids: Annotated[
        Literal["ignored", "refused", "same"],
        Meta(
            description=(
                "What a transId that another send has leads to: ignored, refused with -1, or the same task again; our "
                "assumption (see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "ignored"
    send_senders: Annotated[
        Literal["known", "any"],
        Meta(
            description=(
                "Which numbers may send: known service numbers, others get -1, or any; our assumption "
                "(see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "known"
    send_recipients: Annotated[
        Literal["anybody", "customers"],
        Meta(
            description=(
                "Who may get a message: anybody, or customers only, others get 532; our assumption "
                "(see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "anybody"
    send_status_method: Annotated[
        Literal["GET", "POST"],
        Meta(
            description=(
                "Method that reads the state of a send, GET or POST; with the other one HTTP 405; our assumption "
                "(see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "GET"
    send_number_field: Annotated[
        Literal["friendWhatsApp", "friendWhatsId", "whatsApp"],
        Meta(
            description=(
                "Field with the number in the state of a message: friendWhatsApp, friendWhatsId or whatsApp; our "
                "assumption (see docs/vendor-api.md, 1.12)."
            )
        ),
    ] = "friendWhatsApp"
    group_link_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description=(
                "Seconds until a group link is parsed, before that 538; our assumption (see docs/vendor-api.md, 1.10)."
            ),
        ),
    ] = 2.0
    group_link_pending: Annotated[
        Literal["call", "link"],
        Meta(
            description=(
                "Where 537 and 538 are: the code of the call, or of each link in the response; our assumption "
                "(see docs/vendor-api.md, 1.10)."
            )
        ),
    ] = "call"
    unknown_customers: Annotated[
        Literal["named", "532"],
        Meta(
            description=(
                "Response when the owner of a customer is cleared whom the CRM does not have: named as failed, or 532; "
                "our assumption (see docs/vendor-api.md, 1.11)."
            )
        ),
    ] = "named"
    owners_signing: Annotated[
        Literal["both", "body"],
        Meta(
            description=(
                "How clearing owners may be signed: both ways, or body only; our assumption "
                "(see docs/vendor-api.md, 1.11)."
            )
        ),
    ] = "both"

    def __post_init__(self) -> None:
        if sorted(self.check_order) != sorted(CHECKS):
            raise SettingsError(
                f"setting check_order: give each of {', '.join(CHECKS)} once. It means: {description('check_order')}"
            )
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise SettingsError(
                f"setting time_zone: {self.time_zone!r} is not a known zone; give an IANA name such as Asia/Shanghai"
            ) from None

    def changed(self, changes: Mapping[str, Any], *, strict: bool = True) -> SandboxSettings:
        """Return a copy with some settings changed, each value checked against its type.

        :param changes: name to value, as in a JSON document
        :param strict: when False, read texts as numbers where a number belongs, as a command line needs it
        :raises SettingsError: when a setting does not exist or a value does not fit
        """
        if unknown := sorted(changes.keys() - set(FIELD_TYPES)):
            raise SettingsError(f"unknown setting {', '.join(unknown)}; the settings are {', '.join(FIELD_TYPES)}")
        values = {name: _converted(name, value, strict=strict) for name, value in changes.items()}
        # Not by replace(), which does not run __post_init__ before msgspec 0.21.
        return SandboxSettings(**msgspec.structs.asdict(self) | values)

    @property
    def has_own_key(self) -> bool:
        """Whether somebody chose the ApiKey; the default one is in the source, and not a secret."""
        return self.api_key != SandboxSettings().api_key

    def shown(self) -> dict[str, Any]:
        """Return every setting but the secret ones, as JSON values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in values.items() if name not in SECRET_SETTINGS}


FIELD_TYPES = {field.name: field.type for field in msgspec.structs.fields(SandboxSettings)}


def description(name: str) -> str:
    """Return one setting's description, in one sentence."""
    return next(str(meta.description) for meta in get_args(FIELD_TYPES[name]) if isinstance(meta, Meta))


@dataclass(frozen=True, slots=True)
class Assumption:
    """One open question and its answer in force.

    :param setting: the setting that switches it
    :param value: its value in force, as JSON
    :param meaning: what the setting means, in one sentence
    :param option: the command-line option that sets it
    """

    setting: str
    value: str
    meaning: str
    option: str


def assumptions_in_force(settings: SandboxSettings) -> list[Assumption]:
    """Return the switchable assumptions with their values in force."""
    return [
        Assumption(
            name,
            msgspec.json.encode(getattr(settings, name)).decode(),
            description(name),
            f"--{name.replace('_', '-')}",
        )
        for name in ASSUMED_SETTINGS
    ]


def _converted(name: str, value: Any, *, strict: bool) -> Any:
    try:
        return msgspec.convert(value, type=FIELD_TYPES[name], strict=strict)
    except msgspec.ValidationError as error:
        raise SettingsError(f"setting {name}: {error}. It means: {description(name)}") from None
