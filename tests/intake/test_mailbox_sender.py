"""Who sent a mail: one From header with one address, or nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.addresses import normal_email
from intake.mail_sender import mail_sender


def mail(*lines, end=b"\r\n"):
    return end.join([*lines, b"", b"From: body@example.org", b""])


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"From: jane@example.org", "jane@example.org"),
        (b"from : JANE@Example.ORG", "jane@example.org"),
        (b"From:\r\n Jane Doe\r\n\t<jane@example.org>", "jane@example.org"),
        (b'From: "him@evil.example" <jane@example.org>', "jane@example.org"),
        (b'From: "Doe, Jane \\"J\\"" <jane@example.org>', "jane@example.org"),
        (b"From: Doe, Jane <jane@example.org>", "jane@example.org"),
        (b"From: jane@example.org (him@evil.example)", "jane@example.org"),
        (b"From: =?utf-8?q?J=C3=A4ne?= <jane@example.org>", "jane@example.org"),
        ("From: Jäne <jane@example.org>".encode(), "jane@example.org"),
    ],
)
def test_one_address_is_the_sender(header, sender):
    assert mail_sender(mail(b"Received: by mx", header, b"Subject: x")) == sender


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: nobody",
        b"From: jane@example.org\r\nFrom: him@evil.example",
        b"From: jane@example.org\r\nfrom: jane@example.org",
        b"From: jane@example.org, him@evil.example",
        b"From: <jane@example.org> <him@evil.example>",
        b"From: him@evil.example, <jane@example.org>",
        b"From: friends: jane@example.org;",
        b"From: Jane",
        b"From: <>",
        b'From: "Jane <jane@example.org>',
        b"From: J\xe4ne <jane@example.org>",
        b"From: jane@example.org" + b" " * 5000,
        b"X-From: jane@example.org",
        b"Subject: a\r\n From: jane@example.org",
    ],
)
def test_anything_else_is_nobody(header):
    assert mail_sender(mail(header)) is None


def test_a_from_line_in_the_body_is_no_header():
    assert mail_sender(b"\r\nFrom: jane@example.org\r\n") is None
    assert mail_sender(b"Subject: a\n\nFrom: jane@example.org\n") is None


def test_bare_line_feeds_are_read_as_well():
    assert mail_sender(mail(b"From: jane@example.org", b"To: x", end=b"\n")) == "jane@example.org"


@given(st.binary(max_size=300))
def test_any_bytes_have_a_sender_in_normal_form_or_none(raw):
    sender = mail_sender(b"From: " + raw)
    assert sender is None or normal_email(sender) == sender


def test_a_hostile_header_costs_little():
    for piece in (b'"', b"(", b"<", b"\\", b"<a", b'"\\', b"From:", b"\r\n "):
        assert mail_sender(b"From: " + piece * 100_000) is None
