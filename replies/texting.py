"""Texts by Twilio's REST API. Only `replies.egress` calls this.

One request, one connection, no retry and no redirect: an answer that may have gone out is never sent again.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http.response import Response
from twilio.rest import Client

from replies.outcome import Outcome, Refused, Sent, Unknown

TWILIO_URL: Final = "https://api.twilio.com"
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 6.0
_NOT_REFUSED: Final = 500
_TIMED_OUT_AT_SERVER: Final = 408
_NOT_TAKEN: Final = frozenset({"failed", "undelivered", "canceled"})

# Twilio's numbers for what a person can put right (https://www.twilio.com/docs/api/errors).
ADVICE: Final[dict[int, str]] = {
    20003: "Twilio does not know the account or its token: check HOLDFAST_TWILIO_ACCOUNT_SID and its auth token",
    21211: "Twilio says that the number is not valid: check the contributor's number",
    21408: "the Twilio account may not send texts to that country: allow it in the account's geographic permissions",
    21602: "there were no words to send",
    21606: "our number cannot send texts: check HOLDFAST_TWILIO_NUMBER",
    21603: "our number is missing: check HOLDFAST_TWILIO_NUMBER",
    21608: "the Twilio account is on trial and sends to verified numbers only",
    21610: "this number opted out with a word like STOP, perhaps one that was forwarded as evidence: only a text with "
    "START from it opts in again; ask the contributor by a safe way first, and switch Twilio's own STOP handling off",
    21612: "Twilio cannot reach that number from ours",
    21614: "Twilio says that the number is not a mobile",
    21617: "the words are longer than Twilio takes",
    30003: "the phone was off or out of reach",
    30005: "the number does not exist any more, or the phone is off: check it with the contributor by another way",
    30006: "the number is a landline or cannot be reached by texts",
    30007: "the carrier took the text for spam: choose other words",
    30004: "the number or its carrier blocks our texts",
    63038: "the Twilio account has reached its daily limit",
}


class OneAttempt:
    """Twilio's HTTP client with another host, short timeouts, and nothing that sends twice or logs numbers."""

    def __init__(self, api_url: str) -> None:
        self._base = api_url.rstrip("/")

    def request(
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,  # noqa: ARG002 - the library's signature; ours is fixed
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002 - likewise
    ) -> Response:
        """Send one request."""
        with requests.Session() as session:
            # Proxies and .netrc of the environment are nobody's decision: the settings say where requests go.
            session.trust_env = False
            session.mount(self._base, HTTPAdapter(max_retries=0))
            answer = session.request(
                method,
                self._base + _path_of(uri),
                params=params,
                data=data,
                headers=headers,
                auth=auth,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
            return Response(answer.status_code, answer.text, answer.headers)


def _path_of(uri: str) -> str:
    parts = urlsplit(uri)
    return parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True, slots=True)
class TextSender:
    """One Twilio number that sends.

    Attributes:
        client: Twilio's client; `text_sender` makes one that never sends twice.
        number: Our number, E.164.
        status_callback: Where Twilio tells of delivery, if anywhere.
    """

    client: Client
    number: str
    status_callback: str | None = None

    def send(self, to: str, words: str) -> Outcome:
        """Send one text to an E.164 number."""
        extra = {"status_callback": self.status_callback} if self.status_callback else {}
        try:
            message = self.client.messages.create(to=to, from_=self.number, body=words, **extra)
        except (TwilioRestException, TwilioServiceException) as error:
            return _judged(error.status, error.code)
        except requests.RequestException as error:
            if _never_left(error):
                return Refused("Twilio could not be reached: nothing was sent")
            return Unknown(f"the connection to Twilio was lost ({type(error).__name__})")
        except Exception as error:  # noqa: BLE001 - whatever an answer trips over, the request had left
            return Unknown(f"Twilio's answer could not be read ({type(error).__name__})")
        if message.status in _NOT_TAKEN:
            return Refused(advice(message.error_code), message.error_code)
        return Sent(str(message.sid)) if message.sid else Unknown("Twilio's answer names no message")


def text_sender(
    account_sid: str,
    auth_token: str,
    number: str,
    *,
    api_url: str = TWILIO_URL,
    status_callback: str | None = None,
) -> TextSender:
    """A sender on one Twilio account and number.

    Args:
        account_sid: The account.
        auth_token: Its token.
        number: Our number, E.164.
        api_url: What takes the place of https://api.twilio.com.
        status_callback: Where Twilio tells of delivery, if anywhere.
    """
    return TextSender(Client(account_sid, auth_token, http_client=OneAttempt(api_url)), number, status_callback)


def _judged(status: int, code: object) -> Outcome:
    """A 4xx (or a redirect, which is not followed) means not taken; a 5xx may come after the text went out."""
    if status >= _NOT_REFUSED or status == _TIMED_OUT_AT_SERVER:
        return Unknown(f"Twilio answered {status}")
    return Refused(advice(code if isinstance(code, int) else status), code if isinstance(code, int) else None)


def advice(code: object) -> str:
    """What an officer can do about one of Twilio's error numbers."""
    known = ADVICE.get(code) if isinstance(code, int) else None
    return f"{known or 'Twilio refused it'} (Twilio error {code})"


def _never_left(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that nothing can have been sent."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, urllib3.exceptions.MaxRetryError) else cause
    if isinstance(reason, urllib3.exceptions.SSLError):
        return any(isinstance(one, ssl.SSLCertVerificationError) for one in reason.args)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
