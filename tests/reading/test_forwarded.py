"""Inline forwards: the public suite's cases, and traps that would put a wrong name on a timeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading.forwarded import Inline, find_forward, subject_kind
from intake.reading.model import Reported

CASES = json.loads((Path(__file__).parent / "corpora" / "forwards" / "cases.json").read_text())

HEADER = "From: Dan Frost <dan.frost@example.com>\nDate: Sat, 21 Nov 2026 at 22:14\nSubject: You will regret this\nTo: <sam.carter@example.org>\n\nYou will regret this.\n"
INNER = HEADER.replace("Dan Frost <dan.frost@example.com>", "Eve Inner <eve.inner@example.net>")
DASHES = "---------- Forwarded message ---------\n"


def pair(person: Reported) -> dict[str, str | None]:
    return {"address": person.address, "name": person.name}


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_every_case_of_the_public_suite_is_read_as_it_expects(case):
    expected = case["expected"]
    found = find_forward(case["body"], case["subject"])
    assert (found is not None) == expected["forwarded"]
    if found is not None:
        email = expected["email"]
        assert pair(found.author) == {"address": email["from"].get("address"), "name": email["from"].get("name")}
        assert [pair(each) for each in found.to] == email["to"]
        assert [pair(each) for each in found.cc] == email["cc"]
        assert (found.subject, found.date_text, found.body) == (email["subject"], email["date"], email["body"])
        assert (found.above or None) == expected["message"]


def dan(text: str, subject: str | None = "Fwd: x") -> Inline:
    found = find_forward(text, subject)
    assert found is not None
    assert pair(found.author) == {"address": "dan.frost@example.com", "name": "Dan Frost"}
    return found


@pytest.mark.parametrize(
    "inner", [DASHES + INNER, "> Begin forwarded message:\n>\n" + INNER, "_" * 32 + "\n" + INNER, INNER]
)
def test_the_outermost_of_nested_forwards_is_the_original_and_the_others_are_its_chain(inner):
    found = dan(DASHES + HEADER + "\n" + inner)
    assert [each.author.address for each in found.chain] == ["eve.inner@example.net"]
    assert "Eve Inner" in found.body


def test_spans_point_into_the_text_that_was_read():
    text = "Look at this\n\n" + DASHES + HEADER
    found = dan(text)
    assert text[found.header_start : found.header_end].startswith(DASHES)
    assert text[found.header_end : found.body_end].strip() == found.body == "You will regret this."


@pytest.mark.parametrize(
    "text",
    [
        "Thanks.\n\nOn Sat, 21 Nov 2026 at 22:14, Dan Frost <dan.frost@example.com> wrote:\n> hello\n",
        "Thanks.\n\nOn Sat, 21 Nov 2026 at 22:14, Dan Frost <dan.frost@example.com>\nwrote:\n> "
        + (DASHES + INNER).replace("\n", "\n> "),
        "Thanks.\n\n2026年11月21日(土) 22:14 Dan Frost <dan.frost@example.com>:\n> "
        + (DASHES + INNER).replace("\n", "\n> "),
        "Am 21.11.2026 um 22:14 schrieb Dan Frost:\n> " + (DASHES + INNER).replace("\n", "\n> "),
        "Thanks.\n\n> " + (DASHES + INNER).replace("\n", "\n> "),
        "Thanks\n\n" + "_" * 32 + "\n" + HEADER.replace("Date:", "Sent:"),
        "Thanks\n\n-----Original Message-----\n" + HEADER.replace("Date:", "Sent:"),
        "Thanks\n\n" + HEADER.replace("Date:", "Sent:"),
    ],
)
def test_a_reply_chain_is_not_a_forward(text):
    assert find_forward(text, "Re: x") is None


@pytest.mark.parametrize(
    "subject", ["AW: x", "SV: x", "Odp: x", "RE : x", "[EXTERNAL] Re: Fwd: x", "Re[2]: x", "答复: x"]
)
def test_a_reply_prefix_of_any_language_makes_a_line_and_a_header_an_answer(subject):
    assert subject_kind(subject)[0] == "reply"
    assert find_forward("Thanks\n\n" + "_" * 32 + "\n" + HEADER, subject) is None


def test_an_answer_to_the_one_it_is_addressed_to_is_not_a_forward_whatever_its_subject():
    text = "Thanks\n\n" + "_" * 32 + "\n" + HEADER
    assert find_forward(text, "Something new", frozenset({"dan.frost@example.com"})) is None
    assert find_forward(text, "Something new", frozenset({"reports@holdfast.example"})) is not None


@pytest.mark.parametrize(
    "text",
    [
        "From: the bottom of my heart, I hate you.\nTo: be clear, you are next.\n",
        "He said\nFrom: now on you pay.\nSubject: to change.\n",
        "-- \nSam\n________________________________\nThis email is confidential.\n",
        "---------- my notes ----------\nnothing here\n",
        DASHES + "and then nothing",
        "Begin forwarded message:\n\nhe just called",
        "",
    ],
)
def test_words_that_look_a_little_like_a_header_name_nobody(text):
    assert find_forward(text, "Fwd: x") is None


def test_a_header_block_inside_a_mail_that_is_no_forward_is_not_believed():
    assert find_forward("My note.\n\n" + HEADER, "My diary") is None
    assert find_forward("My note.\n\n" + HEADER, None) is None
    assert dan("My note.\n\n" + HEADER, "FW: x").rule == "block"


def test_two_addresses_in_one_from_name_nobody():
    text = DASHES + HEADER.replace(
        "Dan Frost <dan.frost@example.com>", "Dan <dan.frost@example.com> Eve <eve@example.net>"
    )
    found = find_forward(text, "Fwd: x")
    assert found is not None
    assert found.author.is_empty


def test_a_name_that_looks_like_an_address_does_not_become_the_address():
    text = DASHES + HEADER.replace("Dan Frost <", '"sam.carter@example.org" <')
    found = find_forward(text, "Fwd: x")
    assert found is not None
    assert found.author.address == "dan.frost@example.com"


def test_words_below_a_quoted_forward_are_the_contributors_not_the_originals():
    quoted = "> Begin forwarded message:\n>\n> " + HEADER.strip().replace("\n", "\n> ")
    found = dan("He is back.\n\n" + quoted + "\n\nPlease call me. Sam")
    assert found.body == "You will regret this."
    assert found.above == "He is back.\n\nPlease call me. Sam"


def test_a_wrapped_list_of_people_is_read_to_its_end():
    found = dan(
        DASHES
        + HEADER.replace(
            "To: <sam.carter@example.org>",
            "To: Sam Carter <sam.carter@example.org>,\n Kim Lee <kim.lee@example.org>,\nkay@example.org",
        )
    )
    assert [each.address for each in found.to] == ["sam.carter@example.org", "kim.lee@example.org", "kay@example.org"]


@pytest.mark.parametrize(
    ("labels", "phrase"),
    [
        (("差出人", "日付", "件名", "宛先"), "転送されたメッセージ"),
        (("보낸사람", "날짜", "제목", "받는사람"), "전달된 메시지"),
        (("发件人", "日期", "主题", "收件人"), "转发的邮件"),
        (("Von", "Datum", "Betreff", "An"), "Weitergeleitete Nachricht"),
        (("Od", "Data", "Temat", "Do"), "Wiadomość przesłana dalej"),
        (("De la", "Data", "Subiect", "Către"), "Mesaj redirecționat"),
        (("Від", "Дата", "Тема", "Кому"), "Пересланий лист"),
        (("Oddi wrth", "Dyddiad", "Pwnc", "At"), "Neges a anfonwyd ymlaen"),
        (("Από", "Ημερομηνία", "Θέμα", "Προς"), "Προωθημένο μήνυμα"),
    ],
)
def test_other_languages_are_read_as_well(labels, phrase):
    text = HEADER
    for english, label in zip(("From", "Date", "Subject", "To"), labels, strict=True):
        text = text.replace(
            f"{english}:", f"{label}：" if label.isascii() is False and ord(label[0]) > 0x3000 else f"{label}:", 1
        )
    found = dan(f"---------- {phrase} ----------\n{text}")
    assert (found.rule, found.subject, len(found.to)) == ("dashes", "You will regret this", 1)


@given(
    st.text(alphabet=st.sampled_from("From:To Subject\n>-_<>@.,;\"'a1\xa0 ")),
    st.sampled_from([None, "Fwd: a", "Re: a", "a"]),
)
def test_any_text_is_read_without_error_and_nobody_is_named_out_of_nothing(text, subject):
    found = find_forward(text, subject)
    if found is not None and found.author.address is not None:
        assert found.author.address in text


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_stands_above_and_below_the_outermost_head_is_named(above, below):
    words = "".join(character for character in above if character.isalnum() and character.isascii())
    dan(f"{words}\n\n{DASHES}{HEADER}\n{below}")


def test_a_header_quoted_in_the_note_does_not_hide_the_forward_below_it():
    note = "He said before:\n> " + INNER.replace("\n", "\n> ")
    assert dan(note + "\n\n" + DASHES + HEADER).rule == "dashes"


def test_a_header_pasted_above_a_forward_leaves_doubt_and_names_nobody():
    assert find_forward("He said before:\n\n" + INNER + "\n" + DASHES + HEADER, "Fwd: x") is None


def test_a_forward_inside_what_an_attribution_quotes_is_not_the_outermost():
    quoted = "> " + (DASHES + INNER).replace("\n", "\n> ")
    assert find_forward("See\n\nOn Sat, 21 Nov 2026 at 22:14, Dan Frost wrote:\n" + quoted, "Fwd: x") is None
    assert dan("On Monday at 10 he wrote:\nawful things.\n\n" + DASHES + HEADER).rule == "dashes"


def test_a_header_of_paragraphs_is_read_and_a_body_that_begins_like_one_is_not():
    spaced = (
        DASHES
        + "\n"
        + HEADER.replace("\nDate", "\n\nDate").replace("\nSubject", "\n\nSubject").replace("\nTo", "\n\nTo")
    )
    assert dan(spaced).subject == "You will regret this"
    found = dan(DASHES + HEADER.replace("To: <sam.carter@example.org>\n\n", "\nTo: whom it may concern\n\n"))
    assert found.to == ()
    assert found.body.startswith("To: whom it may concern")


MUTT = "----- Forwarded message from Dan Frost <dan.frost@example.com> -----\n"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        (MUTT, "----- End forwarded message -----\n"),
        (
            "----- Weitergeleitete Nachricht von dan.frost@example.com -----\n",
            "----- Ende der weitergeleiteten Nachricht -----\n",
        ),
    ],
)
def test_words_below_the_line_that_ends_a_forward_are_the_contributors(opening, closing):
    found = dan("Look.\n\n" + opening + "\n" + HEADER + "\n" + closing + "\n-- \nSam\n")
    assert found.body == "You will regret this."
    assert "Sam" in found.above


def test_an_author_who_writes_such_a_line_does_not_end_the_message():
    inner = "----- End forwarded message -----\nSam said she wants me back.\n"
    assert "wants me back" in dan(MUTT + "\n" + HEADER + inner + "\n----- End forwarded message -----\n").body
    assert "wants me back" in dan(DASHES + HEADER + inner).body


@pytest.mark.parametrize(
    "opening",
    ["----------  Forwarded Message  ----------\n\n", "----------  Weitergeleitete Nachricht  ----------\n\n"],
)
def test_a_phrase_two_blanks_from_its_dashes_begins_a_forward(opening):
    head, rest = HEADER.split("Subject: You will regret this\n")
    found = dan("Look.\n\n" + opening + "Subject: You will regret this\n" + head + rest)
    assert (found.rule, found.subject, found.above) == ("dashes", "You will regret this", "Look.")


def test_a_line_that_says_this_is_a_forwarded_message_opens_one():
    found = dan("Look.\n\nThis is a forwarded message\n" + HEADER)
    assert (found.rule, found.above) == ("opening", "Look.")


BARE = 'From "Dan Frost" <dan.frost@example.com>\nTo "Sam" <sam.carter@example.org>\nDate 21/11/2026 22:14:08\nSubject You will regret this\n\nFrom now on I watch.\n'


@pytest.mark.parametrize(
    ("phrase", "labels"),
    [
        ("Forwarded Message", {}),
        ("Weitergeleitete Nachricht", {"From ": "Von ", "To ": "An ", "Date ": "Datum ", "Subject ": "Betreff "}),
    ],
)
def test_labels_without_colons_are_read_below_a_line_that_says_forwarded(phrase, labels):
    head, body = BARE.split("\n\n")
    for english, label in labels.items():
        head = head.replace(english, label)
    found = dan(f"Look.\n\n------ {phrase} ------\n{head}\n\n{body}")
    assert (found.subject, found.date_text) == ("You will regret this", "21/11/2026 22:14:08")
    assert (found.above, found.body) == ("Look.", "From now on I watch.")
    assert [each.address for each in found.to] == ["sam.carter@example.org"]
    assert all(found.source[each.start : each.end] for each in found.spans)


def test_labels_without_colons_anywhere_else_name_nobody():
    assert find_forward("Look.\n\n" + BARE, "Fwd: x") is None
    assert find_forward("-----Original Message-----\n" + BARE, "Fwd: x") is None
    assert find_forward(DASHES + BARE.replace("<dan.frost@example.com>", ""), "Fwd: x") is None
    assert find_forward(DASHES + BARE.replace("Date", "When it was"), "Fwd: x") is None
