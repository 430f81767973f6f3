"""What a send to numbers carries, and what is checked of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.contents import (
    CARRIED,
    CONTENTS,
    LONGEST_TEXT,
    Audio,
    Card,
    Channel,
    File,
    Image,
    LinkCard,
    RouteLink,
    Text,
    Video,
    check_content,
    content_from,
    contents_from,
    fields_of,
    length_of,
)
from airflow_provider_socialscrm.runtime.plain_arguments import plain

URL = "https://x.example/a.png"
LINK = "https://shop.example/?a=1"
ONE_OF_EACH = [
    Text("Hello"),
    Image(URL, "Look"),
    Audio(URL),
    File(URL, "Look"),
    Video(URL),
    Card("8613900000001"),
    LinkCard("Shop", LINK, "Look", "New", URL),
    RouteLink("Ask us", ("7", "8"), "agents", "Now"),
]


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (Text("Hello"), {"type": 1, "text": "Hello"}),
        (Image(URL, "Look"), {"type": 2, "url": URL, "text": "Look"}),
        (Image(URL), {"type": 2, "url": URL}),
        (Audio(URL), {"type": 3, "url": URL}),
        (File(URL, "Look"), {"type": 4, "url": URL, "text": "Look"}),
        (Video(URL), {"type": 5, "url": URL}),
        (Card("8613900000001"), {"type": 6, "text": "8613900000001"}),
        (LinkCard("Shop", LINK), {"type": 10, "title": "Shop", "link": LINK}),
        (
            LinkCard("Shop", LINK, "Look", "New", URL),
            {"type": 10, "title": "Shop", "link": LINK, "text": "Look", "desc": "New", "url": URL},
        ),
        (
            RouteLink("Ask us", ("7",), "agents"),
            {"type": 11, "title": "Ask us", "text": "Ask us", "routeType": 1, "routeList": ["7"]},
        ),
        (
            RouteLink("Ask us", ("8613900000001",), text="Now"),
            {"type": 11, "title": "Ask us", "text": "Now", "routeType": 3, "routeList": ["8613900000001"]},
        ),
    ],
)
def test_a_content_has_the_vendors_fields(content, fields):
    check_content([content])
    assert fields_of(content, 4) == {**fields, "sort": 4}


@pytest.mark.parametrize("content", ONE_OF_EACH, ids=lambda content: content.kind)
def test_what_airflow_stores_for_a_content_means_that_content(content):
    stored = plain(content)

    assert type(stored) is dict
    assert content_from(stored) == content_from(content) == content
    assert contents_from([stored, "Hello"]) == (content, Text("Hello"))
    assert contents_from(content) == (content,)


def test_there_is_one_kind_for_each_content():
    assert {type(content): content.kind for content in ONE_OF_EACH} == {made: kind for kind, made in CONTENTS.items()}
    assert contents_from("Hello") == contents_from({"text": "Hello"}) == (Text("Hello"),)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "must be a text"),
        (5, "must be a text"),
        ({"kind": "fax", "text": "secret"}, "whose kind is not one of text, image"),
        ({"kind": ["text"], "text": "secret"}, "whose kind is not one of"),
        ({"kind": "image", "text": "secret"}, "of kind image that does not fit: it may have url, text, and needs url"),
        ({"kind": "text", "text": "secret", "secret": 1}, "of kind text that does not fit"),
        ({"kind": "link_card", "title": "secret"}, "needs title and link"),
        ({}, "needs text"),
    ],
)
def test_what_means_no_content_is_one_sentence_without_it(value, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        content_from(value)
    assert str(raised.value).endswith(".")
    assert "secret" not in str(raised.value)


def long(length: int) -> str:
    return "x" * length


BAD = [
    ((), "content is empty"),
    ([Text("a")] * 11, "has 11 parts: give at most 10"),
    ("Hello", "has a part that is not a content"),
    ([Text("a"), "b"], "has a part that is not a content"),
    ([Text("")], "nothing for people to read: give its text"),
    ([Text(" \n")], "nothing for people to read"),
    ([Text(5)], "has a text that is not a text"),
    ([Text("\ud800")], "half a character in its text"),
    ([Text(long(1025))], "has 1,025 characters, and a message has at most 1,024"),
    ([Text("\N{GRINNING FACE}" * 513)], "has 1,026 characters"),
    ([Image(URL, long(1025))], "kind image has 1,025 characters"),
    ([LinkCard(long(500), LINK, long(500), long(25))], "kind link_card has 1,025 characters"),
    ([RouteLink(long(600), ("7",))], "kind route_link has 1,200 characters"),
    ([Card("")], "nothing for people to read"),
    ([LinkCard("", LINK)], "give its title"),
    ([LinkCard("Shop", "")], "has no address: give its link"),
    ([Image("")], "kind image has no address: give its url"),
    ([Audio(None)], "kind audio has no address"),
    ([LinkCard("Shop", LINK, url=None)], "has no address: give its url"),
    ([RouteLink("Ask", ())], "has no routes"),
    ([RouteLink("Ask", "7")], "has no routes"),
    ([RouteLink("Ask", ("",))], "routes that are not texts"),
    ([RouteLink("Ask", (7,))], "routes that are not texts"),
    ([RouteLink("Ask", ("7",), "people")], "a to that is not one of agents, groups, numbers"),
]


@pytest.mark.parametrize(("contents", "sentence"), BAD)
def test_bad_content_is_one_sentence(contents, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        check_content(contents)
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize(
    "address",
    [
        "a.png",
        "/files/a.png",
        "ftp://x.example/a.png",
        "file:///etc/passwd",
        "s3://bucket/a.png",
        "https:///a.png",
        "https://x.example/a b.png",
        "https://x.example/a\n",
        "https://x.example:99999/a.png",
        "https://user:pass@x.example/a.png",
        "http://localhost/a.png",
        "http://localhost:8080/a.png",
        "http://files.local/a.png",
        "http://minio/a.png",
        "http://127.0.0.1/a.png",
        "http://127.1/a.png",
        "http://2130706433/a.png",
        "http://10.1.2.3/a.png",
        "http://192.168.0.1./a.png",
        "http://[::1]/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://[x/a.png",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_an_address_that_not_everybody_reaches_is_refused_without_showing_it(address):
    for content in (Image(address), LinkCard("Shop", address), LinkCard("Shop", LINK, url=address)):
        with pytest.raises(ValueError, match="is not a public address") as raised:
            check_content([content])
        assert address not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        URL,
        "http://x.example",
        "HTTPS://X.EXAMPLE/a.png?sig=%20a&b=c#d",
        "https://bücher.example/ä.png",
        "https://8.8.8.8:8443/a.png",
        "https://x.example./a.png",
    ],
)
def test_an_address_that_everybody_reaches_is_taken(address):
    check_content([Image(address), LinkCard("Shop", address)])


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("content", ONE_OF_EACH, ids=lambda content: content.kind)
def test_a_channel_carries_what_it_can(channel, content):
    if channel == "mobile" and content.kind in {"audio", "file", "video", "card"}:
        with pytest.raises(ValueError, match=f"the channel mobile does not carry: {content.kind}"):
            check_content([content], channel)
    else:
        check_content([content], channel)
    assert set(CARRIED) == {*Channel}


def test_a_channel_must_be_known():
    with pytest.raises(ValueError, match="channel must be one of pc, mobile, cloud_pc"):
        check_content([Text("Hello")], "fax")


@pytest.mark.parametrize("text", [long(LONGEST_TEXT), "é" * LONGEST_TEXT, "\N{GRINNING FACE}" * 512, "李" * 1024])
def test_the_longest_text_is_taken(text):
    assert length_of(text) == LONGEST_TEXT
    check_content([Text(text)])


@given(st.text())
def test_characters_are_counted_as_utf_16_does(text):
    assert length_of(text) == sum(2 if ord(sign) > 0xFFFF else 1 for sign in text)


def test_nothing_that_people_read_shows_in_a_repr():
    shown: Any = repr(ONE_OF_EACH)

    assert all(word not in shown for word in ("Hello", "Look", "Shop", "example", "8613900000001", "Ask"))
