"""A WhatsApp export with its files: each with the message that names it, and every file in the vault."""

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.accession import Belonging
from cli.composition import now
from intake import handed as handing
from intake.handed import gathered
from intake.importing import files_of, import_files
from intake.reading.chats import files_named
from intake.unpacking import Unpacking
from tests.intake.test_import import MBOX, bytes_of, row_of, run
from tests.reading.containers import zipped
from tests.timeline.casework import Casework
from timeline.events import events_of
from timeline.readings import read_exhibit

FIRST = "[21.11.26, 22:14:03] Dan: \u200elook\n\u200e<attached: 00000002-PHOTO.jpg>\n".encode()
SECOND = "[21.11.26, 22:15:00] Sam: \u200e<attached: 00000003-AUDIO.opus>\n".encode()
CHAT = b"[21.11.26, 22:13:00] Dan: Hello\n" + FIRST + SECOND
PHOTO, AUDIO = b"a picture", b"a voice"


def items_of(raw):
    with gathered(iter([raw]), {"filename": "x.zip", "modified_at": "2026-11-23T12:00:00.000Z"}) as handed:
        return list(Unpacking(now()).items(handed, "application/zip"))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("21/11/2026, 22:14 - Dan: \u200eIMG-20261121-WA0001.jpg (file attached)\na note", "IMG-20261121-WA0001.jpg"),
        ("21.11.26, 22:14 - Dan: IMG-1.jpg (Datei angehängt)", "IMG-1.jpg"),
        ("21/11/26, 7:03\u202fp.\xa0m. - Dan: \u200ePTT-2.opus (archivo adjunto)", "PTT-2.opus"),
        ("2026. 11. 21. 오후 10:14, Dan : IMG-3.jpg (파일 첨부됨)", "IMG-3.jpg"),
        ("2026/11/21 晚上10:14 - Dan: IMG-4.jpg (文件附件)", "IMG-4.jpg"),
        ("٢١\u200f/١١\u200f/٢٠٢٦\u060c ١٠:١٤ \u0645 - Dan: \u200fIMG-5.jpg (الملف مرفق)", "IMG-5.jpg"),
        ("[21.11.26, 22:14:03] Dan: \u200e<pièce jointe : a b (1).pdf>", "a b (1).pdf"),
        (
            "[21.11.26, 22:14:03] Dan: report.pdf • \u200e3 pages \u200e<Anhang: 00000020-report.pdf>",
            "00000020-report.pdf",
        ),
        ("21/11/2026, 22:14 - Dan: " + unicodedata.normalize("NFD", "fête.jpg") + " (file attached)", "fête.jpg"),
    ],
)
def test_the_file_that_a_message_names_is_known_in_every_language(line, name):
    assert files_named(line.encode()) == (name,)


@pytest.mark.parametrize("words", ["see you (later)", "<3", "a < b: c", "x.jpg", "(x.jpg)", "I was at no.5 (the shop"])
def test_words_name_no_file(words):
    assert files_named(f"[21.11.26, 22:14:03] Dan: {words}\n".encode()) == ()


def test_each_file_comes_with_the_message_that_names_it(installation, tmp_path):
    raw = zipped(
        {"00000003-AUDIO.opus": AUDIO, "00000002-PHOTO.jpg": PHOTO, "_chat.txt": CHAT, "odd.vcf": b"nobody names it"}
    )
    (tmp_path / "WhatsApp Chat - Dan.zip").write_bytes(raw)
    case = Casework(installation.archive, installation.sequencer).case()
    (done,) = import_files(installation.archive, files_of([tmp_path]), Belonging(case_id=case.id), now=now)
    assert (done.refused, done.taken) == (None, {"chat": 3, "file of a chat": 3})
    assert bytes_of(installation, done.ids)[:2] == [raw, CHAT]
    assert set(bytes_of(installation, done.ids)[5:]) == {AUDIO, PHOTO, b"nobody names it"}
    for each in done.ids:
        read_exhibit(installation.engine, installation.vault, each, now=now)
    with installation.engine.connect() as connection:
        events = [event.to_json() for event in events_of(connection, case.id)]
    told = {
        event["text"][:4]: [one["sha256"] for one in event["attachments"]] for event in events if event["claimed_at"]
    }
    digests = {row_of(installation, each).door["filename"]: row_of(installation, each).sha256 for each in done.ids[5:]}
    assert told["Hell"] == []
    assert told["look"] == [digests["00000002-PHOTO.jpg"]]
    assert sum(len(each) for each in told.values()) == 2
    (photo,) = [event for event in events if event["exhibit"]["sha256"] == digests["00000002-PHOTO.jpg"]]
    assert (photo["kind"], photo["exhibit"]["media_type"]) == ("attachment", "image/jpeg")
    (odd,) = [event for event in events if event["exhibit"]["sha256"] == digests["odd.vcf"]]
    assert odd["parent"] is None
    again = run(installation, tmp_path)[0]
    assert (again.ids, again.repeats) == (done.ids, len(done.ids))


def test_the_same_picture_under_two_names_is_with_both_messages():
    chat = CHAT + b"[22.11.26, 09:00:00] Dan: <attached: again.jpg>\n"
    items = items_of(zipped({"_chat.txt": chat, "00000002-PHOTO.jpg": PHOTO, "again.jpg": PHOTO}))
    parents = [item.parent_id for item in items if item.acquisition.raw == PHOTO]
    messages = {item.acquisition.id for item in items if item.acquisition.media_type.startswith("text/vnd")}
    assert len(set(parents)) == 2
    assert set(parents) <= messages


def test_a_zip_with_several_exports_gives_up_each(installation, tmp_path):
    sms = b'<smses count="1"><sms address="1" date="1700000000000" type="1" body="x" /></smses>'
    raw = zipped(
        {
            "a/_chat.txt": CHAT,
            "a/00000002-PHOTO.jpg": PHOTO,
            "b/sms.xml": sms,
            "b/box.mbox": MBOX,
            "c/notes.txt": b"mine",
        }
    )
    (tmp_path / "phone.zip").write_bytes(raw)
    (done,) = run(installation, tmp_path / "phone.zip")
    assert done.refused is None
    assert done.taken == {"chat": 3, "file of a chat": 2, "sms": 1, "mail": 2}
    alone = tmp_path / "sms.xml"
    alone.write_bytes(sms)
    (repeat,) = run(installation, alone)
    assert (set(repeat.ids) <= set(done.ids), repeat.repeats) == (True, 2)


def test_a_backup_in_a_zip_is_taken_apart_and_other_texts_stay_in_it(installation, tmp_path):
    sms = b'<smses count="1"><sms address="1" date="1700000000000" type="1" body="x" /></smses>'
    raw = zipped({"sms.xml": sms, "notes.txt": b"mine"})
    (tmp_path / "phone.zip").write_bytes(raw)
    (done,) = run(installation, tmp_path / "phone.zip")
    assert (done.refused, done.taken) == (None, {"sms": 1})
    assert bytes_of(installation, done.ids)[:2] == [raw, sms]
    assert len(done.ids) == 3


def test_files_too_large_to_hold_go_the_same_way(installation, tmp_path, monkeypatch):
    raw = zipped({"_chat.txt": CHAT, "00000002-PHOTO.jpg": PHOTO * 100, "00000003-AUDIO.opus": AUDIO})
    (tmp_path / "chat.zip").write_bytes(raw)
    monkeypatch.setattr(handing, "HELD_BYTES", 150)
    (done,) = run(installation, tmp_path / "chat.zip")
    assert done.refused is None
    assert bytes_of(installation, done.ids)[0] == raw
    assert bytes_of(installation, done.ids)[-2:] == [PHOTO * 100, AUDIO]
    monkeypatch.setattr(handing, "HELD_BYTES", 2**20)
    (held,) = run(installation, tmp_path / "chat.zip")
    assert held.ids == done.ids


def test_a_damaged_file_of_a_chat_is_told_and_the_rest_is_taken(installation, tmp_path):
    raw = bytearray(zipped({"_chat.txt": CHAT, "00000002-PHOTO.jpg": PHOTO * 9, "00000003-AUDIO.opus": AUDIO}))
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        start = packed.getinfo("00000002-PHOTO.jpg").header_offset + 30 + len("00000002-PHOTO.jpg")
    raw[start] ^= 0xFF
    (tmp_path / "chat.zip").write_bytes(raw)
    (done,) = run(installation, tmp_path / "chat.zip")
    assert done.refused == "00000002-PHOTO.jpg was not taken out of it: it is damaged; the zip itself is kept"
    assert bytes_of(installation, done.ids)[-1] == AUDIO
    assert done.taken == {"chat": 3, "file of a chat": 1}


@given(st.binary(max_size=200), st.floats(0, 1))
def test_a_damaged_chat_gives_its_own_bytes_first(junk, where):
    whole = zipped({"_chat.txt": CHAT, "00000002-PHOTO.jpg": PHOTO})
    at = int(where * len(whole))
    damaged = whole[:at] + junk + whole[at + len(junk) :]
    assert items_of(damaged)[0].acquisition.raw == damaged


@given(st.lists(st.text(max_size=60), max_size=8), st.lists(st.text(min_size=1, max_size=30), max_size=3))
def test_whatever_is_said_no_line_is_lost(lines, names):
    chat = CHAT + "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    files = {f"{number}{name}": b"x" for number, name in enumerate(names)}
    items = items_of(zipped({"_chat.txt": chat, **files}))
    messages = [item.acquisition.raw for item in items if item.acquisition.media_type.startswith("text/vnd")]
    assert b"".join(messages) == chat
