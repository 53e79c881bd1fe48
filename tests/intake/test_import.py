"""Files that are handed over: every byte in the vault, every message an acquisition, twice the same as once."""

import mailbox
import os
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from archive.accession import Belonging
from archive.errors import OverwrittenError
from archive.tables import acquisition, exhibit
from archive.vault import Vault
from cli.composition import now
from intake.authenticity.domains import LookedUp
from intake.authenticity.judge import Judge
from intake.authenticity.records import unjudged
from intake.handed import gathered
from intake.importing import files_of, import_files, media_type_of
from intake.mbox import messages_in
from intake.unpacking import Unpacking
from tests.authenticity.signers import Zone
from tests.reading.containers import msg, zipped
from tests.timeline.casework import Casework
from timeline.readings import read_arrived

FIRST = b"From: a@example.org\nSubject: one\n\nFrom here on he wrote.\n>From quoting stays\n"
SECOND = b"From: b@example.org\r\nSubject: two\r\n\r\nbytes \xff\xfe\x00\r\n"
LINE = b"From a@example.org Mon Nov 23 12:00:00 2026\n"
MBOX = LINE + FIRST + b"\n" + LINE + SECOND + b"\r\n"


def slices(whole):
    return [whole[found.start : found.end] for found in messages_in(whole)]


def run(installation, *paths):
    return list(import_files(installation.archive, files_of(paths), Belonging(), now=now))


def bytes_of(installation, ids):
    query = select(exhibit, acquisition.c.sha256).join(acquisition, acquisition.c.id == exhibit.c.id)
    with installation.engine.connect() as connection:
        found = {row.id: row for row in connection.execute(query)}
    vault = installation.vault
    return [vault.read(found[each].vault_key, found[each].vault_version, sha256=found[each].sha256) for each in ids]


def row_of(installation, item_id):
    with installation.engine.connect() as connection:
        return connection.execute(select(acquisition).where(acquisition.c.id == item_id)).one()


def test_messages_are_the_bytes_between_the_lines():
    assert slices(MBOX) == [FIRST, SECOND]


def test_a_sentence_that_begins_with_from_is_no_message():
    body = b"From: a@example.org\n\n\nFrom the window I saw him on Mon.\n"
    assert slices(LINE + body + b"\n" + LINE + SECOND) == [body, SECOND]


@pytest.mark.parametrize(
    "line",
    [
        b"From - Mon Nov 23 12:00:00 2026\r\n",
        b"From 1234567890@xxx Mon Nov 23 12:00:00 +0000 2026\n",
        b"From MAILER-DAEMON Fri Jul  8 12:08:34 2011\n",
        b"From a@example.org  Mon Nov 23 12:00 GMT 2026\n",
        b"From a@example.org\n",
        b"From nobody in particular\r\n",
    ],
)
def test_the_lines_of_known_programs_are_recognised(line):
    whole = line + FIRST + b"\n" + line + SECOND
    assert slices(whole) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "whole", [b"", b"From", b"Subject: x\n\nFrom a@b\n", b"\nFrom a@b.example\n\nx", LINE, LINE * 3]
)
def test_what_has_no_message_has_none(whole):
    assert slices(whole) == []


@given(st.binary(max_size=400))
def test_any_bytes_are_cut_into_slices_in_order(junk):
    whole = LINE + junk
    found = list(messages_in(whole))
    ends = [0]
    for each in found:
        assert whole[: each.start].rstrip(b"\r\n").endswith(each.line)
        assert ends[-1] <= each.start < each.end <= len(whole)
        ends.append(each.end)


@given(st.lists(st.text("ab >From\n", max_size=40), min_size=1, max_size=5))
def test_what_pythons_own_mailbox_writes_is_found_again(tmp_path_factory, bodies):
    path = tmp_path_factory.mktemp("mbox") / "x.mbox"
    box = mailbox.mbox(path)
    for body in bodies:
        box.add(f"Subject: x\n\n{body}\n".encode())
    box.close()
    whole = path.read_bytes()
    assert len(slices(whole)) == len(bodies)
    lines = [line for line in whole.splitlines() if line.startswith(b"From ")]
    kept = b"".join(slices(whole)) + b"".join(lines)
    assert len(whole) - len(kept) <= 2 * len(bodies)  # line ends of the lines, and blank lines


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.EML", "message/rfc822"),
        ("a.mbox", "application/mbox"),
        ("a.msg", "application/vnd.ms-outlook"),
        ("a.xml", "application/xml"),
        ("a.zip", "application/zip"),
        ("a.jpeg", "image/jpeg"),
        ("a.what", "application/octet-stream"),
        ("none", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_name_says(tmp_path, name, media_type):
    assert media_type_of(tmp_path / name) == media_type


def test_a_mail_of_a_maildir_is_a_mail(tmp_path):
    box = mailbox.Maildir(tmp_path / "box")
    box.add(b"Subject: x\n\nx\n")
    box.close()
    (path,) = files_of([tmp_path / "box"])
    assert media_type_of(path) == "message/rfc822"


def test_a_maildir_with_folders_in_it_is_every_mail_in_it(installation, tmp_path):
    box = mailbox.Maildir(tmp_path / "box")
    box.add(FIRST)
    (tmp_path / "box" / ".Sent" / "cur").mkdir(parents=True)
    (tmp_path / "box" / ".Sent" / "cur" / "1700000000.M1P2.host:2,S").write_bytes(SECOND)
    (tmp_path / "box" / "tmp" / "notes.txt").write_bytes(b"x")
    results = {result.path.parent.name: result for result in run(installation, tmp_path)}
    assert set(results) == {"new", "cur", "tmp"}
    for name, raw in (("new", FIRST), ("cur", SECOND)):
        assert bytes_of(installation, results[name].ids) == [raw]
        assert row_of(installation, results[name].ids[0]).media_type == "message/rfc822"


def test_a_copied_maildir_without_its_empty_folders_is_known_by_the_names_in_it(tmp_path):
    (tmp_path / "cur").mkdir()
    assert media_type_of(tmp_path / "cur" / "1700000000.M1P2.host:2,S") == "message/rfc822"
    assert media_type_of(tmp_path / "cur" / "notes") == "application/octet-stream"
    assert media_type_of(tmp_path / "1700000000.M1P2.host") == "application/octet-stream"


def test_mailboxes_and_mails_without_a_name_that_tells_are_known_by_how_they_begin(installation, tmp_path):
    (tmp_path / "Inbox").write_bytes(MBOX)
    (tmp_path / "mail").write_bytes(b"Return-Path: <a@example.org>\nReceived: x\n" + FIRST)
    (tmp_path / "words").write_bytes(b"From here on: he wrote\nSubject matter\n")
    inbox, mail, words = run(installation, tmp_path)
    assert bytes_of(installation, inbox.ids) == [MBOX, FIRST, SECOND]
    assert [row_of(installation, each.ids[0]).media_type for each in (mail, words)] == [
        "message/rfc822",
        "application/octet-stream",
    ]


def test_a_maildir_in_a_zip_is_every_mail_in_it(installation, tmp_path):
    raw = zipped({"box/cur/1700000000.M1P2.host:2,S": FIRST, "box/cur/notes": b"x", "box/dovecot.index": b"y"})
    (tmp_path / "box.zip").write_bytes(raw)
    (done,) = run(installation, tmp_path / "box.zip")
    assert bytes_of(installation, done.ids) == [raw, FIRST]
    assert row_of(installation, done.ids[1]).media_type == "message/rfc822"


def test_a_folder_is_every_file_in_it_but_hidden_ones(tmp_path):
    for name in ("b/2.eml", "b/1.eml", ".DS_Store", "a.zip", ".git/x", "b/c/d/3.eml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "round").symlink_to(tmp_path)
    names = [str(path.relative_to(tmp_path)) for path in files_of([tmp_path])]
    assert names == ["a.zip", "b/1.eml", "b/2.eml", "b/c/d/3.eml"]


def test_an_mbox_is_kept_whole_and_message_by_message(installation, tmp_path):
    path = tmp_path / "export.mbox"
    path.write_bytes(MBOX)
    (done,) = run(installation, path)
    assert done.refused is None
    assert bytes_of(installation, done.ids) == [MBOX, FIRST, SECOND]
    whole, first, second = (row_of(installation, each) for each in done.ids)
    assert whole.source_id == f"file:{whole.sha256}#0"
    assert first.source_id == f"file:{whole.sha256}#{len(LINE)}"
    assert (first.channel, first.media_type, first.sender) == ("upload", "message/rfc822", None)
    assert second.door["offset"] == MBOX.index(SECOND)
    assert second.door["mbox_line"] == LINE.decode().strip()
    assert whole.door["filename"] == "export.mbox"


def test_the_same_file_twice_under_any_name_is_a_repeat(installation, tmp_path):
    (tmp_path / "a.eml").write_bytes(SECOND)
    (tmp_path / "b.eml").write_bytes(SECOND)
    first, second = run(installation, tmp_path)
    assert first.ids == second.ids
    assert (first.repeats, second.repeats) == (0, 1)


def test_other_files_are_kept_as_they_are(installation, tmp_path):
    (tmp_path / "chat.zip").write_bytes(zipped({"x.txt": SECOND}))
    (tmp_path / os.fsdecode(b"odd\xff.bin")).write_bytes(b"")
    (tmp_path / "sms.xml").write_bytes(b"<smses/>")
    results = run(installation, tmp_path)
    assert [result.refused for result in results] == [None] * 3
    for result in results:
        assert bytes_of(installation, result.ids) == [result.path.read_bytes()]
    assert [row_of(installation, result.ids[0]).media_type for result in results] == [
        "application/zip",
        "application/octet-stream",
        "application/xml",
    ]


def test_the_mails_of_a_zip_are_the_files_they_were_and_the_zip_is_kept(installation, tmp_path):
    inner = zipped({"again.eml": SECOND, "box.mbox": MBOX})
    raw = zipped({"a/one.EML": SECOND, "b/one.eml": FIRST, "x.msg": msg(), "a.png": b"x", "in.zip": inner})
    (tmp_path / "export.zip").write_bytes(raw)
    (done,) = run(installation, tmp_path / "export.zip")
    assert (done.refused, done.repeats) == (None, 0)
    assert bytes_of(installation, done.ids) == [raw, SECOND, FIRST, msg(), inner, MBOX, FIRST, SECOND]
    rows = [row_of(installation, each) for each in done.ids]
    assert [row.media_type for row in rows[:5]] == [
        "application/zip",
        "message/rfc822",
        "message/rfc822",
        "application/vnd.ms-outlook",
        "application/zip",
    ]
    assert (rows[0].door["unpacked"], rows[1].door["filename"]) == (4, "one.EML")
    assert rows[1].door["container_sha256"] == rows[0].sha256
    (tmp_path / "one.eml").write_bytes(SECOND)
    (alone,) = run(installation, tmp_path / "one.eml")
    assert (alone.ids, alone.repeats) == ((done.ids[1],), 1)


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        (zipped({"x.eml": SECOND})[:-30], "it was not unpacked: a zip that is damaged"),
        (zipped({"x.eml": bytes(4 * 1024**2)}), "x.eml was not taken out of it: it is packed more tightly"),
        (b"no zip at all", "it was not unpacked"),
        (zipped({"x.zip": zipped({"x.zip": zipped({"x.zip": zipped({"x.eml": SECOND})})})}), "zips lie in one another"),
    ],
    ids=["cut", "bomb", "none", "nested"],
)
def test_a_zip_that_is_not_unpacked_is_kept_and_says_why(installation, tmp_path, raw, because):
    (tmp_path / "x.zip").write_bytes(raw)
    (done,) = run(installation, tmp_path / "x.zip")
    assert because in done.refused
    assert bytes_of(installation, done.ids)[0] == raw


@given(st.binary(max_size=300), st.floats(0, 1))
def test_a_damaged_zip_gives_its_own_bytes_first_whatever_it_holds(junk, where):
    whole = zipped({"x.eml": SECOND, "b.mbox": MBOX})
    at = int(where * len(whole))
    damaged = whole[:at] + junk + whole[at + len(junk) :]
    facts = {"filename": "x.zip", "modified_at": "2026-11-23T12:00:00.000Z"}
    with gathered(iter([damaged]), facts) as handed:
        items = list(Unpacking(now()).items(handed, "application/zip"))
    assert items[0].acquisition.raw == damaged
    assert len(items) <= 5


def test_what_cannot_be_imported_says_why_and_keeps_no_other_back(installation, tmp_path, monkeypatch):
    (tmp_path / "good.eml").write_bytes(SECOND)
    (tmp_path / "no.mbox").write_bytes(b"not one")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zz.eml").write_bytes(b"x" * 2000)
    monkeypatch.setattr("intake.handed.MOST_FILE_BYTES", 1000)
    results = {result.path.name: result for result in run(installation, tmp_path, tmp_path / "absent.eml")}
    assert {name: result.refused for name, result in results.items()} == {
        "good.eml": None,
        "no.mbox": "no message was found in it; the file itself is kept",
        "pipe": "it is not a file",
        "zz.eml": "it has more than 1000 bytes",
        "absent.eml": "there is no such file",
    }
    assert bytes_of(installation, results["no.mbox"].ids) == [b"not one"]


def test_a_fault_of_the_vault_is_told_and_keeps_no_other_back(installation, tmp_path, monkeypatch):
    path = tmp_path / "export.mbox"
    path.write_bytes(MBOX)
    original = Vault.put

    def taken(self, key, body, **rest):
        if body == FIRST:
            raise OverwrittenError(key)
        return original(self, key, body, **rest)

    monkeypatch.setattr(Vault, "put", taken)
    (done,) = run(installation, path)
    assert "another object" in done.refused
    assert bytes_of(installation, done.ids) == [MBOX, SECOND]


def test_a_mail_that_was_imported_while_no_worker_ran_waits_to_be_judged_and_is(installation, tmp_path):
    (tmp_path / "one.eml").write_bytes(FIRST)
    case = Casework(installation.archive, installation.sequencer).case()
    (done,) = import_files(
        installation.archive,
        files_of([tmp_path]),
        Belonging(case_id=case.id),
        now=now,
        then=lambda arrived: read_arrived(installation.engine, installation.vault, arrived, now=now),
    )
    later = now() + timedelta(days=40)  # however long nobody looks
    with installation.engine.connect() as connection:
        assert connection.execute(unjudged(later)).scalars().all() == list(done.ids)
    judge = Judge(installation.engine, installation.vault, Zone({}).ask, LookedUp.of(()), (), now)
    assert judge.judge(done.ids[0])
    with installation.engine.connect() as connection:
        assert connection.execute(unjudged(later)).scalars().all() == []
