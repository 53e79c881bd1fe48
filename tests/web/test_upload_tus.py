"""Promises 1 and 2 at the door for files: tus 1.0.0, byte for byte, whatever is sent and whoever stops half-way."""

import base64
import hashlib
import itertools
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from archive import pieces
from archive.link import LinkKind, revoke
from archive.tables import acquisition, exhibit, upload, upload_piece
from archive.visit import resume
from intake import upload as uploads
from intake.receipts import Receipts
from intake.upload_model import UploadLimits
from tests.web.officers import make_site
from tests.web.uploads import BODY, TUS, Sender, b64, original, rows


@pytest.fixture
def sender(site):
    return Sender(site)


def test_a_file_in_pieces_is_one_exhibit_of_the_links_case_and_contributor(site, sender, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 7)
    monkeypatch.setattr("web.tus.PIECE_BYTES", 7)
    body = bytes(range(256)) * 3
    where = sender.send(body)
    (row,) = rows(site, acquisition)
    assert (row.state, row.raw, row.in_pieces) == ("received", None, True)
    assert (row.sha256, row.sha512) == (hashlib.sha256(body).hexdigest(), hashlib.sha512(body).hexdigest())
    assert row.source_id == f"upload:{sender.holder.link.id}/1"
    assert row.channel == "upload"
    assert (row.door["filename"], row.door["declared_type"]) == ("photo.jpg", "image/jpeg")
    assert ("archive.accession",) in [tuple(map(str, nudge)) for nudge in site.nudged]
    assert len(rows(site, upload_piece)) == -(-len(body) // 7)
    assert site.casework.archive.accession_waiting(now=site.casework.at) == [row.id]
    assert original(site) == body
    (held,) = rows(site, exhibit)
    assert (held.case_id, held.contributor_id, held.number) == (sender.case.id, sender.person.id, 1)
    assert rows(site, upload_piece) == []
    assert sender.offset(where) == len(body)


def test_the_server_says_what_it_understands(sender):
    answer = sender.client.open(f"{sender.path}/files", method="OPTIONS")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {"creation", "expiration", "checksum", "termination"}
    assert answer.headers["Tus-Max-Size"] == str(UploadLimits().most_bytes)
    assert "Set-Cookie" not in answer.headers


def test_a_program_that_speaks_another_version_is_told_ours(sender):
    where = sender.create(3).headers["Location"]
    for answer in (
        sender.client.post(f"{sender.path}/files", headers={"Upload-Length": "3"}),
        sender.client.patch(where, data=b"abc", headers={**BODY, "Upload-Offset": "0", "Tus-Resumable": "0.2.2"}),
        sender.client.head(where),
    ):
        assert answer.status_code == 412
        assert answer.headers["Tus-Version"] == "1.0.0"


def test_bytes_at_another_place_than_where_the_file_stands_are_refused(sender):
    where = sender.create(6).headers["Location"]
    assert sender.append(where, 0, b"abc").headers["Upload-Offset"] == "3"
    for wrong in (0, 2, 4, 6):
        assert sender.append(where, wrong, b"x").status_code == 409
    assert sender.append(where, 3, b"defg").status_code == 413
    assert sender.offset(where) == 3
    assert sender.append(where, 3, b"def").status_code == 204
    assert sender.append(where, 6, b"").status_code == 409


def test_another_content_type_is_refused(sender):
    where = sender.create(3).headers["Location"]
    answer = sender.append(where, 0, b"abc", **{"Content-Type": "application/octet-stream"})
    assert answer.status_code == 415
    assert sender.offset(where) == 0


@pytest.mark.parametrize("length", ["", "-1", "1.5", "x", "9" * 16, "٣"])
def test_a_length_that_is_no_number_is_refused(sender, length):
    answer = sender.client.post(
        f"{sender.path}/files", headers={**TUS, "Upload-Length": length.encode().decode("latin-1")}
    )
    assert answer.status_code == 400


def test_a_wrong_checksum_keeps_nothing_and_a_right_one_keeps_all(site, sender):
    where = sender.create(6).headers["Location"]
    wrong = sender.append(where, 0, b"abcdef", **{"Upload-Checksum": f"sha256 {b64(bytes(32))}"})
    assert wrong.status_code == 460
    assert (sender.offset(where), rows(site, upload_piece)) == (0, [])
    unknown = sender.append(where, 0, b"abcdef", **{"Upload-Checksum": f"crc32 {b64(bytes(4))}"})
    assert unknown.status_code == 400
    for start, name in ((0, "sha256"), (3, "sha1")):
        part = b"abcdef"[start : start + 3]
        right = sender.append(
            where, start, part, **{"Upload-Checksum": f"{name} {b64(hashlib.new(name, part).digest())}"}
        )
        assert right.status_code == 204
    assert rows(site, acquisition)[0].sha256 == hashlib.sha256(b"abcdef").hexdigest()


def test_an_empty_file_is_a_file(site, sender):
    sender.send(b"", name=b"empty.txt")
    site.casework.archive.accession_waiting(now=site.casework.at)
    assert original(site) == b""


def test_a_given_up_file_leaves_no_bytes_and_a_received_one_stays(site, sender):
    where = sender.create(6).headers["Location"]
    sender.append(where, 0, b"abc")
    assert sender.client.delete(where, headers=TUS).status_code == 204
    assert rows(site, upload_piece) == []
    assert sender.client.head(where, headers=TUS).status_code == 404
    kept = sender.send(b"abc")
    assert sender.client.delete(kept, headers=TUS).status_code == 204
    assert sender.offset(kept) == 3
    assert len(rows(site, upload_piece)) == 1


def test_networks_that_pass_only_post_can_send_too(sender):
    where = sender.create(3).headers["Location"]
    answer = sender.client.post(
        where, data=b"abc", headers={**BODY, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    )
    assert answer.status_code == 204
    assert sender.client.post(where, headers={**TUS, "X-HTTP-Method-Override": "GET"}).status_code == 405


def test_a_whole_file_whose_last_call_died_is_received_when_it_is_asked_for(site, sender, monkeypatch):
    where = sender.create(3).headers["Location"]
    with monkeypatch.context() as dying:
        dying.setattr("web.tus._finish", lambda *_: None)
        assert sender.append(where, 0, b"abc").status_code == 204
    assert rows(site, acquisition) == []
    assert sender.offset(where) == 3
    assert len(rows(site, acquisition)) == 1


def test_two_programs_at_one_file_never_mix_their_bytes(site, sender):
    """Both read the same offset; one is a moment later."""
    where = sender.create(4).headers["Location"]
    with site.casework.archive.engine.connect() as connection:
        visit = uploads_visit(site, sender)
        found = uploads.find(connection, visit, where_id(where))
    sender.append(where, 0, b"ab")
    with pytest.raises(uploads.OffsetConflictError), site.casework.archive.engine.begin() as connection:
        uploads.append(connection, visit, found, b"XY", now=site.casework.at)
    assert sender.offset(where) == 2
    sender.append(where, 2, b"cd")
    assert rows(site, acquisition)[0].sha256 == hashlib.sha256(b"abcd").hexdigest()


def uploads_visit(site, sender):
    with site.casework.archive.engine.begin() as connection:
        return resume(connection, sender.path.rsplit("/", 1)[1], LinkKind.UPLOAD, now=site.casework.at)


def where_id(where):
    return UUID(where.rsplit("/", 1)[1])


def test_another_link_can_neither_see_nor_touch_a_file(site, sender):
    where = sender.create(3).headers["Location"]
    other = Sender(site)
    elsewhere = where.replace(sender.path, other.path)
    assert other.client.head(elsewhere, headers=TUS).status_code == 404
    assert other.append(elsewhere, 0, b"abc").status_code == 404
    assert other.client.delete(elsewhere, headers=TUS).status_code == 404


def test_a_revoked_link_takes_in_no_more(site, sender):
    where = sender.create(6).headers["Location"]
    sender.append(where, 0, b"abc")
    with site.casework.archive.engine.begin() as connection:
        revoke(connection, sender.holder.link.id, case_id=sender.case.id, at=site.casework.at, actor="cli:tests")
    assert sender.append(where, 3, b"def").status_code == 404
    assert rows(site, upload)[0].position == 3


def test_a_file_goes_on_in_a_later_visit_by_its_fingerprint_and_by_nobody_elses(site, sender):
    print_ = hashlib.sha256(b"which file").hexdigest()
    where = sender.client.post(
        f"{sender.path}/files", headers={**TUS, "Upload-Length": "6", "Upload-Metadata": f"fingerprint {b64(print_)}"}
    ).headers["Location"]
    sender.append(where, 0, b"abc")
    site.casework.later(hours=2)
    assert sender.client.head(where, headers=TUS).status_code == 404  # the visit is over
    sender.path = sender.holder.open()
    again = sender.client.post(f"{sender.path}/unfinished", data={"fingerprint": print_, "size": "6"}).json["url"]
    assert sender.offset(again) == 3
    assert sender.append(again, 3, b"def").status_code == 204
    assert rows(site, acquisition)[0].sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert "abc" not in sender.client.get(sender.path).get_data(as_text=True)
    other = Sender(site)
    for data in ({"fingerprint": print_, "size": "6"}, {"fingerprint": print_, "size": "7"}, {"fingerprint": "x"}, {}):
        assert other.client.post(f"{other.path}/unfinished", data=data).json == {"url": None}


def test_too_large_and_too_much_are_refused_with_a_sentence_that_helps(installation):
    site = make_site(installation, upload_limits=UploadLimits(most_bytes=10, daily_bytes=25, daily_files=3))
    sender = Sender(site)
    large = sender.create(11)
    assert large.status_code == 413
    assert "Ask your officer" in large.get_data(as_text=True)
    for _ in range(2):
        sender.send(b"x" * 10)
    full = sender.create(6)
    assert full.status_code == 429
    assert "tomorrow" in full.get_data(as_text=True)
    assert sender.create(5).status_code == 201
    assert sender.create(0).status_code == 429
    site.casework.later(hours=25)
    sender.path = sender.holder.open()
    assert sender.create(10).status_code == 201


def test_uploads_leave_room_for_texts_in_the_database(installation):
    site = make_site(installation, upload_limits=UploadLimits(waiting_bytes=10))
    sender = Sender(site)
    sender.send(b"x" * 8)
    full = sender.create(3)
    assert full.status_code == 429
    assert "hour" in full.get_data(as_text=True)
    site.casework.archive.accession_waiting(now=site.casework.at)
    assert sender.create(3).status_code == 201


def test_a_one_time_link_ends_when_everything_is_here(site):
    sender = Sender(site, one_time=True)
    sender.send(b"one")
    sender.send(b"two")
    assert sender.client.post(f"{sender.path}/done").headers["Location"] == f"{sender.path}/sent"
    assert sender.create(3).status_code == 410
    assert sender.client.post(f"{sender.path}/done").status_code == 303
    assert sender.client.get(f"{sender.path}/sent").status_code == 200
    assert sender.client.get(sender.holder.address).status_code == 404


def test_a_file_that_broke_off_is_kept_as_far_as_it_came_after_a_week_and_whole_ones_are_finished(
    site, sender, monkeypatch
):
    untouched = sender.create(6).headers["Location"]
    half = sender.create(6).headers["Location"]
    sender.append(half, 0, b"abc")
    with monkeypatch.context() as dying:
        dying.setattr("web.tus._finish", lambda *_: None)
        sender.send(b"whole")
    engine, at = site.casework.archive.engine, site.casework.at
    with engine.connect() as connection:
        assert (
            uploads.left_whole(connection, now=at) == uploads.left_alone(connection, now=at + timedelta(days=6)) == []
        )
    later = at + timedelta(days=8)
    assert uploads.tidy(engine, Receipts(bytes(32)), now=lambda: later) == 2
    assert uploads.tidy(engine, Receipts(bytes(32)), now=lambda: later) == 0
    found = {row.size_bytes: row for row in rows(site, acquisition)}
    assert set(found) == {3, 5}
    assert found[3].id == where_id(half)
    assert found[3].sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (found[3].door["unfinished"], found[3].door["stated_size"]) == (True, 6)
    assert "unfinished" not in found[5].door
    assert sender.client.head(half, headers=TUS).status_code == 404
    assert sender.client.head(untouched, headers=TUS).status_code == 404
    assert {where_id(half), found[5].id} == set(site.casework.archive.accession_waiting(now=later)) | set(
        site.casework.archive.accession_waiting(now=later)
    )
    assert rows(site, upload_piece) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_no_metadata_breaks_the_door(sender, header):
    answer = sender.client.post(
        f"{sender.path}/files", headers={**TUS, "Upload-Length": "1", "Upload-Metadata": header}
    )
    assert answer.status_code in {201, 400}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20))
def test_no_offset_and_no_checksum_breaks_the_door(sender, header):
    where = sender.create(5).headers["Location"]
    assert sender.append(where, header, b"abc").status_code in {204, 400, 409}
    assert sender.append(where, sender.offset(where), b"x", **{"Upload-Checksum": header}).status_code == 400


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_name_is_kept_byte_for_byte(site, sender, name):
    where = sender.send(b"x", name=name)
    with site.casework.archive.engine.connect() as connection:
        door = connection.execute(select(acquisition.c.door).where(acquisition.c.id == where_id(where))).scalar_one()
    assert base64.b64decode(door["filename_base64"]) == name
    assert "\x00" not in door["filename"]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(min_size=1, max_size=200), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_any_cuts_make_the_same_file(site, sender, body, cuts):
    where = sender.create(len(body)).headers["Location"]
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(body)}), len(body)]
    for start, end in itertools.pairwise(places):
        assert sender.append(where, start, body[start:end]).status_code == 204
    with site.casework.archive.engine.connect() as connection:
        query = select(acquisition.c.sha256).where(acquisition.c.id == where_id(where))
        assert connection.execute(query).scalar_one() == hashlib.sha256(body).hexdigest()
        held = select(func.sum(func.octet_length(upload_piece.c.body))).where(
            upload_piece.c.upload_id == where_id(where)
        )
        assert connection.execute(held).scalar_one() == len(body)
