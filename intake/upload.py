"""Uploads: files that come in by a personal link, in pieces, and are received once the last byte is committed.

    begin → append … append → finish
                           ↘ keep_part, where no more came for a week

Offset and bytes are committed together, so a file goes on exactly where it stopped, whatever died, and at whichever web
process. `finish` computes the digests over what lies in the database: the acquisition is committed before anybody is
thanked. Nothing here knows of HTTP, and nobody here is told what may come in: types are never refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Row, Select, func, insert, select, text, update

from archive.accession import Belonging, receive_large
from archive.acquisition import Channel, LargeAcquisition, acquisition_id, rendered, upload_source_id
from archive.pieces import add_piece, digests_of, let_go
from archive.tables import acquisition, link, upload
from archive.visit import Visit
from intake.errors import OffsetConflictError, OverQuotaError, TooLargeError, UnknownUploadError
from intake.reading.model import displayable
from intake.receipts import Receipts
from intake.upload_model import FileFacts, Received, Upload, UploadLimits

KEPT_FOR: Final = timedelta(days=7)
"""How long an unfinished file waits for its other bytes after the last ones; then it is received as far as it came."""
IN_FLIGHT: Final = timedelta(minutes=5)
"""How long the call that took the last byte is given to record the receipt itself."""
DAY: Final = timedelta(days=1)
MOST_PIECES: Final = 20_000
"""In one file: whoever sends it byte by byte must not fill the table."""
UNTYPED: Final = "application/octet-stream"
MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
# One at a time for each link: numbers and quotas are counted under it. Any constant of ours, for the first half.
_LOCK_LINK: Final = text("SELECT pg_advisory_xact_lock(0x75706c6f, hashtext(:link))")

log = structlog.get_logger()


def begin(
    connection: Connection,
    visit: Visit,
    file: FileFacts,
    *,
    limits: UploadLimits,
    now: datetime,
    way: str = "tus",
    parent_id: UUID | None = None,
) -> Upload:
    """Make a place for a file; `parent_id` names the entry it belongs to, which may not be sent yet.

    Raises:
        TooLargeError: It is larger than may come in.
        OverQuotaError: Too much came in by this link today, or too much waits for the vault.
    """
    if file.size_bytes > limits.most_bytes:
        raise TooLargeError(file.size_bytes, limits.most_bytes)
    connection.execute(_LOCK_LINK, {"link": str(visit.link.id)})
    _require_room(connection, visit.link.id, file.size_bytes, limits, now)
    latest = select(func.coalesce(func.max(upload.c.number), 0)).where(upload.c.link_id == visit.link.id)
    number = connection.execute(latest).scalar_one() + 1
    values = {
        "id": acquisition_id(Channel.UPLOAD, upload_source_id(visit.link.id, number)),
        "link_id": visit.link.id,
        "number": number,
        "session_sha256": visit.session_sha256,
        "way": way,
        "name": displayable(file.name.decode("utf-8", "replace")),
        "name_base64": base64.b64encode(file.name).decode(),
        "declared_type": displayable(file.declared_type),
        "fingerprint": file.fingerprint,
        "size_bytes": file.size_bytes,
        "position": 0,
        "pieces": 0,
        "began_at": now,
        "seen_at": now,
        "parent_id": parent_id,
    }
    return _upload(connection.execute(insert(upload).values(values).returning(upload)).one())


def _require_room(connection: Connection, link_id: UUID, size: int, limits: UploadLimits, now: datetime) -> None:
    today = (upload.c.link_id == link_id) & (upload.c.began_at > now - DAY) & upload.c.given_up_at.is_(None)
    total = func.coalesce(func.sum(upload.c.size_bytes), 0)
    files, daily = connection.execute(select(func.count(), total).where(today)).one()
    if files >= limits.daily_files or daily + size > limits.daily_bytes:
        raise OverQuotaError("link")
    held = select(func.coalesce(func.sum(upload.c.position), 0)).where(upload.c.let_go_at.is_(None))
    waiting = connection.execute(held).scalar_one()
    if waiting + size > limits.waiting_bytes:
        raise OverQuotaError("house")


def find(connection: Connection, visit: Visit, upload_id: UUID) -> Upload:
    """A file that this link sends.

    Raises:
        UnknownUploadError: There is none, it is another link's, or it was given up.
    """
    mine = (upload.c.id == upload_id) & (upload.c.link_id == visit.link.id) & upload.c.given_up_at.is_(None)
    row = connection.execute(select(upload).where(mine)).first()
    if row is None:
        raise UnknownUploadError(str(upload_id))
    return _upload(row)


def unfinished(connection: Connection, visit: Visit, fingerprint: str, size_bytes: int) -> Upload | None:
    """The file with this fingerprint that the link began to send and did not end: it goes on in this visit."""
    mine = (
        (upload.c.link_id == visit.link.id)
        & (upload.c.fingerprint == fingerprint)
        & (upload.c.size_bytes == size_bytes)
        & upload.c.finished_at.is_(None)
        & upload.c.given_up_at.is_(None)
    )
    row = connection.execute(select(upload).where(mine).order_by(upload.c.number.desc()).limit(1)).first()
    return _upload(row) if row else None


def append(connection: Connection, visit: Visit, found: Upload, body: bytes, *, now: datetime) -> Upload:
    """Keep the next bytes of a file, if nobody was quicker.

    Raises:
        OffsetConflictError: The file does not stand where these bytes begin, or they are more than it has.
    """
    changed = connection.execute(
        update(upload)
        .where(
            upload.c.id == found.id,
            upload.c.position == found.position,
            upload.c.size_bytes >= found.position + len(body),
            upload.c.pieces < MOST_PIECES,
            upload.c.finished_at.is_(None),
            upload.c.given_up_at.is_(None),
        )
        .values(
            position=upload.c.position + len(body),
            pieces=upload.c.pieces + 1,
            seen_at=now,
            session_sha256=visit.session_sha256,
        )
        .returning(upload)
    ).first()
    if changed is None:
        raise OffsetConflictError(str(found.id), found.position)
    add_piece(connection, found.id, found.position, body)
    return _upload(changed)


def finish(
    connection: Connection, upload_id: UUID, receipts: Receipts, *, now: datetime, visit: Visit | None = None
) -> Received:
    """Record the receipt of a whole file, with the digests of what lies in the database. Safe to repeat.

    Args:
        connection: In the caller's transaction: once committed, the file is received.
        upload_id: The file.
        receipts: Makes its receipt code.
        now: Our clock.
        visit: The visit that sent the last of it, which is told; None where nobody waits for the answer.

    Raises:
        OffsetConflictError: Bytes of it are missing.
        IntegrityFault: A piece is not what came in.
    """
    row = _locked(connection, upload_id)
    if row.position != row.size_bytes:
        raise OffsetConflictError(str(upload_id), row.position)
    if row.finished_at is None:
        item = _acquisition(connection, row, now)
        receive_large(connection, item, _belonging(row))
        values = {"finished_at": now, "receipt_sha256": receipts.digest(receipts.code(item.id, item.sha256))}
        told = {"session_sha256": visit.session_sha256} if visit else {}
        connection.execute(update(upload).where(upload.c.id == row.id).values(values | told))
    return _told(connection.execute(_received().where(upload.c.id == upload_id)).one(), receipts)


def keep_part(connection: Connection, upload_id: UUID, *, now: datetime) -> bool:
    """Receive an unfinished file as far as it came: half of a film is evidence too. Its place takes no more bytes.

    Returns:
        Whether anything of it was there.

    Raises:
        IntegrityFault: A piece is not what came in.
    """
    row = _locked(connection, upload_id)
    if row.finished_at or row.given_up_at or row.position == row.size_bytes:
        return False
    if not row.position:
        give_up(connection, upload_id, at=now)
        return False
    receive_large(connection, _acquisition(connection, row, now), _belonging(row))
    # Given up as well: who comes back for it begins anew, and the whole file is another item.
    values = {"finished_at": now, "given_up_at": now}
    connection.execute(update(upload).where(upload.c.id == row.id).values(values))
    return True


def _locked(connection: Connection, upload_id: UUID) -> Row[Any]:
    query = select(upload, link.c.case_id, link.c.contributor_id).join(link, link.c.id == upload.c.link_id)
    return connection.execute(query.where(upload.c.id == upload_id).with_for_update(of=upload)).one()


def _belonging(row: Row[Any]) -> Belonging:
    return Belonging(parent_id=row.parent_id, case_id=row.case_id, contributor_id=row.contributor_id)


def _acquisition(connection: Connection, row: Row[Any], now: datetime) -> LargeAcquisition:
    digests = digests_of(connection, row.id, row.position)
    return LargeAcquisition(
        id=row.id,
        sha256=digests.sha256,
        sha512=digests.sha512,
        size_bytes=row.position,
        channel=Channel.UPLOAD,
        source_id=upload_source_id(row.link_id, row.number),
        received_at=now,
        media_type=media_type_of(row.declared_type),
        door={
            "filename": row.name,
            # A name is bytes: what can be shown of it may not be what was sent.
            "filename_base64": row.name_base64,
            "declared_type": row.declared_type,
            "link": str(row.link_id),
            "way": row.way,
            "began_at": rendered(row.began_at),
            "pieces": row.pieces,
            **({"unfinished": True, "stated_size": row.size_bytes} if row.position < row.size_bytes else {}),
        },
    )


def media_type_of(declared: str) -> str:
    """A declared type as an acquisition keeps it: what is none is `application/octet-stream`."""
    found = declared.partition(";")[0].strip().lower()
    return found if MEDIA_TYPE.fullmatch(found) else UNTYPED


def received_in(connection: Connection, visit: Visit, receipts: Receipts) -> list[Received]:
    """The files that were received in one visit, in the order in which they began. No other visit is shown them."""
    mine = upload.c.session_sha256 == visit.session_sha256
    return [_told(row, receipts) for row in connection.execute(_received().where(mine).order_by(upload.c.number))]


def give_up(connection: Connection, upload_id: UUID, *, at: datetime) -> None:
    """Let go of a file that will not be finished; one that was received stays."""
    open_still = (upload.c.id == upload_id) & upload.c.finished_at.is_(None) & upload.c.given_up_at.is_(None)
    if connection.execute(update(upload).where(open_still).values(given_up_at=at)).rowcount:
        let_go(connection, upload_id, at=at)


def left_whole(connection: Connection, *, now: datetime) -> list[UUID]:
    """Files whose every byte is here but whose last call died before the receipt: they can be finished."""
    query = select(upload.c.id).where(upload.c.let_go_at.is_(None), upload.c.finished_at.is_(None))
    whole = query.where(upload.c.seen_at < now - IN_FLIGHT, upload.c.position == upload.c.size_bytes)
    return list(connection.execute(whole).scalars())


def left_alone(connection: Connection, *, now: datetime) -> list[UUID]:
    """Unfinished files that nothing more came of for `KEPT_FOR`."""
    query = select(upload.c.id).where(upload.c.let_go_at.is_(None), upload.c.finished_at.is_(None))
    late = query.where(upload.c.seen_at < now - KEPT_FOR, upload.c.position < upload.c.size_bytes)
    return list(connection.execute(late).scalars())


def _received() -> Select[Any]:
    facts = (acquisition.c.sha256, acquisition.c.received_at)
    return select(upload, *facts).join(acquisition, acquisition.c.id == upload.c.id)


def _told(row: Row[Any], receipts: Receipts) -> Received:
    code = receipts.code(row.id, row.sha256)
    return Received(row.id, row.name, row.size_bytes, row.sha256, row.received_at, code)


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        position=row.position,
        size_bytes=row.size_bytes,
        name=row.name,
        name_base64=row.name_base64,
        declared_type=row.declared_type,
        ends_at=row.seen_at + KEPT_FOR,
        finished_at=row.finished_at,
    )


def tidy(engine: Engine, receipts: Receipts, *, now: Callable[[], datetime]) -> int:
    """Finish whole files that nobody came back for, and keep what there is of those that broke off. Safe to repeat.

    Returns:
        How many were received by this.
    """
    with engine.connect() as connection:
        whole, alone = left_whole(connection, now=now()), left_alone(connection, now=now())
    for upload_id in whole:
        with engine.begin() as connection:
            finish(connection, upload_id, receipts, now=now())
    parts = 0
    for upload_id in alone:
        with engine.begin() as connection:
            parts += keep_part(connection, upload_id, now=now())
    if whole or alone:
        log.info("uploads.tidied", finished=len(whole), parts=parts, given_up=len(alone) - parts)
    return len(whole) + parts
