"""One exhibit: its text first, what was reported and what was observed kept apart, and its original to download.

Nothing of it is ever sent in a form that a browser would render or run: originals and parts leave as files with names
of our own, and text is text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, render_template
from sqlalchemy import Connection, Row, select

from archive.alerts import raise_alert
from archive.case import Case
from archive.custody import Action, exhibit_stream
from archive.errors import DigestMismatchError, IntegrityFault
from archive.exhibit import ExhibitRef
from archive.tables import acquisition, exhibit
from intake.exports import outcome_of
from intake.reading import PartMismatchError, part_bytes
from replies.follow_ups import offered_words
from timeline.continuity import exhibit_entries
from timeline.event import TimelineEvent
from timeline.events import events_of
from timeline.readings import current
from web.access import Right, case_or_404, may, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look

# A larger original is streamed: it is checked as it goes, and never whole in memory.
WHOLE_BYTES = 16 * 1024 * 1024
EXPORT_KINDS = {
    "sms": "Texts",
    "mms": "Picture messages",
    "call": "Calls",
    "mail": "Mails",
    "chat": "Messages of a chat",
    "file of a chat": "Files of a chat",
    "system line": "Lines of WhatsApp itself, which are no messages",
}
DOWNLOAD_POLICY = "sandbox; default-src 'none'"


@dataclass(frozen=True, slots=True)
class Held:
    """What the archive holds of one exhibit, beyond what the timeline shows."""

    id: UUID
    reference: str | None
    vault_key: str
    vault_version: str
    sha256: str
    sha512: str
    source_id: str
    sender: str | None
    archived_at: datetime
    retain_until: datetime
    media_type: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """A name of our own for downloads: reference and start of the digest, never a sender's words."""
        name = self.reference.replace("/", "-") if self.reference else str(self.id)
        return f"{name}_{self.sha256[:8]}"


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/exhibits/<id>`, its original, its parts."""

    @blueprint.get("/cases/<slug>/exhibits/<uuid:exhibit_id>")
    @requires(Right.SEE_CASE, in_case=True)
    def show_exhibit(slug: str, exhibit_id: UUID) -> str:
        """Everything known of one exhibit."""
        with web.engine.begin() as connection:
            case, held = held_or_404(connection, slug, exhibit_id)
            event = _event_of(connection, case, exhibit_id)
            entries = exhibit_entries(connection, exhibit_id)
            names = emails_of(connection)
            offered = offered_words(connection, exhibit_id)
            taken_apart = outcome_of(connection, exhibit_id)
            look(connection, web, Action.EXHIBIT_VIEWED, case, exhibit_id)
        return render_template(
            "officer/exhibit.html",
            offered=offered,
            taken_apart=taken_apart,
            export_kinds=EXPORT_KINDS,
            may_work=may(signed_in(), Right.WORK_ON_CASE),
            officer=signed_in(),
            case=case,
            held=held,
            event=event,
            entries=entries,
            names=names,
        )

    @blueprint.get("/cases/<slug>/exhibits/<uuid:exhibit_id>/original")
    @requires(Right.SEE_CASE, in_case=True)
    def download_original(slug: str, exhibit_id: UUID) -> Response:
        """The bytes as received, checked against the digest recorded at receipt."""
        with web.engine.begin() as connection:
            case, held = held_or_404(connection, slug, exhibit_id)
            look(connection, web, Action.EXHIBIT_DOWNLOADED, case, exhibit_id, part="original")
        if held.size_bytes <= WHOLE_BYTES:
            return download(read(web, held), f"{held.file_name}.bin")
        answer = download(_checked(web, held), f"{held.file_name}.bin")
        answer.content_length = held.size_bytes
        return answer

    @blueprint.get("/cases/<slug>/exhibits/<uuid:exhibit_id>/parts/<int:index>")
    @requires(Right.SEE_CASE, in_case=True)
    def download_part(slug: str, exhibit_id: UUID, index: int) -> Response:
        """One attachment, as the slice of the original that it is."""
        with web.engine.begin() as connection:
            case, held = held_or_404(connection, slug, exhibit_id)
            found = current(connection, exhibit_id)
            parts = [part for part in found.attachments if part.index == index] if found else []
            if not parts:
                abort(404)
            look(connection, web, Action.EXHIBIT_DOWNLOADED, case, exhibit_id, part=index, sha256=parts[0].sha256)
        try:
            body = part_bytes(read(web, held), parts[0])
        except PartMismatchError as error:
            raise fault(web, held, IntegrityFault(str(error))) from error
        return download(body, f"{held.file_name}_part{index}_{parts[0].sha256[:8]}.bin")


def download(body: bytes | Iterable[bytes], name: str) -> Response:
    """Bytes of others, as a file that no browser opens by itself.

    Args:
        body: The bytes.
        name: A name made by us: ASCII letters, digits, `-`, `_` and `.` alone.
    """
    answer = Response(body, content_type="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Content-Security-Policy"] = DOWNLOAD_POLICY
    return answer


def held_or_404(
    connection: Connection, slug: str, exhibit_id: UUID, right: Right = Right.SEE_CASE
) -> tuple[Case, Held]:
    """An exhibit of a case on which the officer has this right; else 404."""
    case = case_or_404(connection, slug, right)
    query = (
        select(
            exhibit,
            acquisition.c.sha256,
            acquisition.c.sha512,
            acquisition.c.source_id,
            acquisition.c.sender,
            acquisition.c.media_type,
            acquisition.c.size_bytes,
        )
        .join(acquisition, acquisition.c.id == exhibit.c.id)
        .where(exhibit.c.id == exhibit_id, exhibit.c.case_id == case.id)
    )
    row = connection.execute(query).first()
    if row is None:
        abort(404)
    return case, _held(row)


def _held(row: Row[Any]) -> Held:
    reference = ExhibitRef.of(row.initials, row.number)
    return Held(
        id=row.id,
        reference=str(reference) if reference else None,
        vault_key=row.vault_key,
        vault_version=row.vault_version,
        sha256=row.sha256,
        sha512=row.sha512,
        source_id=row.source_id,
        sender=row.sender,
        archived_at=row.archived_at,
        retain_until=row.retain_until,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
    )


def _event_of(connection: Connection, case: Case, exhibit_id: UUID) -> TimelineEvent:
    (event,) = events_of(connection, case.id, exhibit.c.id == exhibit_id)
    return event


def look(connection: Connection, web: Web, action: Action, case: Case, exhibit_id: UUID, **facts: Any) -> None:
    """Enter a look at an exhibit in the ledger, in the transaction that finds what is shown."""
    record_look(connection, action, exhibit_stream(exhibit_id), at=web.now(), case_id=str(case.id), **facts)


def read(web: Web, held: Held) -> bytes:
    """The original, checked; for those that fit into memory.

    Raises:
        IntegrityFault: It is not what was received; an alert was left.
    """
    try:
        return web.vault.read(held.vault_key, held.vault_version, sha256=held.sha256)
    except IntegrityFault as error:
        raise fault(web, held, error) from error


def _checked(web: Web, held: Held) -> Iterator[bytes]:
    """The original as it comes out of the vault; a wrong digest breaks the download off before its last piece."""
    running, kept = hashlib.sha256(), b""
    for piece in web.vault.stream(held.vault_key, held.vault_version):
        running.update(piece)
        if kept:
            yield kept
        kept = piece
    if running.hexdigest() != held.sha256:
        raise fault(web, held, DigestMismatchError(held.vault_key, held.sha256, running.hexdigest()))
    yield kept


def fault(web: Web, held: Held, error: IntegrityFault) -> IntegrityFault:
    """Leave an alert: evidence is not what was recorded, and somebody must look."""
    with web.engine.begin() as connection:
        raise_alert(connection, "fault", at=web.now(), acquisition_id=held.id, text=str(error))
    return error
