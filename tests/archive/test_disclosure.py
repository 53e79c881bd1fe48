"""The edition for disclosure: how the contributor is reached is in nothing that we made, and it verifies all the same."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from urllib.parse import urlencode
from uuid import UUID
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.acquisition import Acquisition, Channel
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.custody import Action, CustodyEntry, case_stream
from archive.edition import (
    BY_DOOR,
    CLOSED_ACTION,
    CLOSED_WORDS,
    HOLDS_CONTACT,
    MAY_HIDE,
    OF_CONTACTS,
    OF_THE_HOUSE,
    OPEN,
    WORDED,
    Edition,
)
from archive.errors import CaseMovedError
from archive.ledger import LedgerEntry, record
from archive.redaction import MARK, Redactor
from archive.trust_policy import named_roots, time_lines
from cli import composition
from cli.composition import now
from tests.archive.test_accession import a_case_with, take
from tests.attacks.forge import verify
from tests.sequencing import sequencing
from timeline.readings import read_exhibit

PHONE, ADDRESS = "+447700900001", "jane.victim@example.org"
INTAKE_NUMBER, INTAKE_ADDRESS = "+447700900555", "desk@intake.example.net"
WRITTEN = [
    "+447700900001", "07700900001", "07700 900 001", "+44 (0)7700 900001", "00447700900001", "07700-900-001", "%2B447700900001",
    "jane.victim@example.org", "JANE.VICTIM@EXAMPLE.ORG", "jane.victim%40example.org", "jane.victim (at) example.org",
    "+447700900555", "07700 900555", "desk@intake.example.net",
]  # fmt: skip
# What a reader could search for in a file, whatever stands between the digits.
NEVER = [b"7700900001", b"7700 900001", b"7700 900 001", b"jane.victim", b"7700900555", b"7700 900555", b"desk@intake"]


def a_text(words: str, sid: str) -> Acquisition:
    form = {"From": PHONE, "To": INTAKE_NUMBER, "Body": words, "MessageSid": sid, "FromCity": "HEBDEN BRIDGE"}
    return Acquisition.of(
        urlencode(form).encode(), channel=Channel.SMS, source_id=sid, at=now(),
        media_type="application/x-www-form-urlencoded", door={"signature": "good"},
    )  # fmt: skip


def a_mail(words: str, uid: int) -> Acquisition:
    raw = (
        f"From: Jane <{ADDRESS}>\r\nTo: {INTAKE_ADDRESS}\r\nSubject: Fwd: from him, call {PHONE}\r\n"
        f"Received: from [203.0.113.9] (Hebden Bridge)\r\nMessage-ID: <{uid}@example.org>\r\n\r\n{words}\r\n"
    ).encode()
    return Acquisition.of(
        raw,
        channel=Channel.EMAIL,
        source_id=f"imap:{INTAKE_ADDRESS}/INBOX/7/{uid}",
        at=now(),
        media_type="message/rfc822",
    )


def an_upload(raw: bytes, media_type: str, name: str) -> Acquisition:
    return Acquisition.of(
        raw,
        channel=Channel.UPLOAD,
        source_id=f"upload:{name}",
        at=now(),
        media_type=media_type,
        door={"filename": name},
    )


@pytest.fixture
def a_case(installation):
    opened = a_case_with(installation, PHONE)
    with installation.engine.begin() as connection:
        enrol(
            connection, opened.id, name="Jane", contacts=[Contact(ContactKind.EMAIL, ADDRESS)],
            safe_contact=SafeContact(ReplyStyle.NONE), at=now(), actor="t",
        )  # fmt: skip
    for number, written in enumerate(WRITTEN):
        take(installation, a_text(f"I know. Call {written} now", f"SM{number}"), sender=PHONE)
    take(installation, a_mail(f"He wrote to {ADDRESS} and 07700 900 001.", 1), sender=ADDRESS)
    belonging = {"case_id": opened.id}
    take(installation, an_upload(b"what I remember", "text/plain", "notes.txt"), **belonging)
    take(installation, an_upload(b"my number is 07700 900 001", "text/plain", "number.txt"), **belonging)
    take(installation, an_upload(b"\x89PNG\r\n\x1a\n", "image/png", "picture.png"), **belonging)
    take(installation, an_upload(b"{}", "application/json", f"from {ADDRESS}.json"), **belonging)
    for exhibit_id in installation.archive.accession_waiting(now=now()):
        read_exhibit(installation.engine, installation.vault, exhibit_id, now=now)
    return opened


@pytest.fixture
def exporter(installation):
    made = composition.exporter(installation.settings, installation.archive)
    roots = named_roots(composition.tsa_roots(installation.settings).anchors)
    policy = f"log {installation.sequencer.key.verifier.encode()}\nquorum none\n{time_lines(roots, 1)}"
    return replace(made, intake=(INTAKE_NUMBER, INTAKE_ADDRESS), policy=lambda connection: policy)


def exported(installation, exporter, case, out, edition):
    with sequencing(installation):
        finished = exporter.export(case, out, edition=edition, actor="cli:tests", progress=lambda done, total: None)
    with installation.engine.connect() as connection:
        return finished, exporter.policy(connection)


def test_nothing_that_we_made_says_how_she_is_reached_and_both_verifiers_pass_it(
    installation, exporter, a_case, tmp_path
):
    finished, policy = exported(installation, exporter, a_case, tmp_path / "d.zip", "disclosure")
    verdict = verify(finished.path, policy)
    assert verdict.state == "verified"
    assert verdict.facts["edition"] == "disclosure"
    with ZipFile(finished.path) as archive:
        for name in archive.namelist():
            raw = archive.read(name)
            for value in [*NEVER, b"HEBDEN", b"Hebden", b"203.0.113.9"]:
                assert value not in raw, f"{value!r} stands in {name}"
                assert value.hex().encode() not in raw
        assert MARK.encode() in archive.read("data/timeline.json")
        assert b"what I remember" in b"".join(archive.read(name) for name in archive.namelist() if "/original." in name)


def test_what_is_left_out_is_listed_with_its_reason_and_its_digest(installation, exporter, a_case, tmp_path):
    finished, policy = exported(installation, exporter, a_case, tmp_path / "d.zip", "disclosure")
    with ZipFile(finished.path) as archive:
        rows = list(csv.DictReader(archive.read("data/withheld.csv").decode().splitlines()))
        items = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith("/item.json")]
        payloads = [json.loads(line) for line in archive.read("custody/withheld.jsonl").splitlines()]
        timeline = json.loads(archive.read("data/timeline.json"))
    originals = {row["which"]: (row["reason"], row["sha256"]) for row in rows if row["what"] == "original"}
    assert originals == {item["reference"]: (item["withheld"], item["sha256"]) for item in items if item["withheld"]}
    reasons = [reason for reason, _ in originals.values()]
    assert (reasons.count(BY_DOOR), reasons.count(MAY_HIDE)) == (len(WRITTEN), 1)
    # The mail's receipt names the mailbox, the two uploads' words or name name her.
    assert reasons.count(HOLDS_CONTACT) == 3
    listed = {row["which"]: row["reason"] for row in rows if row["what"] == "payload"}
    assert listed == {f"entry {line['index']}": line["reason"] for line in payloads}
    assert CLOSED_ACTION in listed.values()
    assert len(timeline["events"]) == len(items)
    said = verify(finished.path, policy).not_checked
    assert sum(text.startswith("Original withheld") for text in said) == len(originals)
    assert any(text.startswith("Receipts") for text in said)


def test_the_full_edition_of_the_same_case_holds_what_the_other_leaves_out(installation, exporter, a_case, tmp_path):
    finished, policy = exported(installation, exporter, a_case, tmp_path / "f.zip", "full")
    assert verify(finished.path, policy).state == "verified"
    with ZipFile(finished.path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        assert all(value in everything for value in (b"7700900001", b"jane.victim", b"desk@intake"))
        withheld = archive.read("data/withheld.csv").decode().splitlines()
        assert withheld == ["what,which,reason,sha256"]
        for name in [name for name in archive.namelist() if name.endswith("/item.json")]:
            item = json.loads(archive.read(name))
            raw = archive.read(name.replace("item.json", item["original"]))
            assert hashlib.sha256(raw).hexdigest() == item["sha256"]


def test_an_enrolment_while_it_is_made_does_not_slip_out(installation, exporter, a_case, tmp_path):
    """The reasons are bound before the export; what comes in between and must not be told stops it."""
    real = exporter.render

    def render_and_enrol(connection, case, exhibits, edition):
        with installation.engine.begin() as other:
            facts = {"contacts": ["+447700900007"]}
            record(other, CustodyEntry(case_stream(case.id), Action.CONTRIBUTOR_ENROLLED, "cli:tests", now(), facts))
        return real(connection, case, exhibits, edition)

    with pytest.raises(CaseMovedError):
        exported(installation, replace(exporter, render=render_and_enrol), a_case, tmp_path / "d.zip", "disclosure")
    assert not (tmp_path / "d.zip").exists()


REDACTOR = Redactor.of([PHONE, ADDRESS, INTAKE_NUMBER, INTAKE_ADDRESS, "", "12"])


@pytest.mark.parametrize("written", WRITTEN)
def test_a_number_or_address_is_taken_out_however_it_is_written(written):
    assert REDACTOR.clean(f"call {written}, now") == f"call {MARK}, now"
    assert REDACTOR.holds(f"x{written}" if "@" in written else written)


@pytest.mark.parametrize(
    "words", ["07700 900002", "1234567000900", "jane@example.org", "victim@example.org.uk", "9 am", ""]
)
def test_other_numbers_and_addresses_stay(words):
    assert REDACTOR.clean(words) == words


@given(st.text(), st.sampled_from(WRITTEN), st.text())
def test_nothing_that_surrounds_it_hides_it(before, written, after):
    joined = f"{before} {written} {after}"
    assert written not in REDACTOR.clean(joined)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6))
def test_a_document_that_was_cleaned_holds_nothing(document):
    cleaned = REDACTOR.cleaned({PHONE: [document, ADDRESS]})
    assert not REDACTOR.holds(json.dumps(cleaned, ensure_ascii=False))


def test_of_every_action_somebody_decided_whether_it_is_told():
    """Who adds one decides here too: by ids and digests alone it may be OPEN, otherwise it is closed, and says why."""
    decided = [*OPEN, *WORDED, *OF_CONTACTS, *OF_THE_HOUSE]
    assert sorted(decided) == sorted(Action)


@pytest.mark.parametrize("action", Action)
def test_only_what_is_open_is_told_and_what_is_not_says_why(action):
    entry = CustodyEntry(case_stream(UUID(int=1)), action, "account:1", now(), {"id": "1"}, reason="because")
    ledger = LedgerEntry(0, b"", b"", entry.payload(), entry.stream, 0)
    expected = None if action in OPEN else CLOSED_WORDS if action in WORDED else CLOSED_ACTION
    assert Edition("disclosure", REDACTOR).closes(ledger) == expected
    assert Edition("full").closes(ledger) is None


def test_an_open_entry_that_names_a_contact_all_the_same_is_closed():
    entry = CustodyEntry(case_stream(UUID(int=1)), Action.ALERT_SEEN, "account:1", now(), {"kind": f"from {PHONE}"})
    ledger = LedgerEntry(0, b"", b"", entry.payload(), entry.stream, 0)
    assert Edition("disclosure", REDACTOR).closes(ledger) == HOLDS_CONTACT


def test_a_redactor_of_nothing_changes_nothing():
    assert Redactor.of([]).clean("07700 900001") == "07700 900001"
    assert not Redactor.of([]).holds("07700 900001")
    assert Edition("full").clean(PHONE) == PHONE
