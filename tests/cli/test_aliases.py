"""Aliases on the command line: given with enrolment, shown, renewed, ended."""

import json

import pytest


@pytest.fixture
def case(holdfast):
    holdfast("user", "add", "o@example.org", "--role", "officer", "--json")
    holdfast("case", "open", "1/26", "--officer", "o@example.org")
    return "1/26"


def test_enrolment_gives_an_address_of_her_own(holdfast, case):
    told = json.loads(holdfast("contributor", "enrol", case, "--name", "Amy", "--email", "amy@example.org", "--json"))
    local, _, domain = told["alias"].partition("@")
    assert domain == "holdfast.example"
    assert len(local.removeprefix("desk+")) == 20
    shown = json.loads(holdfast("contributor", "alias", case, "amy", "--json"))
    assert shown["alias"] == told["alias"]


def test_an_alias_alone_is_enough_to_enrol_and_a_name_alone_is_not(holdfast, case):
    assert json.loads(holdfast("contributor", "enrol", case, "--name", "Amy", "--alias", "--json"))["alias"]
    holdfast("contributor", "enrol", case, "--name", "Bob", code=2)


def test_renewing_gives_another_and_ending_none(holdfast, case):
    first = json.loads(holdfast("contributor", "enrol", case, "--name", "Amy", "--alias", "--json"))["alias"]
    second = json.loads(holdfast("contributor", "alias", case, "Amy", "--renew", "--json"))["alias"]
    assert first != second
    assert json.loads(holdfast("contributor", "alias", case, "Amy", "--end", "--json"))["alias"] is None
    third = json.loads(
        holdfast("contributor", "alias", case, "Amy", "--json", HOLDFAST_ALIAS_ADDRESS="*@reports.h.example")
    )["alias"]
    assert third.endswith("@reports.h.example")
    holdfast("contributor", "alias", case, "Amy", "--renew", "--end", code=2)
