"""A whole house of processes for failure tests: started as anybody starts it, killed as nothing should be."""

import hashlib
import json
import os
import signal
import smtplib
import subprocess
import sys
import time
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from twilio.request_validator import RequestValidator

from archive import tlog
from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.database import engine
from archive.ledger import checkpoint_note
from archive.signed_note import Checkpoint, Note
from archive.tables import acquisition, custody_leaf, custody_pending, exhibit, reply
from archive.vault import Vault, s3_client
from cli.composition import now
from cli.local import aws
from replies.sending import LOST_AFTER
from services.embedded import running_environment
from web.accounts import account_by_email, add_account

START_SECONDS = 120
HEAL_SECONDS = 120
# An attempt that a kill cut off is given up only after its time: until then nobody knows whether it went out.
SETTLE_SECONDS = LOST_AFTER.total_seconds() + HEAL_SECONDS
PHONE, ADDRESS = "+447700900001", "amy@example.org"
CLEAN = ("PATH", "HOME", "LANG")


class House:
    """The running house, seen from outside, and what it promised to keep."""

    def __init__(self, home: Path, process: subprocess.Popen) -> None:
        self.home, self.process = home, process
        self.environment = wait_for(lambda: running_environment(home), START_SECONDS, "the services")
        self.url = wait_for(self._address, START_SECONDS, "the house's address")
        self.engine = engine(self.environment["HOLDFAST_DATABASE_URL"], pool_size=2)
        with aws(self.environment):
            client = s3_client(endpoint_url=self.environment["HOLDFAST_S3_ENDPOINT_URL"], region="us-east-1")
        self.vault = Vault(client, self.environment["HOLDFAST_S3_BUCKET"])
        self.texts: dict[str, bytes] = {}
        self.mails: set[str] = set()
        self.number = 0

    def _address(self) -> str | None:
        for line in (self.home.parent / "up.log").read_text().splitlines():
            if line.startswith("Holdfast is at "):
                return line.split()[3]
        return None

    def enrol_amy(self) -> None:
        with self.engine.begin() as connection:
            add_account(connection, "officer@example.org", "officer", at=now(), actor="cli:tests")
            officer = account_by_email(connection, "officer@example.org")
            opened = open_case(connection, "42/1/26", officer=officer.id, title=None, at=now(), actor="cli:tests")
            contacts = [Contact(ContactKind.PHONE, PHONE), Contact(ContactKind.EMAIL, ADDRESS)]
            agreed = SafeContact(ReplyStyle.DISCREET)
            enrol(connection, opened.id, name="Amy Carter", contacts=contacts, safe_contact=agreed, at=now(), actor="t")

    def pid(self, name: str) -> int:
        children = json.loads((self.home / "state" / "children.json").read_text())["children"]
        return next(child["pid"] for child in children if child["name"] == name)

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def send_text(self) -> bool:
        """Post one signed text once; whether it was accepted. The same text is posted again until it is."""
        sid = f"SM{self.number:032d}"
        pairs = {
            "MessageSid": sid,
            "AccountSid": self.environment["HOLDFAST_TWILIO_ACCOUNT_SID"],
            "From": PHONE,
            "To": self.environment["HOLDFAST_TWILIO_NUMBER"],
            "Body": f"text {self.number} \u2603",
            "NumMedia": "0",
        }
        body = urlencode(pairs).encode()
        validator = RequestValidator(self.environment["HOLDFAST_TWILIO_AUTH_TOKEN"])
        headers = {
            "X-Twilio-Signature": validator.compute_signature(f"{self.url}/intake/sms", pairs),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            answer = requests.post(f"{self.url}/intake/sms", data=body, headers=headers, timeout=15)
        except requests.RequestException:
            return False
        if answer.status_code != 200:
            assert answer.status_code >= 500, f"a good text was refused: {answer.status_code}"
            return False
        self.texts[sid] = body
        self.number += 1
        return True

    def send_mail(self) -> bool:
        """Hand one mail to the force's mail server; whether it took it."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = ADDRESS, "desk@holdfast.example", f"mail {self.number}"
        mail["Message-ID"] = f"<{self.number}@example.org>"
        mail.set_content(f"I saw you, {self.number}\n")
        parts = urlsplit(self.environment["HOLDFAST_SMTP_URL"])
        try:
            with smtplib.SMTP(parts.hostname, parts.port, timeout=15) as server:
                server.login(parts.username, parts.password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException):
            return False
        self.mails.add(f"mail {self.number}")
        self.number += 1
        return True

    def traffic(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            self.send_text()
            if self.number % 4 == 0:
                self.send_mail()
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait until everything promised is archived, read, decided and in the ledger."""
        give_up_at = time.monotonic() + SETTLE_SECONDS
        while waits := self._waits():
            assert time.monotonic() < give_up_at, f"after {SETTLE_SECONDS:.0f} s there still wait {waits}"
            time.sleep(0.2)

    def _waits(self) -> dict[str, int]:
        """What has not come to its end, and how many of each."""
        query = text(
            "SELECT :n - (SELECT count(*) FROM exhibit) AS to_archive, :n - (SELECT count(*) FROM reading) AS to_read, "
            ":n - (SELECT count(*) FROM reply_item) AS to_decide, "
            "(SELECT count(*) FROM custody_pending) AS to_sequence, "
            "(SELECT count(*) FROM acquisition WHERE state = 'received') AS received, "
            "(SELECT count(*) FROM reply WHERE state = 'planned') AS planned, "
            "(SELECT count(*) FROM reply WHERE state = 'attempting') AS attempting"
        )
        try:
            with self.engine.connect() as connection:
                found = connection.execute(query, {"n": len(self.texts) + len(self.mails)}).one()
        except SQLAlchemyError:  # the database may be the one that was killed
            return {"the database": 1}
        return {name: number for name, number in found._asdict().items() if number > 0}

    def check(self) -> None:
        """Everything accepted is archived exactly once with equal bytes, the ledger is whole, nobody answered twice."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(acquisition, exhibit).join(exhibit, exhibit.c.id == acquisition.c.id)
            ).all()
            assert connection.execute(select(custody_pending)).all() == []
            leaves = connection.execute(select(custody_leaf).order_by(custody_leaf.c.leaf_index)).all()
            size = connection.execute(text("SELECT max(size) FROM checkpoint")).scalar_one()
            note = Note.parse(checkpoint_note(connection, size))
            answers = connection.execute(select(reply)).all()
        texts = {row.source_id: row for row in rows if row.channel == "sms"}
        assert set(texts) == set(self.texts)
        for sid, body in self.texts.items():
            held = self.vault.read(texts[sid].vault_key, texts[sid].vault_version, sha256=texts[sid].sha256)
            assert held == body
        mails = [row for row in rows if row.channel == "email"]
        subjects = [self._subject(row) for row in mails]
        assert sorted(subjects) == sorted(self.mails), "a mail was lost or doubled"
        assert [leaf.leaf_index for leaf in leaves] == list(range(len(leaves)))
        root = _root([bytes(leaf.leaf) for leaf in leaves[:size]])
        assert Checkpoint.parse(note.text).root == root
        sent = self._handset()
        assert len([one for one in answers if one.state == "sent" and one.provider_id.startswith("SM")]) <= len(sent)
        assert len(sent) <= len(answers), "somebody was answered more often than was decided"

    def _subject(self, row) -> str:
        raw = self.vault.read(row.vault_key, row.vault_version, sha256=row.sha256)
        assert hashlib.sha256(raw).hexdigest() == row.sha256
        return next(line[9:].decode() for line in raw.splitlines() if line.startswith(b"Subject: "))

    def _handset(self) -> list:
        url = self.environment["HOLDFAST_TWILIO_API_URL"]
        credentials = (self.environment["HOLDFAST_TWILIO_ACCOUNT_SID"], self.environment["HOLDFAST_TWILIO_AUTH_TOKEN"])
        answer = requests.get(f"{url}/_phone/messages", params={"number": PHONE}, auth=credentials, timeout=10)
        return [one for one in answer.json()["messages"] if one["direction"] != "sent"]


def _root(leaves):
    added = tlog.append_nodes(0, [], [tlog.leaf_hash(leaf) for leaf in leaves])
    size, frontier = tlog.frontier_after(0, [], added)
    return tlog.root(size, frontier)


def wait_for(look, seconds, what):
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s for {what}")


@contextmanager
def running_house(folder: Path):
    """A house of its own, started by `holdfast up` and ended in order."""
    inherited = {name: os.environ[name] for name in CLEAN if name in os.environ}
    quick = {"HOLDFAST_REPLY_BURST_SECONDS": "2", "HOLDFAST_SWEEP_EVERY_SECONDS": "2"}
    home = folder / "home"
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--home", str(home)],
            env=inherited | quick,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        house = House(home, process)
        yield house
        house.engine.dispose()
        house.vault.client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
