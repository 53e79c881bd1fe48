"""Fetch a batch of announced mails: bytes into the vault, rows and custody entries after, then out of the folder.

Order of one batch, each step safe to repeat after a crash before, in or after it:

1. fetch bytes; 2. recognise mails known under other UIDs; 3. archive the rest (vault, then rows);
4. move what is archived to `Archived`, or mark it.

A mail stays in its folder until step 4, and step 4 takes only mails whose very bytes, fetched in this run, are in the
archive. So a crash repeats a fetch, never loses a mail, and never makes a second acquisition: the source id is the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import Connection, func, update

from archive.accession import Archive, Belonging
from archive.acquisition import Acquisition, Channel, rendered
from archive.alerts import raise_alert
from archive.alias import aliases_tagged
from archive.errors import IntegrityFault
from archive.marks import count, get_mark, set_mark
from archive.tables import mark
from intake.errors import MailboxUnavailableError, OtherMailboxError
from intake.imap import Mailbox
from intake.locating import MailboxEpoch, locate, located, seen_elsewhere
from intake.mail_sender import mail_sender
from intake.recipients import alias_tags
from intake.retrieval import Gap, Limits, Line, Retrieved, retrieve

MEDIA_TYPE = "message/rfc822"
GAP_MARK = "mailbox.gap:"
USUAL_LIMITS = Limits()

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """What became of a batch.

    Attributes:
        archived: Ids of exhibits whose bytes were fetched now and are in the archive; some may have been before.
        located: Acquisitions of which a mail of this batch is a further location.
        gaps: UIDs that the server lists and does not give.
        faults: How many stay in the folder because the vault holds something else; each left an alert.
        put_away: How many were moved or marked.
    """

    archived: tuple[UUID, ...] = ()
    located: tuple[UUID, ...] = ()
    gaps: tuple[int, ...] = ()
    faults: int = 0
    put_away: int = 0

    def __add__(self, other: FetchedBatch) -> FetchedBatch:
        return FetchedBatch(
            self.archived + other.archived,
            self.located + other.located,
            self.gaps + other.gaps,
            self.faults + other.faults,
            self.put_away + other.put_away,
        )


def fetch_batch(
    open_mailbox: Callable[[], Mailbox],
    archive: Archive,
    epoch: MailboxEpoch,
    uids: Sequence[int],
    *,
    now: Callable[[], datetime],
    limits: Limits = USUAL_LIMITS,
    reconciled: bool = False,
) -> FetchedBatch:
    """Archive these mails and put them away. Safe to run twice, at once, or after a crash half-way.

    Args:
        open_mailbox: Opens a connection to the epoch's folder.
        archive: Where the bytes go.
        epoch: The folder, and the UIDVALIDITY under which the UIDs were announced.
        uids: Which mails; those that are gone from the folder are passed over.
        now: The clock.
        limits: How much to ask for at once.
        reconciled: The watcher had not found them: the facts of receipt say so (`channel_of_receipt: reconciled`).

    Raises:
        MailboxUnavailableError: The server is away; repeat.
        OtherMailboxError: The connection is to another folder or account.
        UidValidityChangedError: The UIDs mean nothing any more: the watcher announces others.
        VaultUnavailableError: Nothing of the chunk at hand is recorded; repeat.
    """
    done = FetchedBatch()
    more = {"channel_of_receipt": "reconciled"} if reconciled else {}
    with Line(partial(_opened, open_mailbox, epoch), epoch.uidvalidity) as line:
        for chunk in retrieve(line, uids, limits):
            mails = [one for one in chunk if isinstance(one, Retrieved)]
            gaps = [one for one in chunk if isinstance(one, Gap)]
            settled, outcome = _archive(archive, epoch, mails, now(), more)
            _note_gaps(archive, epoch, gaps, settled, now())
            put_away = _put_away(line, settled)
            done += outcome + FetchedBatch(gaps=tuple(gap.uid for gap in gaps), put_away=put_away)
    log.info("mailbox.fetched", archived=len(done.archived), located=len(done.located), gaps=len(done.gaps))
    return done


def _opened(open_mailbox: Callable[[], Mailbox], epoch: MailboxEpoch) -> Mailbox:
    """A connection to the epoch's folder: an announcement may be older than the settings."""
    mailbox = open_mailbox()
    url = mailbox.url
    if (url.account, url.folder) != (epoch.account, epoch.mailbox):
        mailbox.close()
        raise OtherMailboxError(f"{epoch.account}/{epoch.mailbox}", f"{url.account}/{url.folder}")
    return mailbox


def _archive(
    archive: Archive, epoch: MailboxEpoch, mails: Sequence[Retrieved], at: datetime, more: Mapping[str, str]
) -> tuple[list[int], FetchedBatch]:
    """Put mails into the archive, those it does not know from another epoch.

    Returns:
        The UIDs whose bytes are in the archive now, and what became of the mails.
    """
    if not mails:
        return [], FetchedBatch()
    # In one order everywhere: workers that wait for one another's contents must not wait in a circle.
    received = ((_acquisition(epoch, mail, at, more), mail.uid) for mail in mails)
    items = sorted(received, key=lambda pair: pair[0].sha256)
    with archive.engine.begin() as connection:
        elsewhere = located(connection, [item for item, _ in items])
        for item in seen_elsewhere(connection, epoch, [item for item, _ in items if item.id not in elsewhere]):
            if match := locate(connection, epoch, item, at=at):
                elsewhere[item.id] = match
        belongings = _belongings(connection, [item for item, _ in items if item.id not in elsewhere])
    todo = sorted(((item, uid) for item, uid in items if item.id not in elsewhere), key=lambda pair: pair[1])
    answers = archive.accession_now([(item, belongings[item.id]) for item, _ in todo], now=at)
    kept = [(uid, answer) for (_, uid), answer in zip(todo, answers, strict=True) if isinstance(answer, UUID)]
    settled = [uid for uid, _ in kept] + [uid for item, uid in items if item.id in elsewhere]
    return sorted(settled), FetchedBatch(
        archived=tuple(answer for _, answer in kept),
        located=tuple(elsewhere.values()),
        faults=sum(isinstance(answer, IntegrityFault) for answer in answers),
    )


def _belongings(connection: Connection, items: Sequence[Acquisition]) -> dict[UUID, Belonging]:
    """What the header of each says of where it belongs: its sender, and the one alias that it was sent to."""
    tags = {item.id: alias_tags(item.raw) for item in items}
    aliases = aliases_tagged(connection, {tag for found in tags.values() for tag in found})
    belongings = {}
    for item in items:
        found = sorted((aliases[tag] for tag in tags[item.id] if tag in aliases), key=lambda alias: str(alias.id))
        # Aliases of two cases in one mail claim neither.
        claims = {alias.case_id for alias in found}
        alias_id = found[0].id if len(claims) == 1 else None
        belongings[item.id] = Belonging(sender=mail_sender(item.raw), alias_id=alias_id)
    return belongings


def _acquisition(epoch: MailboxEpoch, found: Retrieved, at: datetime, more: Mapping[str, str]) -> Acquisition:
    door = {
        "account": epoch.account,
        "mailbox": epoch.mailbox,
        "uidvalidity": epoch.uidvalidity,
        "uid": found.uid,
        "flags": list(found.mail.flags),
        "internaldate": found.mail.internaldate_text,
        **more,
    }
    if found.stated_size is not None:
        door["stated_size"] = found.stated_size
    return Acquisition.of(
        found.raw,
        channel=Channel.EMAIL,
        source_id=epoch.source_id(found.uid),
        at=at,
        media_type=MEDIA_TYPE,
        delivered_at=found.mail.internaldate,
        door=door,
    )


def _put_away(line: Line, uids: Sequence[int]) -> int:
    """Move or mark mails that are archived; where that fails they are found again at the next look."""
    if not uids:
        return 0
    try:
        mailbox, folder = line.mailbox()
        if folder.writable and mailbox.can_move:
            mailbox.move(uids)
        elif folder.takes_keywords:
            mailbox.mark(uids)
        else:
            return 0
    except MailboxUnavailableError as error:
        log.warning("mailbox.not_put_away", because=str(error), mails=len(uids))
        line.drop()
        return 0
    return len(uids)


def _note_gaps(
    archive: Archive, epoch: MailboxEpoch, gaps: Sequence[Gap], settled: Sequence[int], at: datetime
) -> None:
    """Leave an alert for each mail the server does not give, once; note those that came after all."""
    with archive.engine.begin() as connection:
        for gap in gaps:
            _note_gap(connection, epoch.source_id(gap.uid), gap.because, at)
        names = [f"{GAP_MARK}{epoch.source_id(uid)}" for uid in settled]
        filled = {"filled_at": rendered(at)}
        connection.execute(update(mark).where(mark.c.name == func.any(names)).values(value=filled, at=at))


def _note_gap(connection: Connection, source_id: str, because: str, at: datetime) -> None:
    name = f"{GAP_MARK}{source_id}"
    known = get_mark(connection, name)
    if known is None or "filled_at" in known:
        raise_alert(connection, "mail_gap", at=at, text=f"{source_id} stays in its mailbox: {because}"[:1000])
        count(connection, "mail_gaps")
    set_mark(connection, name, {"because": because[:1000]}, at=at)
