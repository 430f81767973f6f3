"""What a send to numbers carries: texts, files by their public addresses, cards and links. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

LONGEST_TEXT: Final = 1_024
"""Characters of a message (vendor API 1.12), counted by :func:`length_of`."""

MOST_CONTENTS: Final = 10
"""Contents of a task; our choice, as many as the vendor's older call has (``sendIndex`` 0 to 9)."""


class Channel(StrEnum):
    """The kind of program that sends."""

    PC = "pc"
    MOBILE = "mobile"
    CLOUD_PC = "cloud_pc"


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    :param text: what people read.
    """

    text: str = field(repr=False)
    kind: str = field(default="text", init=False)


@dataclass(frozen=True, slots=True)
class _Media:
    url: str = field(repr=False)
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Image(_Media):
    """A picture.

    :param url: its public address; at most 25 MB.
    :param text: what people read below it.
    """

    kind: str = field(default="image", init=False)


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound.

    :param url: its public address; at most 25 MB.
    """

    url: str = field(repr=False)
    kind: str = field(default="audio", init=False)


@dataclass(frozen=True, slots=True)
class File(_Media):
    """A document.

    :param url: its public address; at most 25 MB.
    :param text: what people read below it.
    """

    kind: str = field(default="file", init=False)


@dataclass(frozen=True, slots=True)
class Video(_Media):
    """A film.

    :param url: its public address; at most 25 MB.
    :param text: what people read below it.
    """

    kind: str = field(default="video", init=False)


@dataclass(frozen=True, slots=True)
class Card:
    """A person's card.

    :param text: of the card, in a form that the vendor does not document.
    """

    text: str = field(repr=False)
    kind: str = field(default="card", init=False)


@dataclass(frozen=True, slots=True)
class LinkCard:
    """A link that is shown as a card.

    :param title: its heading.
    :param link: the address that it leads to.
    :param text: what people read below the heading.
    :param desc: a description, which the vendor does not explain.
    :param url: public address of a picture.
    """

    title: str = field(repr=False)
    link: str = field(repr=False)
    text: str = field(default="", repr=False)
    desc: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    kind: str = field(default="link_card", init=False)


@dataclass(frozen=True, slots=True)
class RouteLink:
    """A link that leads each reader to one of several people or groups.

    :param title: its heading.
    :param routes: whom it leads to: ids of agents, ids of groups, or numbers.
    :param to: ``agents``, ``groups`` or ``numbers``.
    :param text: what people read; empty repeats the title, as the vendor's client does.
    """

    title: str = field(repr=False)
    routes: tuple[str, ...] = field(repr=False)
    to: str = "numbers"
    text: str = field(default="", repr=False)
    kind: str = field(default="route_link", init=False)


Content = Text | Image | Audio | File | Video | Card | LinkCard | RouteLink

CONTENTS: Final[Mapping[str, type[Content]]] = {
    "text": Text,
    "image": Image,
    "audio": Audio,
    "file": File,
    "video": Video,
    "card": Card,
    "link_card": LinkCard,
    "route_link": RouteLink,
}
"""The kinds of content by the word that a dictionary has for them as its ``kind``."""

_TYPES: Final = {
    "text": 1, "image": 2, "audio": 3, "file": 4, "video": 5, "card": 6, "link_card": 10, "route_link": 11,
}  # fmt: skip
_ROUTE_TYPES: Final = {"agents": 1, "groups": 2, "numbers": 3}

CARRIED: Final[Mapping[Channel, frozenset[str]]] = {
    Channel.PC: frozenset(CONTENTS),  # the vendor's page names text and image, its newer client sends all of them
    Channel.MOBILE: frozenset({"text", "image", "link_card", "route_link"}),
    Channel.CLOUD_PC: frozenset(CONTENTS),  # nothing is documented
}
"""What each channel can carry, as far as it is known (vendor API 1.12)."""

_WORDS: Final = ("title", "text", "desc")
"""Arguments that people read."""

_ADDRESSES: Final = ("url", "link")
"""Arguments that are addresses."""

_ARGUMENTS: Final = {kind: tuple(each for each in fields(made) if each.init) for kind, made in CONTENTS.items()}
_REQUIRED: Final = {kind: {each.name for each in own if each.default is MISSING} for kind, own in _ARGUMENTS.items()}
_LOCAL_DOMAINS: Final = frozenset({"localhost", "local", "internal", "lan"})


def content_from(value: Any) -> Content:
    """Return the content that a text, an object or a dictionary means.

    A dictionary has the object's arguments and its ``kind``, such as ``{"kind": "image", "url": "https://..."}``; it
    is what Airflow stores for an object.

    :raises ValueError: in one sentence, without any value, if it means none.
    """
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, Content):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("content must be a text, an object such as Image, or a dictionary with a kind.")  # noqa: TRY004 - as its siblings
    kind = value.get("kind", "text")
    if not isinstance(kind, str) or kind not in CONTENTS:
        raise ValueError(f"content has a dictionary whose kind is not one of {', '.join(CONTENTS)}.")
    given: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in value.items() if name != "kind"
    }
    names = [each.name for each in _ARGUMENTS[kind]]
    if not _REQUIRED[kind] <= given.keys() <= {*names}:
        required = " and ".join(name for name in names if name in _REQUIRED[kind])
        raise ValueError(
            f"content has a dictionary of kind {kind} that does not fit: it may have {', '.join(names)}, and needs "
            f"{required}."
        )
    return CONTENTS[kind](**given)


def contents_from(value: Any) -> tuple[Content, ...]:
    """Return the contents that one of :func:`content_from`, or a list of them, means.

    :raises ValueError: as :func:`content_from`.
    """
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(content_from(each) for each in several)


def length_of(text: str) -> int:
    """Return the characters of a text as UTF-16 counts them, so that most emoji are two.

    Which characters the vendor counts is unknown. Of the two usual ways this is the stricter one (assumed).
    """
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def check_content(contents: Sequence[Any], channel: Channel | str = Channel.PC) -> None:
    """Check contents by what the vendor documents.

    :param channel: that is to carry them.
    :raises ValueError: in one sentence, naming what is wrong and none of its values.
    """
    if channel not in {*Channel}:
        raise ValueError(f"channel must be one of {', '.join(Channel)}.")
    if not contents:
        raise ValueError("content is empty: give a text, or another content.")
    if len(contents) > MOST_CONTENTS:
        raise ValueError(f"content has {len(contents)} parts: give at most {MOST_CONTENTS}.")
    for content in contents:
        if not isinstance(content, Content):
            raise ValueError("content has a part that is not a content: give objects such as Text or Image.")  # noqa: TRY004 - as its siblings
        if content.kind not in CARRIED[Channel(channel)]:
            raise ValueError(f"content has a kind that the channel {channel} does not carry: {content.kind}.")
        _check_words(content)
        _check_addresses(content)
        if isinstance(content, RouteLink):
            _check_routes(content)
        _check_length(content)


def fields_of(content: Content, place: int) -> dict[str, Any]:
    """Return an item of the call's ``content``.

    :param place: among the task's contents, from 0.
    """
    item: dict[str, Any] = {"type": _TYPES[content.kind]}
    if isinstance(content, RouteLink):
        item |= {
            "title": content.title,
            "text": content.text or content.title,
            "routeType": _ROUTE_TYPES[content.to],
            "routeList": list(content.routes),
        }
    else:
        given = {each.name: getattr(content, each.name) for each in _ARGUMENTS[content.kind]}
        item |= {name: value for name, value in given.items() if value}
    return item | {"sort": place}


def _check_words(content: Content) -> None:
    for name in (each for each in _WORDS if hasattr(content, each)):
        text = getattr(content, name)
        if not isinstance(text, str):
            raise ValueError(f"content of kind {content.kind} has a {name} that is not a text.")  # noqa: TRY004 - as its siblings
        if name in _REQUIRED[content.kind] and not text.strip():
            raise ValueError(f"content of kind {content.kind} has nothing for people to read: give its {name}.")
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValueError(f"content of kind {content.kind} has half a character in its {name}.")


def _check_length(content: Content) -> None:
    """Check what people read in a content, all of it together, since it is not known what counts as a message."""
    item = fields_of(content, 0)
    length = sum(length_of(item[name]) for name in _WORDS if name in item)
    if length > LONGEST_TEXT:
        raise ValueError(
            f"content of kind {content.kind} has {length:,} characters, and a message has at most {LONGEST_TEXT:,}: "
            "shorten it. An emoji may count as two or more."
        )


def _check_addresses(content: Content) -> None:
    for name in (each for each in _ADDRESSES if hasattr(content, each)):
        address = getattr(content, name)
        if address == "" and name not in _REQUIRED[content.kind]:
            continue
        if not isinstance(address, str) or not address:
            raise ValueError(f"content of kind {content.kind} has no address: give its {name}.")
        if not _is_public(address):
            raise ValueError(
                f"content of kind {content.kind} has a {name} that is not a public address: it must begin with "
                "https:// or http:// and name a host that anybody can reach, without a login."
            )


def _check_routes(content: RouteLink) -> None:
    if content.to not in _ROUTE_TYPES:
        raise ValueError(f"content of kind route_link has a to that is not one of {', '.join(_ROUTE_TYPES)}.")
    routes: Any = content.routes
    if not isinstance(routes, tuple | list) or not routes:
        raise ValueError("content of kind route_link has no routes: give a list of at least one.")
    if not all(isinstance(each, str) and each.strip() for each in routes):
        raise ValueError("content of kind route_link has routes that are not texts.")


def _is_public(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        return False
    if any(sign <= " " or sign == "\x7f" for sign in address):
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        name, _, domain = host.rstrip(".").rpartition(".")
        return bool(name) and domain not in _LOCAL_DOMAINS and not domain.isdigit()
