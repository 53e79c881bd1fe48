"""Every signature on its own, and strictly: what dkimpy alone calls verified, and must not count as a pass."""

from __future__ import annotations

import re
from datetime import timedelta

import dkim
import pytest

from intake.authenticity.judging import author_domain
from intake.authenticity.message import split
from intake.authenticity.model import RESULTS
from intake.authenticity.signatures import SIGNATURES, Circumstances, judge_signatures
from tests.authenticity.signers import MAIL, NAME, RECEIVED, Zone, ed25519_record, record, signed, zone

AT = int(RECEIVED.timestamp())


def judged(raw: bytes, dns: Zone | None = None, *, received=RECEIVED):
    around = Circumstances(received, author_domain(raw), (dns or zone()).lookup)
    found = judge_signatures(split(raw), around)
    for each in found:
        assert each.result in RESULTS
        assert each.reasons
        assert all("genuine" not in reason.lower() for reason in each.reasons)
    return found


def the_one(raw: bytes, dns: Zone | None = None, **about):
    (found,) = judged(raw, dns, **about)
    return found


@pytest.mark.parametrize("headers", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
def test_a_signature_of_the_author_s_domain_passes(headers, body):
    found = the_one(signed(canonicalize=(headers, body)))
    assert (found.result, found.domain, found.selector, found.aligned) == ("pass", "example.org", "s1", "strict")
    assert (found.key_bits, found.algorithm, found.queried) == (2048, "rsa-sha256", NAME)


def test_an_ed25519_signature_passes():
    found = the_one(signed(algorithm=b"ed25519-sha256"), Zone({NAME: ed25519_record()}))
    assert (found.result, found.key_bits) == ("pass", 256)


def test_a_subdomain_of_the_author_s_organisation_passes_and_is_called_relaxed():
    dns = Zone({"s1._domainkey.mail.example.org.": record()})
    found = the_one(signed(domain=b"mail.example.org"), dns)
    assert (found.result, found.aligned) == ("pass", "relaxed")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda raw: raw.replace(b"\r\n", b"\n"), id="line feeds alone"),
        pytest.param(lambda raw: raw + b"\r\n\r\n", id="empty lines at the end"),
        pytest.param(lambda raw: raw.replace(b"I saw you", b"I  saw\tyou"), id="blanks in the text"),
        pytest.param(lambda raw: raw.replace(b"Subject: You know", b"SUBJECT:You\r\n  know"), id="a folded header"),
        pytest.param(lambda raw: b"Received: from there\r\n" + raw, id="a further trace field"),
        pytest.param(lambda raw: b"From dan Mon Nov 23\r\n" + raw, id="an mbox line"),
    ],
)
def test_what_relaxed_signatures_allow_for_is_allowed_for(form):
    assert the_one(form(signed())).result == "pass"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda raw: raw.replace(b"today", b"todaY"), "text is not the one", id="text"),
        pytest.param(lambda raw: raw + b"Meet me.\r\n", "text is not the one", id="text appended"),
        pytest.param(lambda raw: raw.replace(b"You know", b"You knew"), "something signed", id="subject"),
        pytest.param(lambda raw: raw.replace(b"dan@example", b"eve@example"), "something signed", id="author"),
        pytest.param(
            lambda raw: raw.replace(b"; d=example.org", b"; d=example.org; d=a.org"), "more than one d=", id="tag twice"
        ),
        pytest.param(lambda raw: raw.replace(b"; s=s1", b""), "no s= tag", id="no selector"),
        pytest.param(lambda raw: raw.replace(b"v=1;", b"v=2;"), "version", id="version"),
        pytest.param(lambda raw: raw.replace(b"a=rsa-sha256", b"a=rsa-md5"), "kind", id="algorithm"),
        pytest.param(lambda raw: raw.replace(b"i=@example.org", b"i=@example.com"), "another domain", id="identity"),
        pytest.param(lambda raw: raw.replace(b"i=@example.org", b"i=@ample.org"), "another domain", id="likeness"),
        pytest.param(lambda raw: raw.replace(b"bh=", b"bh=!"), "base64", id="digest"),
        pytest.param(
            lambda raw: re.sub(rb"b=[^;]+?\r\n(?=From)", b"b=!!\r\n", raw, flags=re.DOTALL), "base64", id="signature"
        ),
    ],
)
def test_a_changed_message_or_signature_fails_and_says_where(change, says):
    raw = change(signed())
    assert raw != signed()
    found = the_one(raw)
    assert found.result == "fail"
    assert says in " ".join(found.reasons)


@pytest.mark.parametrize(
    "name", [b"Subject", b"Date", b"To", b"Message-ID", b"Content-Type", b"From", b"Sender", b"Reply-To"]
)
@pytest.mark.parametrize("below", [False, True])
def test_a_second_field_that_programs_may_show_instead_fails(name, below):
    mail = b"Content-Type: text/plain\r\nSender: dan@example.org\r\nReply-To: dan@example.org\r\n" + MAIL
    raw = signed(mail, headers=[b"from", b"to", b"subject", b"date", b"message-id", b"content-type"])
    other = name + b": other <x@example.com>\r\n"
    raw = raw.replace(b"\r\n\r\n", b"\r\n" + other + b"\r\n", 1) if below else other + raw
    assert the_one(raw).result == "fail"


def test_dkimpy_alone_passes_what_fails_here():
    """Why there is a wrapper: were this to change, dkimpy would have caught up."""
    raw = b"Subject: Meet me at nine\r\n" + signed()
    assert dkim.verify(raw, dnsfunc=lambda _name, timeout=5: record().encode()) is True
    assert the_one(raw).result == "fail"


def test_two_subjects_that_are_both_signed_are_weak():
    raw = signed(b"Subject: another\r\n" + MAIL, headers=[b"from", b"to", b"subject", b"subject", b"date"])
    assert the_one(raw).result == "weak"


def test_a_signature_that_leaves_from_out_fails():
    raw = signed().replace(b"h=from : to", b"h=to")
    found = the_one(raw)
    assert (found.result, "does not cover From" in found.reasons[0]) == ("fail", True)


@pytest.mark.parametrize("left_out", [b"subject", b"date", b"to"])
def test_a_signature_that_leaves_out_what_people_read_is_partial(left_out):
    names = [name for name in (b"from", b"to", b"subject", b"date") if name != left_out]
    found = the_one(signed(headers=names))
    assert found.result == "partial"
    assert left_out.decode().title() in " ".join(found.reasons)


def test_text_below_a_length_limit_is_partial_and_the_limit_alone_is_not():
    raw = signed(length=True)
    assert the_one(raw).result == "pass"
    longer = the_one(raw + b"And bring the money.\r\n")
    assert longer.result == "partial"
    assert "22 more may be anybody's" in " ".join(longer.reasons)


def test_a_text_cut_below_its_length_limit_fails():
    assert the_one(signed(length=True).replace(b"Answer me.\r\n", b"")).result == "fail"


@pytest.mark.parametrize(
    ("bits", "result"), [pytest.param(1024, "weak"), pytest.param(1536, "weak"), pytest.param(2048, "pass")]
)
def test_shorter_keys_are_weaker(bits, result):
    found = the_one(signed(bits=bits), Zone({NAME: record(bits)}))
    assert (found.result, found.key_bits) == (result, bits)


SHORT = (
    "v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL8eJ5AKoIsjURpcEoGubZMxLD7+kT+TLr7UkvEtFrRhDDKMtuIIqV4IscX6"
    "qIXRzrIDDrYaZPjdHiYgh1mUSjcCAwEAAQ=="
)


def test_a_key_anybody_can_compute_fails():
    """cryptography makes no such key any more: this one of 512 bits is an example; no signature by it is looked at."""
    found = the_one(signed(), Zone({NAME: SHORT}))
    assert found.result == "fail"
    assert "anybody can compute it" in found.reasons[0] or "cannot be read" in found.reasons[0]


def test_sha1_is_weak():
    assert the_one(signed(algorithm=b"rsa-sha1")).result == "weak"


def test_a_signature_of_another_domain_is_weak():
    dns = Zone({"s1._domainkey.sender.example.": record()})
    found = the_one(signed(domain=b"sender.example"), dns)
    assert (found.result, found.aligned) == ("weak", "no")
    assert "says nothing of that author" in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("tags", "result"),
    [
        pytest.param(f"t={AT - 90}; x={AT - 60}", "weak", id="ended before it was received"),
        pytest.param(f"t={AT - 90}; x={AT + 60}", "pass", id="ended since"),
        pytest.param(f"t={AT - 10**8}", "pass", id="made long ago"),
        pytest.param(f"t={AT + 1800}", "pass", id="clocks apart"),
        pytest.param(f"t={AT + 90_000}", "weak", id="made after it was received"),
        pytest.param(f"t={AT}; x={AT - 10}", "fail", id="ended before it was made"),
        pytest.param("t=yesterday", "fail", id="no number"),
        pytest.param("t=999999999999", "fail", id="no time there is"),
    ],
)
def test_times_are_judged_by_receipt_and_never_by_now(tags, result):
    found = the_one(signed(tags=tags.encode()))
    assert found.result == result


def test_judged_again_years_later_the_result_is_the_same():
    raw = signed(tags=f"t={AT - 90}; x={AT + 60}".encode())
    assert the_one(raw).result == "pass"
    assert the_one(raw, received=RECEIVED + timedelta(days=1)).result == "weak"


@pytest.mark.parametrize(
    ("records", "result", "says"),
    [
        pytest.param({}, "fail", "No key lies", id="no such name"),
        pytest.param({NAME: "v=DKIM1; p="}, "fail", "revoked", id="revoked"),
        pytest.param({NAME: "v=spf1 -all"}, "fail", "No key lies", id="another record"),
        pytest.param({NAME: [record(), record(1024)]}, "fail", "Several keys", id="two keys"),
        pytest.param({NAME: ["v=spf1 -all", record()]}, "pass", "signed this message", id="a key and another record"),
        pytest.param({NAME: record(tags="v=DKIM2; ")}, "fail", "another version", id="version"),
        pytest.param({NAME: record(tags="v=DKIM1; k=ed25519; ")}, "fail", "another kind", id="kind"),
        pytest.param({NAME: record(tags="v=DKIM1; h=sha1; ")}, "fail", "of this kind", id="digest"),
        pytest.param({NAME: record(tags="v=DKIM1; s=tlsrpt; ")}, "fail", "not for mail", id="service"),
        pytest.param({NAME: record(tags="v=DKIM1; t=y; ")}, "weak", "only trying", id="testing"),
        pytest.param({NAME: "v=DKIM1; p=AAAA"}, "fail", "cannot be read", id="no key"),
        pytest.param({NAME: "v=DKIM1; p=" + "A" * 3000}, "fail", "longer than", id="an endless key"),
        pytest.param({NAME: "p=\xff\xfe"}, "fail", "cannot be read", id="bytes"),
    ],
)
def test_a_key_counts_only_if_it_is_one_and_usable(records, result, says):
    found = the_one(signed(), Zone(records))
    assert found.result == result
    assert says in " ".join(found.reasons)


@pytest.mark.parametrize("outcome", ["timeout", "failure"])
def test_silence_of_dns_is_temporary_and_no_verdict(outcome):
    assert the_one(signed(), Zone(outcome=outcome)).result == "temporary"


def test_a_changed_text_is_seen_without_asking_anybody():
    dns = zone()
    assert the_one(signed().replace(b"today", b"todaY"), dns).result == "fail"
    assert dns.asked == []


def test_each_signature_is_judged_by_itself():
    dns = zone(**{"s2._domainkey.example.org.": record(), "s3._domainkey.list.example.": record()})
    raw = signed(domain=b"list.example", selector=b"s3", mail=signed(selector=b"s2", mail=signed()))
    raw = raw.replace(b"s=s1", b"s=s9")
    assert [(one.selector, one.result, one.place) for one in judged(raw, dns)] == [
        ("s3", "weak", 0),
        ("s2", "pass", 1),
        ("s9", "fail", 2),
    ]


def test_ten_thousand_signatures_cost_what_a_few_do():
    dns = zone()
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=AAAA; b=AAAA\r\n" * 1500 + signed()
    found = judged(raw, dns)
    assert len(found) == SIGNATURES + 1
    assert found[-1].result == "not_checked"
    assert "1493 further" in found[-1].reasons[0]
    assert dns.asked == []


def test_without_a_signature_there_is_nothing_to_judge():
    assert the_one(MAIL).result == "none"


@pytest.mark.parametrize("author", [b"From: nobody\r\n", b"From: a@example.org, b@example.com\r\n"])
def test_without_one_author_no_signature_is_the_author_s(author):
    mail = author + MAIL.partition(b"\r\n")[2]
    found = the_one(signed(mail))
    assert (found.result, found.aligned) == ("weak", "no")


def test_a_domain_beyond_ascii_is_looked_up_in_its_ascii_form():
    mail = MAIL.replace(b"dan@example.org", "dan@bücher.example".encode())
    name = "s1._domainkey.xn--bcher-kva.example."
    found = the_one(signed(mail, domain="bücher.example".encode()), Zone({name: record()}))
    assert (found.domain, found.queried) == ("xn--bcher-kva.example", name)
    assert found.result == "pass"
