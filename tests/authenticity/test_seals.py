"""Seals (ARC) hold only as an unbroken chain over this very message, and say no more than their domain's word."""

from __future__ import annotations

import dkim
import pytest

from intake.authenticity.judging import author_domain
from intake.authenticity.message import split
from intake.authenticity.seals import SEALS, judge_seals
from intake.authenticity.signatures import Circumstances
from tests.authenticity.seals import sealed
from tests.authenticity.signers import MAIL, RECEIVED, Zone, record

DNS = {f"s1._domainkey.{name}.": record() for name in ("one.example", "two.example", "three.example")}
ONCE = sealed(MAIL, b"one.example", says=b"spf=pass smtp.mailfrom=dan@example.org")
TWICE = sealed(ONCE, b"two.example")


def judged(raw, dns=None):
    around = Circumstances(RECEIVED, author_domain(raw), (dns or Zone(DNS)).lookup)
    return judge_seals(split(raw), around)


def told(raw, dns=None):
    return [(one.place, one.domain, one.result) for one in judged(raw, dns)]


def test_dkimpy_agrees_that_these_chains_hold():
    """The second hand makes chains that another judge accepts too."""
    for raw in (ONCE, TWICE):
        found, _, _ = dkim.arc_verify(raw, dnsfunc=lambda name, timeout=5: DNS[name.decode()].encode())
        assert found == b"pass"


def test_a_chain_that_holds_is_told_seal_by_seal():
    assert told(TWICE) == [(1, "one.example", "pass"), (2, "two.example", "pass")]
    first = judged(TWICE)[0]
    assert first.says == "mx.one.example; spf=pass smtp.mailfrom=dan@example.org"
    assert "worth as much as its word" in first.reasons[0]


def test_a_message_without_seals_has_no_judgement_of_them():
    assert judged(MAIL) == ()


@pytest.mark.parametrize(
    ("change", "results"),
    [
        pytest.param(lambda raw: raw.replace(b"today", b"todaY"), ["fail", "fail"], id="text"),
        pytest.param(lambda raw: raw.replace(b"You know", b"You knew"), ["fail", "fail"], id="subject"),
        pytest.param(lambda raw: raw.replace(b"spf=pass smtp", b"spf=fail smtp"), ["fail", "fail"], id="the older results"),
        pytest.param(lambda raw: raw.replace(b"mx.two.example; spf=pass", b"mx.two.example; dkim=ok"), ["pass", "fail"], id="the newer results"),
        pytest.param(lambda raw: raw.replace(b"cv=pass", b"cv=fail"), ["fail"], id="found broken"),
        pytest.param(lambda raw: raw.replace(b"cv=none", b"cv=pass"), ["fail"], id="a first seal over nothing"),
        pytest.param(lambda raw: raw.replace(b" i=1; mx", b" i=3; mx"), ["fail"], id="a number missing"),
        pytest.param(lambda raw: b"ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=e.example; s=s; b=AAAA\r\n" + raw, ["fail"], id="a number twice"),
        pytest.param(lambda raw: raw.replace(b"ARC-Authentication-Results: i=1", b"X-Other: i=1"), ["fail"], id="a part missing"),
        pytest.param(lambda raw: raw.replace(b"cv=pass; d=", b"cv=pass; h=from; d="), ["fail"], id="a seal with h="),
    ],
)  # fmt: skip
def test_a_chain_that_does_not_hold_fails(change, results):
    raw = change(TWICE)
    assert raw != TWICE
    assert [one.result for one in judged(raw)] == results


def test_silence_and_domains_not_looked_up_are_no_verdict():
    silent = Zone({name: text for name, text in DNS.items() if "two" in name}, outcome="timeout")
    assert [one.result for one in judged(TWICE, silent)] == ["temporary", "pass"]
    unasked = Zone(outcome="not_asked")
    assert [one.result for one in judged(TWICE, unasked)] == ["not_checked", "not_checked"]


def test_more_seals_than_are_judged_cost_no_look_up():
    raw = MAIL
    for _ in range(SEALS + 1):
        raw = sealed(raw, b"one.example")
    dns = Zone(DNS)
    (found,) = judged(raw, dns)
    assert (found.result, dns.asked) == ("not_checked", [])


def test_thousands_of_seal_fields_are_not_judged():
    raw = b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=e.example; s=s; b=AAAA\r\n" * 1500 + MAIL
    (found,) = judged(raw)
    assert found.result == "fail"
