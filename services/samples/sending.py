"""How samples leave: from a handset by the Twilio stand-in, and by SMTP like anybody's mail."""

from __future__ import annotations

import base64
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from services.samples.errors import SampleRefusedError
from services.samples.story import PICTURE_TYPE

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Handset:
    """Any phone in the world, to text our number with.

    Attributes:
        api_url: The stand-in's address.
        account_sid: Its account; `auth_token` is the password.
    """

    api_url: str
    account_sid: str
    auth_token: str

    def send(self, sender: str, body: str, pictures: Sequence[bytes] = ()) -> str:
        """Text our number and wait until its webhook was called.

        Returns:
            The MessageSid.

        Raises:
            SampleRefusedError: The stand-in, or the webhook, did not take it.
        """
        media = [{"content_type": PICTURE_TYPE, "content": base64.b64encode(one).decode()} for one in pictures]
        answer = requests.post(
            f"{self.api_url}/_phone/send",
            json={"from": sender, "body": body, "media": media},
            auth=(self.account_sid, self.auth_token),
            timeout=PATIENCE_SECONDS,
        )
        if not answer.ok:
            raise SampleRefusedError("the Twilio stand-in", f"HTTP {answer.status_code}")
        document = answer.json()
        status = (document["webhook"] or {}).get("status")
        if status != requests.codes.ok:
            raise SampleRefusedError("the door for texts", f"HTTP {status}" if status else "no answer")
        return str(document["sid"])


def post(smtp_url: str, sender: str, desk: str, mail: bytes) -> None:
    """Deliver a mail to the desk, as the server of whoever wrote it would: without logging in.

    Raises:
        SampleRefusedError: The server did not take it.
    """
    server = urlsplit(smtp_url)
    try:
        with smtplib.SMTP(server.hostname or "", server.port or 0, timeout=PATIENCE_SECONDS) as client:
            client.sendmail(sender, [desk], mail, mail_options=["BODY=8BITMIME"])
    except (OSError, smtplib.SMTPException) as error:
        raise SampleRefusedError("the mail server", str(error)) from error
