"""Hostile input: it costs time in proportion to its size, reaches no network and leaves no markup.

Times are the process's own, and the bound is an order of magnitude above what is measured: what these tests would catch
is quadratic or exponential work, which takes minutes at this size.
"""

from __future__ import annotations

import gc
import json
import socket
import time
from pathlib import Path

import pytest

from intake.reading import read
from intake.reading.forwarded import find_forward
from intake.reading.text_of_html import text_of_html

SIZE = 100_000
BOUND_SECONDS = 2.0
HEAD = "---------- Forwarded message ---------\nFrom: Dan <d@example.com>\nDate: 1 May 2026 10:00\nSubject: x\nTo: s@example.org\n"
HOSTILE_HTML = Path(__file__).parents[1] / "web" / "corpora" / "hostile-html.json"

UNITS = [
    "\n", " ", "\xa0", ">", "> ", ">\n", "From:\n", "From: a\n", "-", "-----\n", "----- x ----- From: a", "_" * 32 + "\n", "<", "@", ",", "0", "07700 900123 ", ":", "a:\n",
    "On 1/1/2021 10:00, a <a@b.example> wrote:\n", "On 1 \nwrote:\n", "<mailto:", "From: a\nTo: b\nSubject: c\nDate: d\n", "From: a@b.example,\nTo: ", "http://", "AB12 ", "@a", "a@b.", '"',
    "\ufeff", "Begin forwarded message:", "a" * 64 + "@", HEAD, HEAD + " ", HEAD + "\n" * 50,
    "/\n", "www.", "(0", "AB1 ", "reg ", "----- Forwarded message from a@b.example -----\n", "----- End forwarded message -----\n",
    "--- forwarded x ---\nTo a\nCc b\nDate c\n", "--- forwarded x ---\nFrom a@b.example\nTo a\nCc b\n",
]  # fmt: skip
HTML_UNITS = [
    "<div>",
    "<blockquote>",
    "<td>",
    "<a href=x>",
    "<",
    "<!--",
    "&",
    "<style>",
    '<p style="url(">',
    "<br>",
    "<div hidden>",
    "</div>",
    "<p>x",
    "<pre>\n",
    "<table><tr><td>x",
    '<img srcset="a,b,//c,">',
    "<b><i>x",
    "<li>",
]
BYTE_UNITS = [
    b"Subject: =?utf-8?q?a?= ", b"To: a@b.example, ", b"To: (", b'From: "', b"A: b\n", b"Subject:\n x", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"Content-Type: message/rfc822\n\n",
    b"Content-Type: text/plain; a*0=b;", b"Content-Transfer-Encoding: base64\n\nA=", b"Content-Type: text/plain; charset=utf-7\n\n+AAA", b"Content-Type: text/plain; format=flowed\n\na \n",
]  # fmt: skip


def filled(unit):
    return unit * (SIZE // len(unit) + 1)


def seconds_to_read(raw: bytes) -> float:
    begin = time.process_time()
    reading = read(raw, channel="email", media_type="message/rfc822", door={})
    assert reading.state == "read", reading.unreadable_because
    return time.process_time() - begin


@pytest.mark.parametrize("unit", UNITS, ids=range(len(UNITS)))
def test_hostile_text_is_read_in_time(unit):
    for text in (filled(unit), HEAD + filled(unit), HEAD.replace("Dan", filled(unit).replace("\n", " ")) + "x"):
        assert seconds_to_read(f"Subject: FW: x\n\n{text}".encode()) < BOUND_SECONDS


@pytest.mark.parametrize("unit", HTML_UNITS, ids=range(len(HTML_UNITS)))
def test_hostile_html_is_read_in_time(unit):
    assert seconds_to_read(b"Subject: FW: x\nContent-Type: text/html\n\n" + filled(unit).encode()) < BOUND_SECONDS


@pytest.mark.parametrize("unit", BYTE_UNITS, ids=range(len(BYTE_UNITS)))
def test_hostile_structure_is_read_in_time(unit):
    assert seconds_to_read(filled(unit)) < BOUND_SECONDS
    head, _, tail = unit.partition(b"\n\n")
    assert seconds_to_read(head + b"\n\n" + filled(tail or head)) < BOUND_SECONDS
    assert (
        seconds_to_read(b"Subject: x\n" + head[:8] + filled(head[8:].replace(b"\n", b"") or b"x") + b"\n\nx")
        < BOUND_SECONDS
    )


OWN = [
    ('<img src="//leak.invalid/a">', "//leak.invalid/a"),
    ('<p style="background:\\75\\72\\6c(https://leak.invalid/b)">x', "https://leak.invalid/b"),
    ("<style>@import 'https://leak.invalid/c'</style>", "https://leak.invalid/c"),
    ('<iframe srcdoc="<img src=https://leak.invalid/d>"></iframe>', "https://leak.invalid/d"),
    ('<svg><image><set attributeName="href" to="https://leak.invalid/e"/></image></svg>', "https://leak.invalid/e"),
    ('<meta http-equiv=refresh content="0; url=https://leak.invalid/f">', "https://leak.invalid/f"),
    ('<a href="#" ping="https://leak.invalid/g">x</a>', "https://leak.invalid/g"),
    ('<img srcset="cid:x, https://leak.invalid/h 2x">', "https://leak.invalid/h"),
]


@pytest.mark.parametrize(("html", "address"), OWN)
def test_what_a_page_would_fetch_is_listed_and_not_fetched(html, address, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the reader opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    read_html = text_of_html(html)
    assert address in read_html.remote
    assert "leak.invalid" not in read_html.text


def test_scripts_and_styles_are_no_text():
    assert text_of_html("<p>a<script>alert(1)</script><style>b{}</style><template>c</template>d</p>").text == "ad"


def test_a_collection_of_hostile_html_is_read():
    collection = json.loads(HOSTILE_HTML.read_text())
    assert len(collection) > 100
    for item in collection:
        read_html = text_of_html(item["payload"])
        assert "<script" not in read_html.text or "&lt;script" in item["payload"] or item["kind"] != "xss"
        if item["kind"] == "remote-fetch" and "speculationrules" not in item["payload"]:
            assert any("leak.invalid" in address for address in (*read_html.remote, *read_html.links)), item["id"]


def work(text: str, subject: str) -> float:
    """Seconds of this process, the least of two, without what collecting other tests' garbage takes."""
    taken = []
    gc.disable()
    try:
        for _ in range(2):
            begin = time.process_time()
            find_forward(text, subject)
            taken.append(time.process_time() - begin)
    finally:
        gc.enable()
    return min(taken)


DENSE = ["On Saturday, 21 November 2026 at 22:14, Dan Frost <d@e.example> wrote:\n", "-------- x --------\n", "=*~-", "Date: a\nFrom: b\n", "> " * 50 + "\n", "From: a@b.example\nDate: 1/1/2021\nSubject: x\nTo: c\n\n"]  # fmt: skip


@pytest.mark.parametrize("unit", [*UNITS, *DENSE], ids=range(len(UNITS) + len(DENSE)))
def test_twice_the_hostile_text_is_at_most_thrice_the_work(unit):
    whole = filled(unit)[: SIZE // 2]
    for shape in ("{}", HEAD + "{}", HEAD.replace("Dan", "{}") + "x"):
        line = "Dan" in HEAD and shape.endswith("x") and "{} <" in shape
        texts = [shape.format(part.replace("\n", " ") if line else part) for part in (whole[: len(whole) // 2], whole)]
        half, full = (work(text, "FW: x") for text in texts)
        assert full < 3 * half + 0.1  # quadratic work is four times; the constant a hundredth of what that would take


def test_messages_nested_deeper_than_any_mail_are_a_chain_and_not_a_recursion():
    text = (HEAD + "words\n\n") * 200
    found = find_forward(text, "Fwd: x")
    assert found is not None
    assert found.author.address == "d@example.com"
    assert 0 < len(found.chain) <= 50
