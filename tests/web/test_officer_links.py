"""The officers' page of personal links: issued, shown once, sent by the rules, listed, revoked."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from archive.link import LinkKind
from archive.tables import contributor, link
from replies.outcome import Refused, Unknown
from tests.web.links import Carrier, hold, site_that_sends
from web.officer.links import MOST_DAYS, read_order

SLUG = "42-1234-26"
PLAIN = {"kind": "diary", "days": "14", "send": "hand"}


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def site(installation, carrier):
    return site_that_sends(installation, carrier)


@pytest.fixture
def officer(site):
    return site.person(email="dc.jones@force.example")


@pytest.fixture
def amy(site, officer):
    case = site.case("42/1234/26", officer)
    person = site.casework.enrol(case, "Amy <b>Carter</b>", phone="+447700900001", email="amy@example.org")
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(contributor).values(reply_style="discreet", links_allowed=True))
    return person


@pytest.fixture
def desk(site, officer):
    return site.browser(officer)


def new(amy):
    return f"/cases/{SLUG}/links/new/{amy.id}"


def phone_of(amy):
    return str(next(contact.id for contact in amy.contacts if contact.value.startswith("+")))


def address_in(answer):
    page = unescape(answer.get_data(as_text=True))
    return re.search(r'id="link">([^<]+)</code>', page)[1]


def links(site):
    with site.casework.archive.engine.connect() as connection:
        return connection.execute(select(link)).all()


def test_a_link_is_made_shown_once_and_opens(site, amy, desk):
    answer = desk.post(new(amy), PLAIN)
    assert answer.status_code == 200
    address = address_in(answer)
    token = re.fullmatch(r"https://larch\.example\.net/diary/([\w-]{43})", address)[1]
    page = answer.get_data(as_text=True)
    assert "<svg" in page
    assert "This is shown once and kept nowhere" in page
    assert answer.headers["Cache-Control"] == "no-store"
    assert site.app.test_client().get(f"/diary/{token}").status_code == 303
    for path in (f"/cases/{SLUG}/links", new(amy), f"/cases/{SLUG}/continuity"):
        assert token not in desk.text(path)
    (entry,) = site.entries("link.issued")
    assert token not in str(entry)
    assert entry["actor"].startswith("account:")


def test_what_was_ticked_is_what_is_made(site, amy, desk):
    form = {"kind": "upload", "days": "3", "send": "hand", "one_time": "yes", "pin": "yes", "shows_earlier": "yes"}
    answer = desk.post(new(amy), form)
    page = unescape(answer.get_data(as_text=True))
    pin = re.search(r'id="pin">(\d{3}) (\d{3})<', page)
    (row,) = links(site)
    assert (row.kind, row.one_time, row.shows_earlier) == ("upload", True, True)
    assert row.expires_at == site.casework.at + timedelta(days=3)
    client, token = site.app.test_client(), address_in(answer).rpartition("/")[2]
    opened = client.get(f"/upload/{token}").headers["Location"]
    assert client.post(f"{opened}/pin", data={"pin": pin[1] + pin[2]}).status_code == 303
    assert pin[1] + pin[2] not in desk.text(f"/cases/{SLUG}/links")
    assert "Uploads, works once, with a PIN, shows earlier entries" in desk.text(f"/cases/{SLUG}/links")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"kind": ""}, "Choose what the link is for"),
        ({"kind": "wiretap"}, "Choose what the link is for"),
        ({"days": ""}, "Write for how many days"),
        ({"days": "0"}, "Write for how many days"),
        ({"days": "366"}, "Write for how many days"),
        ({"days": "٣"}, "Write for how many days"),
        ({"send": ""}, "Choose how they get the link"),
        ({"send": str(uuid4())}, "Choose how they get the link"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(site, amy, desk, changed, fault):
    answer = desk.post(new(amy), {**PLAIN, **changed})
    assert answer.status_code == 400
    page = answer.get_data(as_text=True)
    assert page.count(fault) == 2
    assert "Error: Make a personal link" in page
    assert links(site) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.dictionaries(st.sampled_from(["kind", "days", "send", "pin", "one_time"]), st.text(max_size=30)))
def test_no_form_makes_a_link_that_lasts_longer_or_goes_elsewhere(amy, site, form):
    order = read_order({**PLAIN, **form}, amy, now=site.casework.at)
    if order.terms is None:
        assert order.faults
        return
    assert timedelta(days=1) <= order.terms.expires_at - site.casework.at <= timedelta(days=MOST_DAYS)
    assert order.send_to is None or order.send_to in amy.contacts


def test_a_link_is_sent_where_that_was_agreed_and_the_list_says_so(site, amy, desk, carrier):
    answer = desk.post(new(amy), {**PLAIN, "send": phone_of(amy)})
    assert carrier.sent == [("+447700900001", f"Here it is: {address_in(answer)}")]
    assert "was handed over" in answer.get_data(as_text=True)
    page = desk.text(f"/cases/{SLUG}/links")
    assert re.search(r"Sent<br>\s*<span[^>]*>\+447700900001", page)


def test_where_a_rule_says_no_the_choice_is_closed_and_sending_all_the_same_makes_nothing(site, amy, desk, carrier):
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(contributor).values(quiet_from="11:00", quiet_to="13:00"))
    page = unescape(desk.text(new(amy)))
    assert re.search(r"\+447700900001</span>: It is in their quiet hours now\. Nothing waits to be sent later", page)
    assert f'value="{phone_of(amy)}"' not in page
    answer = desk.post(new(amy), {**PLAIN, "send": phone_of(amy)})
    assert answer.status_code == 400
    assert "It was not sent, and no link was made" in unescape(answer.get_data(as_text=True))
    assert (carrier.sent, links(site)) == ([], [])
    (entry,) = site.entries("link.withheld")
    assert entry["facts"]["because"] == "quiet_now"


@pytest.mark.parametrize(
    ("outcome", "said", "alerted"),
    [
        (
            Refused("the number or its carrier blocks our texts"),
            "The message with the link was not sent: the number or its carrier blocks our texts",
            "A personal link was not sent",
        ),
        (
            Unknown("Twilio answered 502"),
            "Nobody can know whether the message with the link was sent: Twilio answered 502",
            "A personal link may or may not have been sent",
        ),
    ],
)
def test_a_message_that_did_not_go_is_shown_with_the_link_and_as_an_alert(
    site, amy, desk, carrier, outcome, said, alerted
):
    carrier.outcome = outcome
    answer = desk.post(new(amy), {**PLAIN, "send": phone_of(amy)})
    page = unescape(answer.get_data(as_text=True))
    assert said in page
    assert "It is never sent again" in page
    assert address_in(answer).startswith("https://larch.example.net/diary/")
    assert alerted in desk.text(f"/cases/{SLUG}")


def test_a_revoked_link_is_dead_at_once_and_the_reason_is_kept(site, amy, desk):
    holder = hold(site, amy)
    opened = holder.open()
    page = desk.text(f"/cases/{SLUG}/links")
    assert "1 time" in page
    answer = desk.post(
        f"/cases/{SLUG}/links/{holder.link.id}/revoke", {"reason": "he has her phone"}, form_on=f"/cases/{SLUG}/links"
    )
    assert answer.status_code == 303
    assert "Revoked" in desk.text(f"/cases/{SLUG}/links")
    assert holder.client.get(holder.address).status_code == 404
    assert holder.client.post(f"{opened}/close").status_code == 404
    (entry,) = site.entries("link.revoked")
    assert entry["reason"] == "he has her phone"


def test_links_of_another_case_cannot_be_touched(site, amy, desk, officer):
    holder = hold(site, amy)
    stranger = site.person()
    site.case("42/9/26", stranger)
    other = site.browser(stranger)
    token = other.token("/cases/new")
    for slug, status in (("42-9-26", 404), (SLUG, 404)):
        path = f"/cases/{slug}/links/{holder.link.id}/revoke"
        assert other.client.post(path, data={"csrf_token": token}).status_code == status
    assert other.get(f"/cases/42-9-26/links/new/{amy.id}").status_code == 404
    assert other.get(f"/cases/{SLUG}/links").status_code == 404
    assert holder.client.get(holder.address).status_code == 303


def test_who_may_only_read_sees_links_and_cannot_make_or_end_one(site, amy, desk):
    holder = hold(site, amy)
    auditor = site.browser(site.person("auditor"))
    page = auditor.text(f"/cases/{SLUG}/links")
    assert "Works" in page
    assert "Revoke" not in page
    assert "Make a link" not in page
    assert auditor.get(new(amy)).status_code == 404
    assert auditor.client.post(f"/cases/{SLUG}/links/{holder.link.id}/revoke").status_code in {400, 404}


def test_every_state_of_a_link_has_its_word(site, amy, officer):
    for days, terms in ((1, {}), (9, {"one_time": True}), (9, {})):
        hold(site, amy, LinkKind.UPLOAD, days=days, **terms)
    with site.casework.archive.engine.begin() as connection:
        connection.execute(update(link).where(link.c.one_time).values(used_up_at=site.casework.at))
    site.casework.later(days=2)
    page = site.browser(officer).text(f"/cases/{SLUG}/links")
    for word in ("Expired", "Used up", "Works", "Not yet", "By hand"):
        assert word in page


def test_enrolling_asks_about_links_and_keeps_the_answer(site, amy, desk):
    form = {
        "name": "Beth Dale",
        "phones": "07700 900 002",
        "seen": "no",
        "reply": "discreet",
        "links": "yes",
    }
    path = f"/cases/{SLUG}/enrol"
    page = unescape(desk.text(path))
    for words in (
        "no emergency line",
        "“Thanks, got it.”",
        "neutral name",
        "disclosed",
        "What a link is",
        "lock screen",
    ):
        assert words in page
    assert desk.post(path, form).status_code == 303
    with site.casework.archive.engine.connect() as connection:
        query = select(contributor.c.links_allowed).where(contributor.c.name == "Beth Dale")
        assert connection.execute(query).scalar_one() is True
    assert site.entries("contributor.enrolled")[-1]["facts"]["links_allowed"] is True
    assert "Links may be sent" in desk.text(f"/cases/{SLUG}")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"reply": "none"}, "They want no answers, so no link can be sent"),
        ({"seen": "yes"}, "Someone else may see a link and open it"),
        ({"seen": "unsure"}, "Someone else may see a link and open it"),
    ],
)
def test_a_link_is_not_agreed_to_where_it_could_not_be_safe(site, amy, desk, changed, fault):
    form = {"name": "B", "phones": "07700 900002", "seen": "no", "reply": "discreet", "links": "yes", **changed}
    answer = desk.post(f"/cases/{SLUG}/enrol", form)
    assert answer.status_code == 400
    assert fault in answer.get_data(as_text=True)
    assert len(site.entries("contributor.enrolled")) == 1
    agreed = desk.post(f"/cases/{SLUG}/enrol", {**form, "agreed": "yes"})
    assert agreed.status_code == (400 if "reply" in changed else 303)
