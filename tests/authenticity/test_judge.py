"""At receipt: what was archived and read is judged, kept once, told in the ledger, shown, packed, and judged again offline."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import textwrap
import zipfile
from datetime import timedelta
from email.message import EmailMessage

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from archive import verify
from archive.custody import Action
from archive.ledger import entries_of
from archive.tables import authenticity, authenticity_due
from cli.judging import authenticity as command
from intake.authenticity.domains import LookedUp
from intake.authenticity.judge import Judge
from intake.authenticity.offline import NotAPackageError, judge_again
from intake.authenticity.packaged import files_of
from intake.authenticity.records import ask, due_of, newest, not_looked_up, overdue, unjudged
from intake.authenticity.resolver import Resolver
from tests.archive.exporting import exporter_of
from tests.authenticity.dns_stand_in import NameServer, serving
from tests.authenticity.signers import HEADERS, MAIL, NAME, record, signed
from tests.sequencing import sequencing
from tests.timeline.casework import Casework
from timeline.compile import compile_timeline
from timeline.rendering import derived_of, renderings

KEYS = {NAME: [record()], "s2._domainkey.amy.example.": [record()]}


@pytest.fixture
def casework(installation):
    return Casework(installation.archive, installation.sequencer)


@pytest.fixture
def case(casework):
    made = casework.case()
    casework.enrol(made, email="amy@amy.example")
    return made


def a_forward(original: bytes, *, encoding: str = "7bit") -> bytes:
    """A mail with the original attached whole, as bytes, signed by its sender's domain."""
    body = original if encoding == "7bit" else base64.encodebytes(original).replace(b"\n", b"\r\n")
    outer = (
        b"From: Amy <amy@amy.example>\r\nTo: desk@holdfast.example\r\nSubject: Fwd\r\n"
        b"Date: Mon, 23 Nov 2026 11:00:00 +0000\r\nMessage-ID: <2@amy.example>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHe wrote again.\r\n'
        b"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    ) + b"\r\n--b--\r\n"
    return signed(outer, domain=b"amy.example", selector=b"s2", headers=[*HEADERS, b"content-type"])


def judging(casework, server=None, *, listed=("example.org", "amy.example"), servers=()):
    asks = Resolver([("127.0.0.1", server.port)], casework.now, 0.3).ask if server else None
    return Judge(casework.archive.engine, casework.archive.vault, asks, LookedUp.of(listed), servers, casework.now)


def event_of(casework, case):
    with casework.archive.engine.connect() as connection:
        (event,) = compile_timeline(connection, case, now=casework.now()).to_json()["events"]
    return event


def results(event):
    return [(one["of"], one["method"], one["domain"], one["result"]) for one in event["authenticity"]]


def entries(casework, item):
    casework.seal()
    with casework.archive.engine.connect() as connection:
        return [entry.facts() for entry in entries_of(connection, [f"exhibit:{item}"])]


@pytest.mark.parametrize("encoding", ["7bit", "base64"])
def test_an_attached_original_with_a_signature_that_passes_has_grade_a(casework, case, encoding):
    item = casework.mail(a_forward(signed(), encoding=encoding), sender="amy@amy.example")
    assert event_of(casework, case)["authenticity"] == []
    assert event_of(casework, case)["grade"] == "B"
    with serving(NameServer(KEYS, validates=True)) as server:
        assert judging(casework, server).judge(item) is True
    event = event_of(casework, case)
    assert results(event) == [
        ("original", "dkim", "example.org", "pass"),
        ("forward", "dkim", "amy.example", "pass"),
    ]
    assert event["grade"] == "A"
    assert "genuine" not in json.dumps(event)


def test_what_was_found_out_is_kept_once_and_its_digests_stand_in_the_ledger(casework, case):
    item = casework.mail(a_forward(signed()), sender="amy@amy.example")
    with serving(NameServer(KEYS)) as server:
        judge = judging(casework, server)
        assert judge.judge(item) is True
        assert judge.judge(item) is False
        assert len(server.asked) == 2
    (told,) = [each for each in entries(casework, item) if each["action"] == Action.AUTHENTICITY_JUDGED]
    with casework.archive.engine.connect() as connection:
        (row,) = connection.execute(select(authenticity)).all()
        found = newest(connection, item)
    assert told["facts"]["authenticity_sha256"] == row.sha256 == hashlib.sha256(row.content).hexdigest()
    assert told["facts"]["results"] == {"pass": 2}
    assert len(told["facts"]["dns_sha256"]) == len(found.dns) == 2
    assert found.dns[0].wire
    assert found.canonical() == bytes(row.content)


def test_what_was_found_out_is_never_changed_afterwards(casework, case):
    from sqlalchemy.exc import DBAPIError

    item = casework.mail(a_forward(signed()), sender="amy@amy.example")
    judging(casework).judge(item)
    for statement in ("UPDATE authenticity SET state = 'final'", "DELETE FROM authenticity"):
        with pytest.raises(DBAPIError, match="permission denied"), casework.archive.engine.begin() as connection:
            connection.execute(text(statement))


def test_a_domain_that_is_not_listed_is_asked_only_when_an_officer_asks(casework, case):
    item = casework.mail(a_forward(signed()), sender="amy@amy.example")
    with serving(NameServer(KEYS)) as server:
        judge = judging(casework, server, listed=("amy.example",))
        judge.judge(item)
        assert server.asked == ["s2._domainkey.amy.example."]
        event = event_of(casework, case)
        assert results(event)[0] == ("original", "dkim", "example.org", "not_checked")
        assert event["grade"] == "B"
        with casework.archive.engine.begin() as connection:
            domains = not_looked_up(newest(connection, item))
            ask(connection, item, domains=domains, now=casework.now(), actor="account:officer")
            assert list(connection.execute(overdue(casework.now())).scalars()) == [item]
        casework.later(seconds=1)
        assert judge.judge(item) is True
    assert domains == ["example.org"]
    assert event_of(casework, case)["grade"] == "A"
    told = [each for each in entries(casework, item) if each["action"] == Action.AUTHENTICITY_ASKED]
    assert [(each["actor"], each["facts"]) for each in told] == [("account:officer", {"domains": ["example.org"]})]
    with casework.archive.engine.connect() as connection:
        assert due_of(connection, item) is None


def test_switched_off_nothing_leaves_the_house(casework, case):
    item = casework.mail(a_forward(signed()), sender="amy@amy.example")
    judging(casework).judge(item)
    assert {one[3] for one in results(event_of(casework, case))} == {"not_checked"}


def test_silence_is_tried_again_for_three_days_and_then_said(casework, case):
    item = casework.mail(a_forward(signed()), sender="amy@amy.example")
    began = casework.now()
    with serving(NameServer({}, "silence")) as server:
        assert judging(casework, server).judge(item) is True
        assert {one[3] for one in results(event_of(casework, case))} == {"temporary"}
        tries = 0
        while True:
            with casework.archive.engine.connect() as connection:
                due = due_of(connection, item)
                if due is None:
                    break
                assert list(connection.execute(overdue(casework.now())).scalars()) == []
                at = connection.execute(select(authenticity_due.c.next_at)).scalar_one()
            casework.at = at
            # A new resolver each time: the pause after silence is by another clock.
            says_new = judging(casework, server).judge(item)
            tries += 1
            assert tries < 60
    assert says_new is True
    assert casework.now() - began == timedelta(hours=72)
    assert tries > 10
    event = event_of(casework, case)
    assert {one[3] for one in results(event)} == {"not_checked"}
    assert "for 72 hours" in event["authenticity"][0]["reasons"][0]
    told = [each["facts"]["state"] for each in entries(casework, item) if each["action"] == Action.AUTHENTICITY_JUDGED]
    assert told == ["temporary", "final"]


def test_an_answer_that_comes_late_is_taken(casework, case):
    item = casework.mail(a_forward(signed()), sender="amy@amy.example")
    with serving(NameServer(KEYS, "silence")) as server:
        judging(casework, server).judge(item)
        casework.later(hours=20)
        server.behaviour = "answer"
        assert judging(casework, server).judge(item) is True
    assert event_of(casework, case)["grade"] == "A"


def test_an_uploaded_mail_is_itself_the_original(casework, case):
    item = casework.file(signed(), "message/rfc822", case)
    with serving(NameServer(KEYS)) as server:
        judging(casework, server).judge(item)
    assert results(event_of(casework, case)) == [("original", "dkim", "example.org", "pass")]
    assert event_of(casework, case)["grade"] == "A"


def test_a_mail_without_signatures_says_none(casework, case):
    plain = EmailMessage()
    plain["From"], plain["Subject"] = "amy@amy.example", "hello"
    plain.set_content("He was outside my work again.")
    item = casework.mail(plain.as_bytes(), sender="amy@amy.example")
    judging(casework).judge(item)
    assert results(event_of(casework, case)) == [("forward", "dkim", "amy.example", "none")]


def test_results_of_our_own_server_stand_beside(casework, case):
    ours = b"Authentication-Results: mx.force.example; spf=pass smtp.mailfrom=amy@amy.example\r\n"
    item = casework.mail(ours + a_forward(ours + MAIL), sender="amy@amy.example")
    judging(casework, servers={"mx.force.example"}).judge(item)
    event = event_of(casework, case)
    assert ("forward", "spf", "amy.example", "pass") in results(event)
    assert not any(one[:2] == ("original", "spf") for one in results(event))


def test_texts_are_not_judged_and_mails_wait_for_their_reading(casework, case):
    text_id = casework.text("hello")
    mail_id = casework.mail(a_forward(MAIL), sender="amy@amy.example")
    unread = casework.file(MAIL, "message/rfc822", case, unread=True)
    with casework.archive.engine.connect() as connection:
        waiting = list(connection.execute(unjudged(casework.now() + timedelta(1))).scalars())
    assert waiting == [mail_id]
    assert [judging(casework).judge(each) for each in (text_id, unread, mail_id)] == [False, False, True]


def test_a_fault_of_the_judge_is_a_state_and_no_endless_try(casework, case, monkeypatch):
    item = casework.mail(a_forward(MAIL), sender="amy@amy.example")
    monkeypatch.setattr("intake.authenticity.judge.judge_messages", lambda *_, **__: 1 / 0)
    assert judging(casework).judge(item) is True
    with casework.archive.engine.connect() as connection:
        found = newest(connection, item)
    assert "ZeroDivisionError" in found.unjudged[0]
    assert judging(casework).judge(item) is False


# --- what leaves ------------------------------------------------------------------------------------------------------


@pytest.fixture
def exporter(installation, casework):
    return exporter_of(
        installation,
        render=lambda connection, case, exhibits, edition: renderings(
            connection, case, exhibits, now=casework.now(), reliability={}, edition=edition
        ),
        derive=derived_of,
        judged=files_of,
        now=casework.now,
    )


@pytest.fixture
def exported(installation, casework, case, exporter, tmp_path):
    """A package of one judged forward, made by this function in the edition asked for."""
    item = casework.mail(a_forward(signed(), encoding="base64"), sender="amy@amy.example")
    with serving(NameServer(KEYS)) as server:
        judging(casework, server).judge(item)
    casework.text("nothing to judge", sender="+447700900001")

    def export(edition: str):
        out = tmp_path / f"{edition}.zip"
        with sequencing(installation):
            exporter.export(case, out, edition=edition, actor="cli:tests", progress=lambda done, total: None)
        assert verify.verify(out, exporter.policy(None)).state == "verified"
        return out

    return export


def test_a_package_says_what_signatures_came_to_and_anyone_can_judge_again(exported):
    out = exported("full")
    with zipfile.ZipFile(out) as bag:
        names = [name for name in bag.namelist() if name.startswith("data/authenticity/")]
        assert names == [f"data/authenticity/00001/{name}" for name in ("dkim.json", "dns/001.txt", "dns/002.txt")]
        document = bag.read(names[0])
        listed = bag.read("manifest-sha256.txt").decode()
        (told,) = [
            json.loads(line)["payload"]["facts"]
            for line in bag.read("custody/entries.jsonl").splitlines()
            if b"authenticity.judged" in line
        ]
        assert told["authenticity_sha256"] == hashlib.sha256(document).hexdigest()
        assert told["dns_sha256"] == [hashlib.sha256(bag.read(name)).hexdigest() for name in names[1:]]
        assert [each["sha256"] for each in json.loads(document)["dns"]] == told["dns_sha256"]
        assert names[1] in listed
    (again,) = judge_again(out)
    assert again.differs == ()
    assert again.results == ("original dkim example.org: pass", "forward dkim amy.example: pass")


def test_the_lines_in_the_readme_judge_an_unpacked_package_with_dkimpy_alone(exported, tmp_path):
    with zipfile.ZipFile(exported("full")) as bag:
        bag.extractall(tmp_path / "unpacked")
        readme = bag.read("README.txt").decode()
    _, _, after = readme.partition("library dkimpy:\n\n")
    program = textwrap.dedent(after.partition("\n\n")[0])
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "unpacked"), "00001"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["original 0 True", "forward 0 True"]


def repacked(package, out, change):
    with zipfile.ZipFile(package) as bag, zipfile.ZipFile(out, "w") as made:
        for name in bag.namelist():
            made.writestr(name, change(name, bag.read(name)))
    return out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda name, raw: raw.replace(b"record: v=DKIM1", b"record: v=DKIM2"), "not the answer", id="answer"
        ),
        pytest.param(
            lambda name, raw: (
                raw.replace(b'"result":"pass"', b'"result":"weak"') if name.endswith("dkim.json") else raw
            ),
            "no custody entry names",
            id="result",
        ),
        pytest.param(
            lambda name, raw: raw.replace(b"He wrote", b"He wrotE") if name.endswith("original.eml") else raw,
            "not those that were judged",
            id="original",
        ),
    ],
)
def test_judged_again_a_changed_package_differs(exported, tmp_path, change, says):
    out = repacked(exported("full"), tmp_path / "changed.zip", change)
    (again,) = judge_again(out)
    assert says in " ".join(again.differs)
    ran = CliRunner().invoke(command, [str(out), "--json"])
    assert (ran.exit_code, json.loads(ran.output)["agrees"]) == (1, False)


def test_the_command_says_so_and_needs_nothing(exported, tmp_path):
    out = exported("full")
    ran = CliRunner().invoke(command, [str(out)])
    assert ran.exit_code == 0
    assert "original dkim example.org: pass" in ran.output
    (tmp_path / "x").write_bytes(b"PK\x03\x04")
    assert CliRunner().invoke(command, [str(tmp_path / "x")]).exit_code == 2
    with pytest.raises(NotAPackageError):
        list(judge_again(tmp_path / "x"))


def test_the_disclosure_edition_names_no_provider_of_hers(exported):
    out = exported("disclosure")
    with zipfile.ZipFile(out) as bag:
        told = {name: bag.read(name) for name in bag.namelist() if name.startswith("data/")}
    judged = {name: raw for name, raw in told.items() if name.startswith("data/authenticity/")}
    assert list(judged) == ["data/authenticity/00001/dkim.json", "data/authenticity/00001/dns/001.txt"]
    assert not any(b"amy.example" in raw for raw in told.values())
    assert b'"result": "pass"' in judged["data/authenticity/00001/dkim.json"]
    event = json.loads(told["data/timeline.json"])["events"][0]
    assert results(event) == [("original", "dkim", "example.org", "pass")]
    (again,) = judge_again(out)
    assert not again.can_be_judged


def test_a_rebuilt_index_or_a_dump_keeps_the_rows():
    from archive.dump import dumped_tables

    names = [table.name for table in dumped_tables()]
    assert {"authenticity", "authenticity_due"} <= set(names)
