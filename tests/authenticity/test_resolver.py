"""Asking DNS: what comes is kept as it came, what does not come says so, and nothing is asked that must not be."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.authenticity.domains import LookedUp, alignment_of, organisation_of
from intake.authenticity.lookups import NAMES, Lookups
from intake.authenticity.model import DnsAnswer, answer_file, read_answer
from intake.authenticity.resolver import Resolver
from settings import Settings
from tests.authenticity.dns_stand_in import NameServer, serving
from tests.authenticity.signers import NAME, record

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def asking(server: NameServer, seconds: float = 10) -> Resolver:
    return Resolver([("127.0.0.1", server.port)], lambda: AT, seconds)


@pytest.mark.parametrize("validates", [True, False])
def test_an_answer_is_kept_as_it_came(validates):
    with serving(NameServer({NAME: [record()]}, validates=validates)) as server:
        found = asking(server).ask(NAME)
    assert (found.outcome, found.records, found.ttl, found.authenticated) == ("found", (record(),), 300, validates)
    assert (found.resolver, found.asked_at) == (server.setting, "2026-11-23T12:00:00.000Z")
    again = dns.message.from_wire(base64.b64decode(found.wire))
    assert again.question[0].name.to_text() == NAME
    assert record()[:60] in again.answer[0].to_text()
    assert server.asked == [NAME]


def test_an_alias_is_followed_within_the_answer():
    with serving(
        NameServer({"k.provider.example.": ["v=DKIM1; p=x"]}, aliases={NAME: "k.provider.example."})
    ) as server:
        found = asking(server).ask(NAME)
    assert (found.outcome, found.records, found.ttl) == ("found", ("v=DKIM1; p=x",), 300)


@pytest.mark.parametrize(
    ("records", "behaviour", "outcome"),
    [
        ({}, "answer", "absent"),
        ({NAME: []}, "answer", "empty"),
        ({}, "silence", "timeout"),
        ({}, "broken", "failure"),
        ({}, "rubbish", "timeout"),
    ],
)
def test_what_does_not_come_says_so(records, behaviour, outcome):
    with serving(NameServer(records, behaviour)) as server:
        found = asking(server, 0.4).ask(NAME)
    assert found.outcome == outcome


def test_after_silence_nobody_is_asked_for_a_while():
    with serving(NameServer({}, "silence")) as server:
        resolver = asking(server, 0.3)
        assert [resolver.ask(NAME).outcome for _ in range(5)] == ["timeout"] * 5
        assert len(server.asked) == 1


def test_another_resolver_is_asked_where_one_is_broken():
    with serving(NameServer({}, "broken")) as one, serving(NameServer({NAME: ["p=x"]})) as other:
        found = Resolver([("127.0.0.1", one.port), ("127.0.0.1", other.port)], lambda: AT).ask(NAME)
    assert (found.outcome, found.resolver) == ("found", other.setting)


def test_a_port_where_nobody_listens_is_no_verdict():
    assert Resolver([("127.0.0.1", 1)], lambda: AT, 0.3).ask(NAME).outcome in {"timeout", "failure"}


def test_the_setting_says_whom_to_ask():
    assert Resolver.of("off", lambda: AT) is None
    found = Resolver.of("9.9.9.9, 127.0.0.1:5353 ::1 [::1]:5353", lambda: AT)
    assert found.servers == [("9.9.9.9", 53), ("127.0.0.1", 5353), ("::1", 53), ("::1", 5353)]
    with pytest.raises(ValueError, match="name"):
        Resolver.of("name.example", lambda: AT)


texts = st.text(st.characters(max_codepoint=255), max_size=60)


@given(
    st.builds(
        DnsAnswer,
        name=texts,
        outcome=st.sampled_from(["found", "absent", "timeout"]),
        records=st.lists(texts, max_size=3).map(tuple),
        resolver=st.none() | texts,
        asked_at=st.none() | texts,
        ttl=st.none() | st.integers(0, 2**31),
        authenticated=st.booleans(),
        because=st.none() | texts,
    )
)
def test_an_answer_survives_its_text_file(answer):
    raw = answer_file(answer)
    assert read_answer(raw) == answer
    raw.decode("ascii")


LISTED = LookedUp.of(Settings.from_environment({}).dns_domains)


@pytest.mark.parametrize(
    ("domain", "may"),
    [
        ("gmail.com", True),
        ("amy.onmicrosoft.com", True),
        ("example.org", False),
        ("evil.gmail.com", False),
        ("notgmail.com", False),
        ("gmail.com.example.org", False),
        ("onmicrosoft.com", False),
        ("com", False),
    ],
)
def test_only_large_providers_are_looked_up_unasked(domain, may):
    zone = []
    lookups = Lookups(lambda name: zone.append(name) or DnsAnswer(name, "found"), LISTED)
    found = lookups(f"s._domainkey.{domain}.", domain)
    assert (found.outcome == "found", bool(zone)) == (may, may)
    assert may or "An officer can ask" in found.because


def test_an_officer_has_every_domain_looked_up_and_each_name_once():
    asked = []
    lookups = Lookups(lambda name: asked.append(name) or DnsAnswer(name, "absent"), LISTED, everything=True)
    for _ in range(3):
        assert lookups("s._domainkey.example.org.", "example.org").outcome == "absent"
    assert asked == ["s._domainkey.example.org."]
    assert list(lookups.answers) == asked


def test_many_names_are_not_looked_up():
    lookups = Lookups(lambda name: DnsAnswer(name, "absent"), LISTED, everything=True)
    found = [lookups(f"s{n}._domainkey.example.org.", "example.org").outcome for n in range(NAMES + 5)]
    assert found == ["absent"] * NAMES + ["not_asked"] * 5


def test_switched_off_nothing_is_asked_even_if_an_officer_asks():
    assert Lookups(None, LISTED, everything=True)("s._domainkey.gmail.com.", "gmail.com").outcome == "not_asked"


@pytest.mark.parametrize("entry", ["com", "a b", "-", ".", "@gmail.com"])
def test_a_list_with_something_that_is_no_domain_is_refused(entry):
    with pytest.raises(ValueError, match="no domain"):
        LookedUp.of([entry])


@pytest.mark.parametrize(
    ("signer", "author", "aligned"),
    [
        ("example.org", "example.org", "strict"),
        ("mail.example.org", "example.org", "relaxed"),
        ("example.org", "mail.example.org", "relaxed"),
        ("example.co.uk", "other.co.uk", "no"),
        ("evil.onmicrosoft.com", "school.onmicrosoft.com", "no"),
        ("mail.school.onmicrosoft.com", "school.onmicrosoft.com", "relaxed"),
        ("onmicrosoft.com", "school.onmicrosoft.com", "no"),
        ("a.github.io", "b.github.io", "no"),
        ("co.uk", "example.co.uk", "no"),
        ("example.org", None, "no"),
    ],
)
def test_two_domains_belong_together_by_the_public_suffix_list(signer, author, aligned):
    assert alignment_of(signer, author) == aligned


@given(st.text(max_size=80))
def test_every_text_has_an_organisation_and_no_error(text):
    assert isinstance(organisation_of(text), str)
