"""How the Twilio stand-in calls back: signed, with all the usual parameters, tried again by Twilio's own rules.

The address that is signed (the public one) and the address that is called may differ, as they do behind a proxy. A
fragment on the public address overrides the connection as at Twilio: `#rc=2&rp=all&ct=2000&rt=15000`. Not overridden,
it is tried once more (rc=1), and only when no connection could be made (rp=ct).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urldefrag, urlencode

import requests
from twilio.request_validator import RequestValidator

from services.twilio_store import Media, Message

API_VERSION = "2010-04-01"
MOST_RETRIES = 5
CONNECT_MILLISECONDS = 5_000
READ_MILLISECONDS = 15_000
TOTAL_SECONDS = 15.0
GSM_SINGLE, GSM_PART, UCS2_SINGLE, UCS2_PART = 160, 153, 70, 67
# 3GPP TS 23.038: the default alphabet, and the characters that take two places.
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = set("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to call: the address that is signed, and the one that is really called."""

    public_url: str
    target_url: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """Twilio's connection overrides, from the fragment of the address."""

    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})
    connect_seconds: float = CONNECT_MILLISECONDS / 1000
    read_seconds: float = READ_MILLISECONDS / 1000

    @classmethod
    def of(cls, url: str) -> Overrides:
        """Read them; what is not a number counts as not said."""
        said = {name: values[-1] for name, values in parse_qs(urldefrag(url).fragment).items()}

        def number(name: str, default: int) -> int:
            return int(said[name]) if said.get(name, "").isascii() and said.get(name, "").isdigit() else default

        return cls(
            retries=min(number("rc", 1), MOST_RETRIES),
            retry_on=frozenset(said.get("rp", "ct").split(",")),
            connect_seconds=number("ct", CONNECT_MILLISECONDS) / 1000,
            read_seconds=number("rt", READ_MILLISECONDS) / 1000,
        )

    def covers(self, failure: str) -> bool:
        """Whether a failure of this kind (ct, rt, 4xx, 5xx) is tried again."""
        return failure in self.retry_on or "all" in self.retry_on


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a call went: one entry per attempt, an HTTP status or `ct`/`rt` for a connection or an answer that failed."""

    attempts: tuple[int | str, ...]

    @property
    def status(self) -> int | None:
        """The last HTTP status; None when there was no answer."""
        last = self.attempts[-1] if self.attempts else None
        return last if isinstance(last, int) else None


def segments(body: str) -> int:
    """How many texts a network needs for this body: GSM 7-bit where it can, else UCS-2."""
    if set(body) <= GSM | GSM_EXTENDED:
        length, single, part = sum(2 if character in GSM_EXTENDED else 1 for character in body), GSM_SINGLE, GSM_PART
    else:
        length, single, part = len(body.encode("utf-16-be")) // 2, UCS2_SINGLE, UCS2_PART
    return 1 if length <= single else -(-length // part)


def received_parameters(message: Message, account_sid: str, media: Sequence[Media], base_url: str) -> dict[str, str]:
    """What Twilio posts for a text that came in."""
    parameters = {
        "ToCountry": "GB", "ToState": "", "ToCity": "", "ToZip": "",
        "FromCountry": "GB", "FromState": "", "FromCity": "", "FromZip": "",
        "SmsMessageSid": message.sid, "SmsSid": message.sid, "MessageSid": message.sid, "AccountSid": account_sid,
        "From": message.sender, "To": message.recipient, "Body": message.body, "SmsStatus": "received",
        "NumMedia": str(len(media)), "NumSegments": str(segments(message.body)), "ApiVersion": API_VERSION,
    }  # fmt: skip
    for number, item in enumerate(media):
        path = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}/Media/{item.sid}"
        parameters[f"MediaUrl{number}"] = base_url + path
        parameters[f"MediaContentType{number}"] = item.content_type
    return parameters


def status_parameters(message: Message, account_sid: str, error_code: int | None = None) -> dict[str, str]:
    """What Twilio posts to a status callback; of what failed with its number for why, if it has one."""
    why = {"ErrorCode": str(error_code)} if error_code else {}
    return {
        "SmsSid": message.sid, "MessageSid": message.sid, "AccountSid": account_sid, "SmsStatus": message.status,
        "MessageStatus": message.status, "From": message.sender, "To": message.recipient, "ApiVersion": API_VERSION,
        **why,
    }  # fmt: skip


def call(webhook: Webhook, parameters: Mapping[str, str], auth_token: str, idempotency_token: str) -> Delivery:
    """Post the parameters, signed, and again as the overrides say; at most 15 seconds in all."""
    overrides = Overrides.of(webhook.public_url)
    signature = RequestValidator(auth_token).compute_signature(urldefrag(webhook.public_url).url, dict(parameters))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "I-Twilio-Idempotency-Token": idempotency_token,
        "X-Twilio-Signature": signature,
    }
    give_up_at = time.monotonic() + TOTAL_SECONDS
    attempts: list[int | str] = []
    for _ in range(1 + overrides.retries):
        left = max(0.1, give_up_at - time.monotonic())
        outcome = _attempt(webhook.target_url, urlencode(parameters).encode(), headers, overrides, left)
        attempts.append(outcome)
        failure = outcome if isinstance(outcome, str) else f"{outcome // 100}xx"
        if not overrides.covers(failure) or failure in {"2xx", "3xx"} or time.monotonic() >= give_up_at:
            break
    return Delivery(tuple(attempts))


def _attempt(url: str, body: bytes, headers: Mapping[str, str], overrides: Overrides, left: float) -> int | str:
    timeout = (min(overrides.connect_seconds, left), min(overrides.read_seconds, left))
    try:
        answer = requests.post(
            urldefrag(url).url, data=body, headers=dict(headers), timeout=timeout, allow_redirects=False
        )
    except requests.ReadTimeout:
        return "rt"
    except requests.RequestException:
        return "ct"
    return answer.status_code
