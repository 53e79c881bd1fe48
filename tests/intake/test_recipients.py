"""Which headers of a mail can name an alias, whatever server it came through."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.alias import TAG_LENGTH, TAG_LETTERS
from intake.recipients import alias_tags

TAG = "k7qa2b3c4d5e6f7g2h3j"
OTHER = "z" * TAG_LENGTH


def mail(*headers):
    return "\r\n".join(["From: a@example.org", *headers, "", f"To: desk+{OTHER}@h.example", ""]).encode()


@pytest.mark.parametrize(
    "header",
    [
        f"To: desk+{TAG}@force.example",
        f"to : Desk <DESK+{TAG.upper()}@FORCE.EXAMPLE>",
        f'To: "Smith, Jane" <jane@x.example>, "Post" <desk+{TAG}@force.example>',
        f"Cc: x@y.example,\r\n\t<desk+{TAG}@force.example>",
        f"Bcc: desk+{TAG}@force.example",
        f"Delivered-To: desk+{TAG}@force.example",
        f"X-Original-To: desk+{TAG}@force.example",
        f"Envelope-To: desk+{TAG}@force.example",
        f"X-Delivered-To: {TAG}@reports.force.example",
        f"Resent-To: {TAG}@reports.force.example",
        f'To: "desk+{TAG}"@force.example',
        f"To: desk-{TAG}@force.example",
        f"Delivered-To: SRS0=x=desk+{TAG}@internal",
        f"Received: from a by b with SMTP id 1\r\n for <desk+{TAG}@force.example>; Mon, 1 Jan 2026 10:00:00 +0000",
    ],
)
def test_an_alias_is_found_however_the_server_tells_the_recipient(header):
    assert alias_tags(mail(header)) == {TAG}


@pytest.mark.parametrize(
    "header",
    [
        f"Subject: desk+{TAG}@force.example",
        f"Reply-To: desk+{TAG}@force.example",
        f"References: <desk+{TAG}@force.example>",
        f"To: desk@{TAG}.example",
        f"To: desk+{TAG}x@force.example",
        f"To: desk+{TAG[:-1]}@force.example",
        f"To: desk+{TAG[:-1]}1@force.example",
        f"To: {TAG}",
        f"Received: from {TAG}@h by b; Mon, 1 Jan 2026 10:00:00 +0000",
        f"X-To: desk+{TAG}@force.example",
    ],
)
def test_nothing_else_names_an_alias(header):
    assert alias_tags(mail(header)) == frozenset()


def test_only_the_outer_header_counts():
    assert alias_tags(b"\r\n" + mail(f"To: desk+{TAG}@h.example")) == frozenset()


def test_a_header_of_nothing_but_aliases_claims_none_and_costs_little():
    many = ", ".join(f"desk+{TAG[:-2]}{a}{b}@h" for a in TAG_LETTERS for b in TAG_LETTERS)
    began = time.process_time()
    assert alias_tags(mail(f"To: {many}")) == frozenset()
    alias_tags(mail("To: " + f"{TAG}." * 20_000))
    alias_tags(mail(*["To: " + "a" * 90 + "@"] * 2_000))
    alias_tags(mail("Received: " + "for <" * 50_000))
    assert time.process_time() - began < 2


@given(st.binary(max_size=300))
def test_any_bytes_are_read(raw):
    alias_tags(raw)
    alias_tags(b"To: " + raw + b"\r\n\r\n")


@given(st.text(TAG_LETTERS, min_size=TAG_LENGTH, max_size=TAG_LENGTH))
def test_every_tag_that_can_be_given_is_found(tag):
    assert alias_tags(mail(f"To: desk+{tag}@force.example")) == {tag}
