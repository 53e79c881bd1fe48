"""Whose signature is good: by the account's token, the other one, a shared key; of either algorithm; and nobody else's."""

from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from intake.errors import SignatureRefusedError
from intake.twilio_signature import MOST_FIELDS, Signatures, Signed, form_fields

URL = "https://desk.example.org/intake/sms"
PAIRS = [("MessageSid", "SM1"), ("Body", "caf\u00e9 \U0001f600"), ("Empty", ""), ("Twice", "b"), ("Twice", "a")]
OURS = Signatures(("first", "second"), {"key_1": "shared"})


def signed(secret, *, url=URL, pairs=PAIRS, algorithm="HMAC_SHA1"):
    return RequestValidator(secret).compute_signature(url, MultiDict(pairs), algorithm)


def check(signature, settings="", *, url=URL, pairs=PAIRS, ours=OURS):
    return ours.check(url, form_fields(urlencode(pairs).encode()), signature, settings)


@pytest.mark.parametrize(
    ("secret", "algorithm", "settings", "found"),
    [
        ("first", "HMAC_SHA1", "", Signed("token 1", "HMAC_SHA1")),
        ("second", "HMAC_SHA1", "", Signed("token 2", "HMAC_SHA1")),
        ("shared", "HMAC_SHA256", "key=key_1,algorithm=HMAC_SHA256", Signed("key key_1", "HMAC_SHA256")),
        ("shared", "HMAC_SHA256", " algorithm = hmac_sha256 , key = key_1", Signed("key key_1", "HMAC_SHA256")),
        ("first", "HMAC_SHA256", "key=other,algorithm=HMAC_SHA256", Signed("token 1", "HMAC_SHA256")),
        ("first", "HMAC_SHA1", "nonsense", Signed("token 1", "HMAC_SHA1")),
    ],
)
def test_each_key_of_ours_is_known_by_each_algorithm(secret, algorithm, settings, found):
    assert check(signed(secret, algorithm=algorithm), settings) == found


@pytest.mark.parametrize(
    ("signature", "settings", "reason"),
    [
        ("", "", "unsigned"),
        ("   ", "", "unsigned"),
        (signed("third"), "", "bad_signature"),
        (signed("first", algorithm="HMAC_SHA256"), "", "bad_signature"),
        (signed("first"), "key=key_1,algorithm=HMAC_SHA256", "bad_signature"),
        (signed("shared", algorithm="HMAC_SHA256"), "key=key_2,algorithm=HMAC_SHA256", "bad_signature"),
        (signed("first"), "key=key_1,algorithm=HMAC_MD5", "unknown_algorithm"),
        (signed("first"), "algorithm=none", "unknown_algorithm"),
        (signed("first") + ", " + signed("first"), "", "bad_signature"),
        ("\u00fc\u20ac", "", "bad_signature"),
    ],
)
def test_nobody_elses_is(signature, settings, reason):
    with pytest.raises(SignatureRefusedError) as caught:
        check(signature, settings)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("signs", "configured"),
    [
        (URL, "https://desk.example.org:443/intake/sms"),
        ("https://desk.example.org:443/intake/sms", URL),
        ("https://desk.example.org:8443/intake/sms", "https://desk.example.org:8443/intake/sms"),
        ("https://desk.example.org/intake/sms", "https://desk.example.org:8443/intake/sms"),
        ("http://desk.example.org:80/intake/sms", "http://desk.example.org/intake/sms"),
        ("https://Desk.Example.org/a/b/intake/sms?x=%20&y", "https://Desk.Example.org/a/b/intake/sms?x=%20&y"),
        ("https://[2001:db8::1]:443/intake/sms", "https://[2001:db8::1]/intake/sms"),
    ],
)
def test_the_public_address_counts_with_its_port_and_without(signs, configured):
    assert check(signed("first", url=signs), url=configured).by == "token 1"


@pytest.mark.parametrize(
    "signs",
    ["http://desk.example.org/intake/sms", "https://desk.example.org/intake", "https://evil.example/intake/sms"],
)
def test_another_address_does_not(signs):
    with pytest.raises(SignatureRefusedError):
        check(signed("first", url=signs))


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=8))
def test_any_form_twilios_own_library_signs_is_good_and_no_other(pairs):
    pairs = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs
    ]
    # A pair with neither name nor value is not told apart from nothing in a form.
    pairs = [pair for pair in pairs if any(pair)]
    assert check(signed("first", pairs=pairs), pairs=pairs).by == "token 1"
    with pytest.raises(SignatureRefusedError):
        check(signed("first", pairs=[*pairs, ("One", "more")]), pairs=pairs)


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_refused(raw):
    fields = form_fields(raw)
    with pytest.raises(SignatureRefusedError):
        OURS.check(URL, fields, "bm8=")


def test_bytes_that_are_no_utf8_have_a_signature_like_any_other():
    import base64
    import hashlib
    import hmac

    raw = b"Body=%FF%ED%A0%80\xfe&MessageSid=SM1"
    made = hmac.new(b"first", URL.encode() + b"Body\xff\xed\xa0\x80\xfeMessageSidSM1", hashlib.sha1).digest()
    assert OURS.check(URL, form_fields(raw), base64.b64encode(made).decode()).by == "token 1"


def test_more_fields_than_twilio_ever_sends_are_refused_before_they_are_counted():
    with pytest.raises(SignatureRefusedError):
        form_fields(b"&".join(b"a=%d" % number for number in range(MOST_FIELDS + 1)))
    assert len(form_fields(b"&" * 900)) == 0


def test_plus_and_percent_are_what_a_form_means_by_them():
    assert form_fields(f"From={quote_plus('+44 7')}&=x&lonely".encode()) == [
        (b"From", b"+44 7"),
        (b"", b"x"),
        (b"lonely", b""),
    ]


def test_secrets_are_not_shown():
    assert "first" not in repr(OURS)
    assert "shared" not in repr(OURS)
