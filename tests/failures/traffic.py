"""Generated traffic: texts from handsets through Twilio's stand-in, mails by SMTP and by APPEND; and what senders were told.

A sender that was told yes may forget the message: from then on it is ours. One that heard nothing does not know.
"""

import base64
import hashlib
import random
import smtplib
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import requests
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from archive.contributor import Contact, ContactKind

DESK = "desk@holdfast.example"
STRANGER_PHONE, STRANGER = "+447700900999", "stranger@example.net"
PHONES = ("+447700900001", "+447700900002", "+447700900003")
ADDRESSES = ("amy@example.org", "ben@example.org")
PATIENCE_SECONDS = 40.0
NEVER_ANSWERED = {STRANGER_PHONE, STRANGER}
WORDS = (
    *(
        "you think you can hide",
        "\u2603 \U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\u05de\u05d7\u05db\u05d4 \u202emirror",
    ),
    *(
        "From +447700900123\nSent: 12/11/2026 22:13\nI am outside",
        "a" * 700,
        "e\u0301 \u00e9 \u2028 &=+%00",
        "caf\u00e9",
    ),
)


def people() -> dict[str, list[Contact]]:
    """Everybody who sends, but the strangers; one person for each number and address, so that answers can be told apart."""
    phones = {f"Phone {number[-1]}": [Contact(ContactKind.PHONE, number)] for number in PHONES}
    return phones | {f"Mail {address[0]}": [Contact(ContactKind.EMAIL, address)] for address in ADDRESSES}


@dataclass(slots=True)
class Told:
    """What senders were told.

    Attributes:
        mails: Content digests of mails the server took; `doubtful` of those whose sender heard nothing.
        sent: How many messages were begun, by kind.
    """

    mails: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)


class Traffic:
    """Senders that send until told to stop. Use as a context manager."""

    def __init__(self, environment: dict[str, str], seed: int) -> None:
        self._environment, self._seed = environment, seed
        self.told = Told()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        senders = [(self._text, number) for number in (*PHONES, STRANGER_PHONE)]
        senders += [(self._post, address) for address in (*ADDRESSES, STRANGER)] + [(self._append, ADDRESSES[0])]
        self._threads = [
            threading.Thread(target=self._send, args=(number, *sender), daemon=True)
            for number, sender in enumerate(senders)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self) -> None:
        """Send nothing more; return when the last sender has heard or given up."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, number: int, way, sender: str) -> None:
        chance = random.Random(f"{self._seed}/sender {number}")
        turn = 0
        while not self._stop.is_set():
            way(chance, sender, f"{number}.{turn}")
            turn += 1
            # Strangers send little; the others now and then a flood.
            pause = 4.0 if sender in NEVER_ANSWERED else 0.05 if turn % 20 < 5 else 1.0 if way == self._text else 2.0
            self._stop.wait(chance.uniform(0.2, 1.0) * pause)

    def _count(self, what: str) -> None:
        with self._lock:
            self.told.sent[what] = self.told.sent.get(what, 0) + 1

    def _text(self, chance: random.Random, sender: str, name: str) -> None:
        """Text the number from a handset. Whether the door took it is for the relay to say."""
        pictures = [chance.randbytes(chance.randint(100, 20_000))] if chance.random() < 0.1 else []
        media = [{"content_type": "image/jpeg", "content": base64.b64encode(one).decode()} for one in pictures]
        asked = {"from": sender, "body": f"text {name} {chance.choice(WORDS)}", "media": media}
        self._count("texts")
        account = (self._environment["HOLDFAST_TWILIO_ACCOUNT_SID"], self._environment["HOLDFAST_TWILIO_AUTH_TOKEN"])
        url = f"{self._environment['HOLDFAST_TWILIO_API_URL']}/_phone/send"
        try:
            requests.post(url, json=asked, auth=account, timeout=PATIENCE_SECONDS)
        except requests.RequestException:
            self._stop.wait(0.5)

    def _post(self, chance: random.Random, sender: str, name: str) -> None:
        """Hand a mail to the force's server, as any other server would."""
        raw = mail(chance, sender, name)
        parts = urlsplit(self._environment["HOLDFAST_SMTP_URL"])
        self._count("mails")
        try:
            with smtplib.SMTP(parts.hostname, parts.port, timeout=PATIENCE_SECONDS) as server:
                server.sendmail(sender, [DESK], raw, mail_options=["BODY=8BITMIME"])
                self._tell(raw, yes=True)
        except smtplib.SMTPResponseException:
            pass  # it said no
        except (OSError, smtplib.SMTPException):
            self._tell(raw, yes=False)
            self._stop.wait(0.5)

    def _append(self, chance: random.Random, sender: str, name: str) -> None:
        """Put a mail into the mailbox, bytes and all."""
        raw = mail(chance, sender, name)
        parts = urlsplit(self._environment["HOLDFAST_IMAP_URL"])
        self._count("appended")
        try:
            with IMAPClient(parts.hostname, parts.port, ssl=False, timeout=PATIENCE_SECONDS) as client:
                client.login(unquote(parts.username), unquote(parts.password))
                client.append("INBOX", raw)
                self._tell(raw, yes=True)
        except (OSError, IMAPClientError):
            self._tell(raw, yes=False)
            self._stop.wait(0.5)

    def _tell(self, raw: bytes, *, yes: bool) -> None:
        with self._lock:
            digest = content_digest(raw)
            if yes:
                self.told.mails.add(digest)
                self.told.doubtful.discard(digest)
            elif digest not in self.told.mails:
                self.told.doubtful.add(digest)


def mail(chance: random.Random, sender: str, name: str) -> bytes:
    """One mail, CRLF throughout, sometimes large."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, DESK, f"mail {name}"
    made["Message-ID"] = f"<{name}@example.org>"
    made.set_content(f"{chance.choice(WORDS)}\n", cte="8bit")
    if chance.random() < 0.1:
        large = chance.randbytes(chance.randint(1_000, 300_000))
        made.add_attachment(large, maintype="application", subtype="octet-stream", filename="photo.bin")
    return made.as_bytes(policy=made.policy.clone(linesep="\r\n", cte_type="8bit"))


def content_digest(raw: bytes) -> str:
    """The digest of a mail without the lines that a delivering server wrote above it."""
    if raw.startswith(b"Return-Path:"):
        raw = raw[raw.index(b"From: ") :]
    return hashlib.sha256(raw).hexdigest()
