"""The endpoints of group links."""

from __future__ import annotations

import pytest

from tests.support.body_calls import LINKS_IMPORT, LINKS_QUERY, post

GOOD, OTHER = "https://chat.whatsapp.com/AbCdEfGhIjKl", "https://chat.whatsapp.com/MnOpQrStUvWx"


def imported(crm, *links):
    return post(crm, LINKS_IMPORT, {"groupLinkList": list(links)}).json()["data"]


def asked(crm, *links):
    return post(crm, LINKS_QUERY, {"groupLinkList": list(links)}).json()


def test_links_are_imported_once_or_again_and_others_are_not(sandbox):
    expected = {"successLink": [GOOD], "failLink": ["https://example.org/x"]}

    assert imported(sandbox, GOOD, "https://example.org/x") == expected
    assert imported(sandbox, GOOD, "https://example.org/x") == expected


def test_a_link_is_parsed_after_a_while(sandbox, client):
    imported(sandbox, GOOD)
    assert asked(sandbox, GOOD)["code"] == 538
    assert "being parsed" in client.page()
    sandbox.configure(group_link_seconds=0)

    (group,) = asked(sandbox, GOOD)["data"]

    assert (group["groupLink"], group["groupName"], len(group["groupId"])) == (GOOD, "Group AbCdEfGh", 18)
    assert 2 <= group["memberCount"] <= 1024


def test_a_link_may_have_a_code_of_its_own(sandbox):
    sandbox.configure(group_link_pending="link")
    imported(sandbox, GOOD)

    assert asked(sandbox, GOOD, OTHER) == {
        "code": 200,
        "message": "Success",
        "data": [{"groupLink": GOOD, "errorCode": 538}, {"groupLink": OTHER, "errorCode": 537}],
    }


def test_a_fault_lets_the_crm_forget_links(sandbox):
    sandbox.configure(group_link_seconds=0)
    imported(sandbox, GOOD)
    sandbox.inject("links_forgotten", times=1)

    assert [asked(sandbox, GOOD)["code"] for _ in range(2)] == [537, 537]
    imported(sandbox, GOOD)
    assert asked(sandbox, GOOD)["code"] == 200


@pytest.mark.parametrize("path", [LINKS_IMPORT, LINKS_QUERY])
def test_both_verify_the_signature_and_the_role(sandbox, path):
    fields = {"groupLinkList": [GOOD]}

    assert post(sandbox, path, fields, token="wrong").json()["code"] == 522
    assert post(sandbox, path, fields, "agent_wang").json()["code"] == 530
