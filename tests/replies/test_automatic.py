"""Mail that no person wrote by hand is recognised, and whatever cannot be read counts as such."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.automatic import LONGEST_HEAD_BYTES, MOST_LINES, head_of, is_automatic, message_id_of

AMY = "amy@example.org"
BY_HAND = b"From: Amy <amy@example.org>\r\nTo: desk@example.net\r\nSubject: Fwd: hello\r\nMessage-ID: <1@x>\r\n"
CORPUS = Path(__file__).parent.parent / "reading" / "corpora" / "mail"


def judged(*lines, sender=AMY, own=()):
    raw = BY_HAND + b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\nbody\r\n"
    return is_automatic(head_of(raw), sender, own)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: No ; by=hand",
        "Return-Path: <amy@example.org>",
        "Precedence: normal",
        "X-Auto-Response-Suppress: RN, NRN",
        "X-Auto-Response-Suppress: None",
        "X-Spam-Status: No, score=-1.0 required=5.0",
        "Reply-To: him@example.org",
        "Disposition-Notification-To: him@example.org",
        "Content-Type: multipart/mixed; boundary=x",
        "Authentication-Results: mx.example.net; spf=fail smtp.mailfrom=x; dkim=pass header.d=example.org; dmarc=pass",
        "Authentication-Results: mx.example.net; dkim=none",
        "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=amy@example.org; dkim=none",
        "Authentication-Results: mx.example.net; spf=fail smtp.mailfrom=x; dkim=pass header.d=mail.example.org",
        "Authentication-Results: mx.example.net; dkim=pass",
        "Authentication-Results: mx.example.net; spf=temperror smtp.mailfrom=example.org",
        "Authentication-Results: mx.example.net; spf=neutral smtp.mailfrom=example.org; dkim=none",
        "Received-SPF: pass (mx.example.net)",
        "X-MS-Exchange-Organization-SCL: 1",
        "In-Reply-To: <friend@example.org>",
        "In-Reply-To: <0123456789abcdef0123456789abcdef@elsewhere.example>",
        "Received: from a by b;\r\n Mon, 23 Nov 2026 12:00:00 +0000",
    ],
)
def test_mail_by_hand_may_be_answered(line):
    assert not judged(line)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: auto-generated",
        "auto-submitted: Auto-Replied; owner-email=x",
        "Auto-Submitted:",
        "Return-Path: <>",
        "Return-Path:",
        "Return-Path: < >",
        "List-Id: <x.example.org>",
        "List-Unsubscribe: <mailto:x@example.org>",
        "Mailing-List: x",
        "Precedence: bulk",
        "Precedence: LIST",
        "precedence: junk (really)",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: OOF,\r\n AutoReply",
        "X-Auto-Response-Suppress: dr rn",
        "X-Loop: desk@example.net",
        "X-Autoreply: yes",
        "X-Failed-Recipients: x@example.org",
        "Feedback-ID: 1:2:3",
        "Content-Type: multipart/report; report-type=delivery-status",
        "Content-Type: message/disposition-notification",
        "X-Spam-Flag: YES",
        "X-Spam-Status: Yes, score=9",
        "From: him@example.org",
        "Authentication-Results: mx.example.net; spf=softfail smtp.mailfrom=x",
        "Authentication-Results: mx.example.net; dkim=pass header.d=other.example; dmarc=fail (p=none)",
        "Authentication-Results: mx.example.net; spf=fail smtp.mailfrom=x; dkim=pass header.d=attacker.example",
        "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=attacker.example; dkim=none",
        "Authentication-Results: mx.example.net; dkim=fail header.d=example.org",
        "Authentication-Results: mx.example.net; dkim=pass header.d=notexample.org",
        "Authentication-Results: mx.example.net; dkim=pass header.d=example.org; compauth=fail reason=001",
        "Authentication-Results: mx; dkim=pass header.d=example.org\r\nAuthentication-Results: mx; dmarc=fail",
        "Received-SPF: fail (mx.example.net)",
        "Received-SPF: softfail (mx.example.net)",
        "X-MS-Exchange-Organization-SCL: 9",
        "X-Spam: yes",
        "Content-Type: message/feedback-report",
        "Content-Type: message/global-delivery-status",
        "a line without a name",
        "Sub ject: x",
    ],
)
def test_each_sign_of_a_machine_is_enough_for_silence(line):
    assert judged(line)


@pytest.mark.parametrize(
    "value",
    ["", "him@example.org", "Amy", "amy@example.org, him@example.org", "Group: amy@example.org, him@example.org;",
     '"amy@example.org" <him@example.org>', "<amy@example.org> <him@example.org>", "(c):", '"'],
)  # fmt: skip
def test_a_from_that_is_not_hers_alone_is_silence(value):
    assert is_automatic((("From", value),), AMY)


@pytest.mark.parametrize(
    "local",
    ["mailer-daemon", "postmaster", "noreply", "no-reply", "do_not_reply", "bounces+123", "owner-list", "x-request"],
)
def test_role_addresses_are_never_answered(local):
    assert is_automatic((("From", f"{local}@example.org"),), f"{local}@example.org")


def test_our_own_address_is_never_answered():
    assert judged(own={AMY})


OURS = "<0123456789abcdef0123456789abcdef@example.net>"


@pytest.mark.parametrize(
    "line", [f"In-Reply-To: {OURS}", f"References: <a@b.example> {OURS}", f"IN-REPLY-TO: {OURS.upper()}"]
)
def test_an_answer_to_our_answer_is_not_answered_even_without_any_mark(line):
    assert judged(line, own={"desk@example.net", "+447700900100"})
    assert not judged(line, own={"desk@elsewhere.example"})


@given(
    st.sampled_from(["fail", "softfail", "none", "neutral", "temperror", "permerror", "pass"]),
    st.sampled_from(["fail", "none", "pass", "policy"]),
    st.sampled_from(["example.org", "mail.example.org", "attacker.example", "example.org.attacker.example", "org"]),
    st.sampled_from(["example.org", "attacker.example"]),
)
def test_what_our_server_found_to_fail_is_answered_only_where_the_senders_own_domain_passed(
    spf, dkim, signer, envelope
):
    found = f"Authentication-Results: mx; spf={spf} smtp.mailfrom={envelope}; dkim={dkim} header.d={signer}"
    if not judged(found):
        own_domains = {"example.org", "mail.example.org"}
        vouched = (spf == "pass" and envelope in own_domains) or (dkim == "pass" and signer in own_domains)
        assert vouched or {spf, dkim} <= {"none", "neutral", "temperror"}


def test_no_header_at_all_is_silence():
    assert is_automatic(None, AMY)
    assert is_automatic((), AMY)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"From: amy@example.org",
        b" folded first\r\nFrom: amy@example.org\r\n\r\n",
        b"From: amy@example.org\r\n" + b"X: y\r\n" * (MOST_LINES + 1) + b"\r\n",
        b"From: amy@example.org\r\nX: " + b"y" * LONGEST_HEAD_BYTES + b"\r\n\r\n",
        b"From amy@example.org Mon Nov 23\r\nFrom: amy@example.org\r\n\r\n",
    ],
)
def test_a_header_that_cannot_be_read_to_its_end_is_none(raw):
    assert head_of(raw) is None


def test_only_the_outer_header_counts():
    raw = BY_HAND + b"\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <2@x>\r\n\r\n"
    assert not is_automatic(head_of(raw), AMY)
    assert message_id_of(head_of(raw)) == "<1@x>"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["<a.b@x.example>"], "<a.b@x.example>"),
        (["<a@x>", "<b@x>"], None),
        (["<a@x> <b@x>"], None),
        (["<a @x>"], None),
        (["a@x"], None),
        ([f"<{'a' * 300}@x>"], None),
        ([], None),
    ],
)
def test_a_message_id_is_taken_over_only_if_it_is_one(values, expected):
    assert message_id_of([("message-id", value) for value in values]) == expected


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_without_an_exception(raw):
    headers = head_of(raw)
    assert is_automatic(headers, AMY) in {True, False}
    found = message_id_of(headers)
    assert found is None or (found.isascii() and found.isprintable())


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_header_lines_of_any_bytes_never_make_somebody_else_the_author(lines):
    headers = head_of(b"From: him@example.org\r\n" + b"\r\n".join(lines) + b"\r\n\r\n")
    assert is_automatic(headers, AMY)


def test_real_mails_are_judged_without_an_exception():
    mails = [path.read_bytes() for path in CORPUS.rglob("*") if path.is_file()]
    assert len(mails) > 50
    silent = [is_automatic(head_of(raw), AMY) for raw in mails]
    assert all(silent)  # none of them is Amy's
