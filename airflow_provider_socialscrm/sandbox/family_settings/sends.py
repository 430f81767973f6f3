"""How the sandbox takes sends to numbers, and how fast they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class SendSettings:
    """Tasks that send to numbers, and their states."""

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
