"""Hostile messages: never an error, never a hang, never a pass that is not one; and dkimpy as the other opinion."""

from __future__ import annotations

import base64
import contextlib
import time

import dkim
import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.authenticity.judging import author_domain, judge_messages
from intake.authenticity.message import FIELDS, HEADER_BYTES, UnjudgeableError, split
from intake.authenticity.model import RESULTS
from intake.authenticity.stated import stated_results, without_comments
from intake.authenticity.subjects import Found, messages_in
from intake.authenticity.tags import BadTagsError, domain_name, read_tags
from intake.reading import read
from tests.authenticity.signers import MAIL, NAME, RECEIVED, Zone, record, signed, zone

# A hang takes hours here; whatever ends well within this is no hang, on a machine with much else to do.
BOUND_SECONDS = 60
SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from:to; bh=AAAA; b=AAAA\r\n"


def judged(raw, dns=None):
    found = Found("original", None, (), False, raw)
    began = time.monotonic()
    (message,) = judge_messages([found], received_at=RECEIVED, lookup=(dns or zone()).lookup, servers={"mx.ours"})
    assert time.monotonic() - began < BOUND_SECONDS
    for one in message.judgements:
        assert one.result in RESULTS
        assert one.reasons
    return message.judgements


blanks = st.sampled_from([b" ", b"\t", b"\r\n", b"\n", b"\r", b"x", b".", b"  ", b" \r\n", b"\r\n\r\n"])
bodies = st.lists(blanks, max_size=30).map(b"".join)


@given(bodies)
@settings(max_examples=300)
def test_the_prepared_body_is_to_dkimpy_what_the_body_is(body):
    theirs = dkim.rfc822_parse(b"A: b\r\n\r\n" + body)[1]
    mine = split(b"A: b\r\n\r\n" + body)
    assert mine.body == theirs
    assert Simple.canonicalize_body(mine.body) == Simple.canonicalize_body(theirs)
    assert Relaxed.canonicalize_body(mine.relaxed_body) == Relaxed.canonicalize_body(theirs)


names = st.sampled_from([b"From", b"To", b"Subject", b"X-A", b"DKIM-Signature"])
values = st.lists(st.sampled_from([b" a", b"\tb", b"=", b";", b"\r\n c", b"\n\td", b" "]), max_size=8).map(b"".join)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=8))
def test_fields_are_split_as_dkimpy_splits_them(fields):
    raw = b"".join(name + b":" + value + b"\r\n" for name, value in fields) + b"\r\ntext"
    theirs, _ = dkim.rfc822_parse(raw)
    assert [list(each) for each in split(raw).fields] == theirs


@given(st.binary(max_size=400))
def test_any_bytes_are_judged_and_none_passes(raw):
    assert all(one.result != "pass" for one in judged(raw))


@given(st.binary(max_size=200), st.sampled_from([b"DKIM-Signature: ", b"ARC-Seal: ", b"Authentication-Results: "]))
def test_any_value_of_a_field_is_judged_and_none_passes(value, name):
    field = value.replace(b"\r", b"").replace(b"\n", b"")
    assert all(one.result != "pass" for one in judged(name + field + b"\r\n" + MAIL))


@given(st.data())
@settings(max_examples=150)
def test_no_change_of_what_is_signed_passes(data):
    raw = signed()
    position = data.draw(st.integers(0, len(raw) - 1))
    letter = data.draw(st.binary(min_size=1, max_size=3))
    changed = raw[:position] + letter + raw[position + 1 :]
    found = judged(changed)
    if any(one.result == "pass" for one in found):
        # Only what canonicalisation allows for: then dkimpy sees the very same signed content.
        assert dkim.verify(changed, dnsfunc=lambda _name, timeout=5: record().encode()) is True
        assert b"".join(changed.split()).lower() == b"".join(raw.split()).lower() or _same_but_unsigned(changed)


def _same_but_unsigned(changed: bytes) -> bool:
    """Whether the signed fields and the text are what they were: only an unsigned tag or field differs."""
    mine, before = split(changed), split(signed())
    wanted = (b"from", b"to", b"subject", b"date", b"message-id")
    kept = [[b" ".join(value.split()) for value in (*one.every(name),)] for one in (mine, before) for name in wanted]
    return kept[: len(wanted)] == kept[len(wanted) :] and mine.relaxed_body.rstrip() == before.relaxed_body.rstrip()


@given(st.binary(max_size=300))
def test_tags_are_read_or_refused(raw):
    with contextlib.suppress(BadTagsError):
        assert all(read_tags(raw).values)


@given(st.text(max_size=300))
def test_a_domain_is_one_or_none(text):
    found = domain_name(text)
    assert found is None or (found.isascii() and found == found.lower() and domain_name(found) == found)


@given(st.text(alphabet='()\\"a; =', max_size=60))
def test_comments_are_taken_out_in_one_pass(text):
    assert "(" not in without_comments(text.replace("\\", "").replace('"', ""))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(SIGNATURE * 10_000 + MAIL, id="ten thousand signatures"),
        pytest.param(MAIL + b" " * 3_000_000 + b"x", id="a line of blanks"),
        pytest.param(SIGNATURE + MAIL + (b" " * 2_000 + b"x") * 2_000, id="many lines of blanks"),
        pytest.param(signed(MAIL + b" " * 3_000 + b"x\r\n"), id="a line of blanks, signed"),
        pytest.param(b"X: " + b"\r\n a" * 250_000 + b"\r\n" + MAIL, id="a field of very many lines"),
        pytest.param(b"X: " + b"a" * 2_000_000 + b"\r\n" + MAIL, id="a field of megabytes"),
        pytest.param(b"DKIM-Signature: v=1; " + b" \r\n b" * 4_000 + b"\r\n" + MAIL, id="blanks before b"),
        pytest.param(b"DKIM-Signature: v=1; b=" + b"\r\n " * 5_000 + b"!\r\n" + MAIL, id="blanks after b"),
        pytest.param(SIGNATURE.replace(b"h=from:to", b"h=from" + b":x" * 7_000) + MAIL, id="thousands of names"),
        pytest.param(b"X: y\r\n" * (FIELDS + 5) + signed(), id="thousands of fields"),
        pytest.param(b"From: " + b"a@b.example, " * 40_000 + b"\r\n" + MAIL, id="thousands of authors"),
        pytest.param(b"From: " + b"(" * 100_000 + b"\r\n" + MAIL, id="thousands of brackets"),
        pytest.param(b"Authentication-Results: mx.ours; " + b"(" * 16_000 + b"\r\n" + MAIL, id="brackets in results"),
        pytest.param(b"Authentication-Results: mx.ours" + b"; dkim=pass" * 1_400 + b"\r\n" + MAIL, id="many results"),
        pytest.param(b"ARC-Seal: i=99999999999; a=rsa-sha256; cv=pass\r\n" + MAIL, id="a seal of a great number"),
        pytest.param(b"\r\n" * 500_000, id="nothing but lines"),
        pytest.param(b":" * 1_000_000, id="nothing but colons"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_made_to_hold_up_the_judge_does_not(raw):
    assert judged(raw)


def test_limits_are_said():
    for raw in (b"X: " + b"a" * HEADER_BYTES + b"\r\n\r\n", b"X: y\r\n" * (FIELDS + 1) + b"\r\n", b"no field\r\n\r\nx"):
        with pytest.raises(UnjudgeableError):
            split(raw)
        (one,) = judged(raw)
        assert (one.result, one.method) == ("not_checked", "dkim")


@pytest.mark.parametrize("exponent", [3**3000, 2])
def test_a_key_that_is_made_to_hold_up_the_judge_is_none(exponent):
    def der(tag, body):
        size = len(body)
        head = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        return bytes([tag]) + head + body

    def number(value):
        return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))

    public = base64.b64encode(der(0x30, number((1 << 4095) + 1) + number(exponent))).decode()
    (one,) = judged(signed(), Zone({NAME: f"v=DKIM1; p={public}"}))
    assert one.result == "fail"


def test_what_our_server_wrote_counts_only_on_top_and_by_its_name():
    ours = b"Authentication-Results: mx.ours; spf=pass (good) smtp.mailfrom=amy@amy.example; dkim=pass header.d=amy.example\r\n"
    theirs = b"Authentication-Results: mx.evil; dmarc=pass header.from=bank.example\r\n"
    forged = b"Authentication-Results: mx.ours; dmarc=pass header.from=bank.example\r\n"
    found = stated_results(split(theirs + ours + b"Received: from there\r\n" + forged + MAIL), {"mx.ours"})
    assert [(one.method, one.domain, one.result, one.stated_by) for one in found] == [
        ("spf", "amy.example", "pass", "mx.ours"),
        ("dkim", "amy.example", "pass", "mx.ours"),
    ]
    assert stated_results(split(ours + MAIL), set()) == ()


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("pass", "pass"),
        ("fail", "fail"),
        ("softfail", "weak"),
        ("none", "none"),
        ("temperror", "not_checked"),
        ("odd", "not_checked"),
    ],
)
def test_words_of_our_server_become_our_results(word, result):
    raw = f"Authentication-Results: mx.ours 1; spf={word} smtp.mailfrom=amy.example\r\n".encode() + MAIL
    (one,) = stated_results(split(raw), {"mx.ours"})
    assert one.result == result


def test_an_outlook_file_is_said_to_be_none_that_can_be_judged():
    raw = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    found, notes = messages_in(raw, None, channel="upload", media_type="application/vnd.ms-outlook")
    assert found == ()
    assert "no signature can be checked" in notes[0]


def test_an_original_within_an_original_is_marked_so():
    def carrying(inner, boundary):
        return (
            b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary
            + b"\r\n\r\n--" + boundary + b"\r\nContent-Type: message/rfc822\r\n\r\n" + inner
            + b"\r\n--" + boundary + b"--\r\n"
        )  # fmt: skip

    raw = carrying(carrying(MAIL, b"inner"), b"outer")
    reading = read(raw, channel="email", media_type="message/rfc822", door={})
    found, _ = messages_in(raw, reading, channel="email", media_type="message/rfc822")
    assert [(each.of, each.nested) for each in found] == [("original", False), ("original", True), ("forward", False)]
    assert found[1].raw.startswith(b"From: Dan Frost")
    assert author_domain(found[1].raw) == "example.org"
