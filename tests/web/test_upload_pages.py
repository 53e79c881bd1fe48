"""Pages for sending files without script, and receipts: what is said is true, and nothing else is told."""

import hashlib
import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from archive.link import LinkKind
from archive.tables import acquisition, upload, upload_piece
from intake.receipts import ALPHABET, Receipts, plain
from intake.upload_model import UploadLimits
from tests.web.links import hold
from tests.web.officers import make_site
from tests.web.uploads import Sender, original, rows
from web.pins import hash_pin

CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){2}\b")


@pytest.fixture
def sender(site):
    return Sender(site)


def post(sender, *files):
    data = {"files": [(io.BytesIO(body), name, kind) for body, name, kind in files]}
    return sender.client.post(f"{sender.path}/send", data=data, content_type="multipart/form-data")


def told(sender):
    return sender.client.get(f"{sender.path}/sent").get_data(as_text=True)


def ask(site, code):
    return site.app.test_client().post("/receipt", data={"code": code})


def test_files_of_a_form_are_kept_byte_for_byte_each_with_its_receipt(site, sender):
    bodies = [(b"\xff\xd8 one", "IMG_1.jpg", "image/jpeg"), (b"two\r\n", "voice note.m4a", "audio/mp4")]
    answer = post(sender, *bodies)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{sender.path}/sent")
    found = {row.door["filename"]: row for row in rows(site, acquisition)}
    assert {name: row.sha256 for name, row in found.items()} == {
        name: hashlib.sha256(body).hexdigest() for body, name, _ in bodies
    }
    assert {name: row.media_type for name, row in found.items()} == {name: kind for _, name, kind in bodies}
    page = told(sender)
    assert len(CODE.findall(page)) == 2
    for row in found.values():
        assert row.sha256 in page
    assert len(site.casework.archive.accession_waiting(now=site.casework.at)) == 1
    assert len(site.casework.archive.accession_waiting(now=site.casework.at)) == 1
    assert rows(site, upload_piece) == []


def test_no_file_chosen_is_an_error_at_the_field(sender):
    for answer in (post(sender, (b"", "", "application/octet-stream")), sender.client.post(f"{sender.path}/send")):
        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert "<title>\n  Error: " in page or "Error: Send" in page
        assert page.count("Choose a file first.") >= 2
        assert 'href="#files"' in page


def test_too_many_bytes_at_once_get_the_page_with_a_sentence_that_helps(installation):
    site = make_site(installation, upload_limits=UploadLimits(most_bytes=100))
    sender = Sender(site)
    answer = sender.client.post(
        f"{sender.path}/send", data=b"x" * 2 * 1024 * 1024, content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413
    assert "Ask your officer how to hand it over" in answer.get_data(as_text=True)
    one = post(sender, (b"x" * 101, "long.mov", "video/quicktime"), (b"short", "short.txt", "text/plain"))
    page = one.get_data(as_text=True)
    assert one.status_code == 400
    assert "long.mov: This file is too big" in page
    assert "1 file is here and safe" in page
    assert [row.door["filename"] for row in rows(site, acquisition)] == ["short.txt"]


def test_a_one_time_link_takes_one_form_and_shows_its_receipts_in_that_visit_alone(site):
    sender = Sender(site, one_time=True)
    assert "one time" in sender.client.get(sender.path).get_data(as_text=True)
    other = sender.holder.open()
    assert post(sender, (b"a", "a", "text/plain")).status_code == 303
    assert CODE.search(told(sender))
    assert post(sender, (b"b", "b", "text/plain")).headers["Location"] == f"{sender.path}/sent"
    assert sender.client.get(sender.path).headers["Location"] == f"{sender.path}/sent"
    assert sender.client.get(f"{other}/sent").status_code == 404
    assert len(rows(site, acquisition)) == 1


def test_another_visit_of_the_same_link_is_shown_nothing(sender):
    post(sender, (b"a", "secret name.jpg", "image/jpeg"))
    sender.path = sender.holder.open()
    page = told(sender)
    assert "Nothing has been sent yet" in page
    assert "secret" not in page
    assert not CODE.search(page)


def test_a_receipt_says_that_we_have_it_and_nothing_else(site, sender):
    post(sender, (b"a", "secret.jpg", "image/jpeg"))
    (code,) = CODE.findall(told(sender))
    for typed in (code, code.lower(), code.replace("-", ""), f"  {code.replace('-', ' ')} "):
        page = ask(site, typed).get_data(as_text=True)
        assert "We have it, since 23 November 2026." in page
        for kept in ("secret", sender.person.name, rows(site, acquisition)[0].sha256, str(rows(site, upload)[0].id)):
            assert kept not in page
    assert "Set-Cookie" not in ask(site, code).headers
    assert code not in ask(site, code).get_data(as_text=True)


def test_codes_that_nobody_has_and_codes_that_are_none_look_alike(site, sender):
    post(sender, (b"a", "a.jpg", "image/jpeg"))
    (code,) = CODE.findall(told(sender))
    sha256 = rows(site, acquisition)[0].sha256
    near = ("0" if code[0] != "0" else "1") + code[1:]
    wrong = [
        near,
        "AAAAA-AAAAA-AAAAA",
        "x",
        "'; --",
        "\x00",
        "☃" * 30,
        code + "A",
        sha256,
        str(rows(site, upload)[0].id),
    ]
    answers = [ask(site, each) for each in wrong]
    assert {answer.status_code for answer in answers} == {200}
    pages = {re.sub(r"nonce(-|=\")[\w-]+", "", answer.get_data(as_text=True)) for answer in answers}
    assert len(pages) == 1
    assert "No such code." in pages.pop()


def test_a_receipt_that_was_not_typed_is_an_error_at_the_field(site):
    page = ask(site, " ").get_data(as_text=True)
    assert page.count("Type your receipt.") == 2


def test_whoever_owns_the_file_cannot_compute_its_receipt(site):
    """The person who stalks somebody owns the files he sent her: equal files have different codes, under a secret."""
    first, second = Sender(site), Sender(site)
    for sender in (first, second):
        post(sender, (b"his own photo", "his.jpg", "image/jpeg"))
    codes = [CODE.findall(told(sender))[0] for sender in (first, second)]
    assert codes[0] != codes[1]
    (row, _) = rows(site, acquisition)
    assert Receipts(bytes(32)).code(row.id, row.sha256) not in codes
    stored = {each.receipt_sha256 for each in rows(site, upload)}
    assert not stored & {hashlib.sha256(code.encode()).hexdigest() for code in codes}


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_what_people_type_is_read_without_raising(text):
    assert all(letter.isalnum() for letter in plain(text))
    assert len(Receipts(bytes(32)).digest(text)) == 64


def test_codes_have_no_letters_that_are_taken_for_others():
    assert len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("ILOU")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    kind=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)
def test_no_name_and_no_type_breaks_the_form(site, sender, name, kind):
    before = len(rows(site, acquisition))
    assert post(sender, (b"x", name, kind)).status_code in {303, 400}
    assert len(rows(site, acquisition)) - before in {0, 1}
    assert sender.client.get(f"{sender.path}/sent").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>.jpg", "../../etc/passwd", "\u202egpj.exe", "a" * 3000, "=cmd|'/c calc'!A1", "☃.png"],
)
def test_a_nasty_name_is_text_and_nothing_else(site, sender, name):
    assert post(sender, (b"x", name, "image/png")).status_code == 303
    assert "<script>alert" not in told(sender)
    site.casework.archive.accession_waiting(now=site.casework.at)
    assert original(site) == b"x"
    assert rows(site, acquisition)[0].door["filename"] == name


def test_a_database_that_goes_away_is_said_plainly_and_what_is_here_stays(site, sender, monkeypatch):
    post(sender, (b"kept", "kept.jpg", "image/jpeg"))

    def away(*_, **__):
        raise OperationalError("", {}, Exception("gone"))

    with monkeypatch.context() as broken:
        broken.setattr("intake.upload.add_piece", away)
        answer = post(sender, (b"lost", "lost.jpg", "image/jpeg"))
        where = sender.create(3).headers["Location"]
        assert sender.append(where, 0, b"abc").status_code == 503
    page = answer.get_data(as_text=True)
    assert answer.status_code == 503
    assert "Files that we have stay safe" in page
    assert f"{sender.path}/sent" in page
    assert "kept.jpg" in told(sender)
    assert "lost.jpg" not in told(sender)
    assert sender.append(where, 0, b"abc").status_code == 204


def test_no_free_place_is_said_plainly_and_a_place_comes_free_again(installation):
    site = make_site(installation, upload_slots=1)
    sender = Sender(site)
    where = sender.create(4).headers["Location"]
    seen = []

    class Slow(io.BytesIO):
        def readinto(self, buffer):
            if not seen:
                seen.append(None)
                answer = Sender(site)
                refused = answer.append(answer.create(1).headers["Location"], 0, b"x")
                seen[0] = (refused.status_code, refused.headers.get("Retry-After"))
            return super().readinto(buffer)

    headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert sender.client.patch(where, input_stream=Slow(b"abcd"), content_length=4, headers=headers).status_code == 204
    assert seen == [(503, "30")]
    assert sender.offset(where) == 4
    assert Sender(site).send(b"free again")


def test_pages_of_a_visit_set_no_cookie_and_are_not_kept(sender):
    for path in (sender.path, f"{sender.path}/sent", "/receipt"):
        answer = sender.client.get(path)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script src=" not in answer.get_data(as_text=True) or "/static/vendor/" in answer.get_data(as_text=True)


def test_a_link_with_a_pin_takes_nothing_before_it(site):
    sender = Sender(site, pin_hash=hash_pin("123456"))
    assert sender.create(1).status_code != 201
    assert post(sender, (b"x", "x", "text/plain")).status_code == 200
    assert rows(site, acquisition) == []


def test_a_link_of_the_diary_opens_no_upload(site):
    holder = hold(site, site.casework.enrol(site.casework.case("42/9/26")), LinkKind.DIARY)
    assert holder.client.get(f"/upload/{holder.token}").status_code == 404
