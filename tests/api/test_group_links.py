"""Calls about group links, and what their responses may look like."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.errors import ResponseFormError
from airflow_provider_socialscrm.api.group_links import (
    GroupInfo,
    check_links,
    groups_of,
    imported_of,
    links_import,
    links_query,
    parts_of,
)
from airflow_provider_socialscrm.api.settings import AuthScheme

A, B = "https://chat.whatsapp.com/AbCdEfGhIjKl", "https://chat.whatsapp.com/MnOpQrStUvWx?mode=ac_t"


@pytest.mark.parametrize(("make", "end"), [(links_import, "groupAnalysis"), (links_query, "getInfo")])
def test_both_calls_are_signed_in_the_body_and_may_be_repeated(make, end):
    request = make([A, B], "boss")

    assert request.path == f"/wscrm-bus-api/open/group/api/{end}"
    assert request.body == {"groupLinkList": [A, B]}
    assert (request.scheme, request.repeatable, request.user_name) == (AuthScheme.BODY, True, "boss")
    assert request.family is Family.GROUP_LINKS
    with pytest.raises(ValueError, match="at least one"):
        make([])


def test_links_count_once_in_their_order_and_in_parts_of_fifty():
    assert check_links([B, f" {A}\n", A]) == [B, A]
    assert check_links(()) == []
    assert [len(part) for part in parts_of([A] * 101)] == [50, 50, 1]


NOT_LINKS = [
    "", "AbC", "chat.whatsapp.com/AbC", "https://", "https://x.example/", "ftp://x/y", 5, None,
    "https://chat.whatsapp.com/Ab C", "https://[x/y",
]  # fmt: skip


@pytest.mark.parametrize("bad", NOT_LINKS)
def test_something_else_is_named_by_its_place(bad):
    with pytest.raises(ValueError, match="at place 1, counted from 0"):
        check_links([A, bad])


@pytest.mark.parametrize("bad", [A, None, {A}, 5])
def test_links_are_a_list(bad):
    with pytest.raises(ValueError, match="must be a list"):
        check_links(bad)


def test_what_became_of_an_import():
    imported = imported_of({"successLink": [A], "failLink": None})

    assert (imported.ok, imported.failed) == ((A,), ())


@pytest.mark.parametrize("data", [None, "", [], {}, {"successLink": "x"}, {"links": []}])
def test_an_import_with_another_response_is_an_error(data):
    with pytest.raises(ResponseFormError):
        imported_of(data)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({"groupLink": A, "groupName": "G", "groupId": "12", "memberCount": 5}, ("G", "12", 5, 0)),
        ({"link": A, "name": "G", "id": 12, "memberNum": "5"}, ("G", "12", 5, 0)),
        ({"url": A, "subject": "G", "gid": "1@g.us", "members": ["x", "y"]}, ("G", "1@g.us", 2, 0)),
        ({"groupLink": A, "code": 200, "count": "many"}, ("", "", None, 0)),
        ({"groupLink": A, "errorCode": "538"}, ("", "", None, 538)),
        ({"groupLink": A, "errorCode": 537}, ("", "", None, 537)),
    ],
)
def test_a_group_is_read_by_the_names_that_its_fields_may_have(item, found):
    (group,) = groups_of([item], [A])

    assert (group.name, group.group_id, group.members, group.code) == found
    assert (group.link, group.raw) == (A, item)


def test_groups_are_distinguished_by_links_or_by_their_order():
    named = [{"groupLink": B, "name": "b"}, {"groupLink": A, "name": "a"}]
    assert [group.name for group in groups_of(named, [A, B])] == ["a", "b"]
    assert [group.name for group in groups_of([{"name": "a"}, {"name": "b"}], [A, B])] == ["a", "b"]
    assert groups_of({"name": "a"}, [A]) == [GroupInfo(A, "a", raw={"name": "a"})]


@pytest.mark.parametrize("data", [None, "", "x", [5], [{"name": "a"}], [{"groupLink": A}], {"name": "a"}])
def test_groups_that_cannot_be_distinguished_are_an_error(data):
    with pytest.raises(ResponseFormError):
        groups_of(data, [A, B])


def test_no_link_shows_in_a_repr():
    assert A not in repr((GroupInfo(A, raw={"x": A}), imported_of({"successLink": [A], "failLink": [A]})))
