"""A text that came as Twilio's document reads as one that came by webhook."""

import json
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from intake.reading import read
from intake.twilio_document import as_form


@given(st.text(), st.text(min_size=1))
def test_the_fields_are_those_of_the_webhook(body, sender):
    document = json.dumps({"sid": "SM1", "from": sender, "body": body, "price": None, "num_media": "0"}).encode()
    assert parse_qsl(as_form(document).decode(), keep_blank_values=True, errors="surrogatepass") == [
        ("MessageSid", "SM1"),
        ("From", sender),
        ("Body", body),
        ("NumMedia", "0"),
    ]


def test_it_reads_as_a_text():
    form = as_form(json.dumps({"sid": "SM1", "from": "+447700900123", "body": "he is ☔ outside"}).encode())
    found = read(form, channel="sms", media_type="application/x-www-form-urlencoded", door={})
    assert found.text == "he is ☔ outside"


@given(st.binary(max_size=60))
def test_anything_else_has_no_fields(junk):
    assert as_form(junk) == b""
    assert as_form(b"[" * 100_000) == b""
