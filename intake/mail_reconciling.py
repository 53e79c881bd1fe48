"""A mailbox against the archive: every mail that the archive has not is fetched and taken in, or named.

Both folders are compared, whole: the one that is watched, and the one that mails are moved to once they are archived.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from archive.accession import Archive
from archive.acquisition import imap_source_id
from archive.completeness import Compared, Gap
from archive.tables import acquisition, mark
from intake.fetching import GAP_MARK, fetch_batch
from intake.imap import Mailbox
from intake.locating import IS_MAIL, MailboxEpoch, known_uids
from intake.mailbox_url import MailboxUrl
from intake.retrieval import Limits, Line, Retrieved, retrieve

AT_ONCE: Final = 500
_NOTHING: Final = (None, -1)


def reconcile_mailbox(
    open_at: Callable[[MailboxUrl], Mailbox],
    url: MailboxUrl,
    archive: Archive,
    *,
    now: Callable[[], datetime],
    put_away: bool = True,
) -> Compared:
    """Compare one folder, whole, and take in what is missing. Safe to repeat, and to run beside watcher and workers.

    Args:
        open_at: Opens a connection to a folder.
        url: The watched folder.
        archive: Where what is missing goes.
        now: The clock.
        put_away: Whether the account's folder of archived mails is compared as well.

    Raises:
        MailboxUnavailableError: The server is away; what was taken in before stays.
        VaultUnavailableError: Likewise the vault.
        RefusedError: The folder or the login is not what the settings say, or the folder was made anew meanwhile.
    """
    began = now()
    with open_at(url) as mailbox:
        epoch, present = _listed(mailbox)
        shelf = mailbox.archived_folder() if put_away else None
    with archive.engine.connect() as connection:
        known = known_uids(connection, epoch, present)
    found = _taken_in(lambda: open_at(url), archive, epoch, [uid for uid in present if uid not in known], now)
    away = _put_away(partial(_read_only, open_at, replace(url, folder=shelf)), archive, now) if shelf else Found()
    total = Found(len(present), len(known) + found.taken, found.taken, found.gaps) + away
    return Compared(
        source=f"mailbox:{url.name}",
        since=None,
        until=began,
        seen=total.seen,
        archived=total.archived,
        taken=total.taken,
        gaps=total.gaps,
        beside={"put_away": away.seen},
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one folder."""

    seen: int = 0
    archived: int = 0
    taken: int = 0
    gaps: tuple[Gap, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(
            self.seen + other.seen, self.archived + other.archived, self.taken + other.taken, self.gaps + other.gaps
        )


def _listed(mailbox: Mailbox) -> tuple[MailboxEpoch, list[int]]:
    folder = mailbox.select()
    return MailboxEpoch(mailbox.url.account, mailbox.url.folder, folder.uidvalidity), mailbox.uids(folder.mails)


def _read_only(open_at: Callable[[MailboxUrl], Mailbox], url: MailboxUrl) -> Mailbox:
    mailbox = open_at(url)
    mailbox.read_only = True
    return mailbox


def _taken_in(
    open_mailbox: Callable[[], Mailbox],
    archive: Archive,
    epoch: MailboxEpoch,
    missing: Sequence[int],
    now: Callable[[], datetime],
) -> Found:
    """Take in these mails; those that are still not known afterwards are gaps."""
    for start in range(0, len(missing), AT_ONCE):
        fetch_batch(open_mailbox, archive, epoch, missing[start : start + AT_ONCE], now=now, reconciled=True)
    with archive.engine.connect() as connection:
        taken = known_uids(connection, epoch, missing)
        gaps = tuple(_gaps(connection, epoch, [uid for uid in missing if uid not in taken]))
    return Found(taken=len(taken), gaps=gaps)


def _put_away(open_shelf: Callable[[], Mailbox], archive: Archive, now: Callable[[], datetime]) -> Found:
    """Compare the folder of archived mails: what somebody moved there that was never archived is taken in.

    Its UIDs are new to us. A mail is known by INTERNALDATE and size, one to one, as moving keeps them (RFC 6851); what
    is not is fetched, and known by its digest.
    """
    with open_shelf() as shelf:
        epoch, uids = _listed(shelf)
        described: dict[int, tuple[datetime | None, int]] = {}
        for start in range(0, len(uids), AT_ONCE):
            described.update(shelf.dates_and_sizes(uids[start : start + AT_ONCE]))
    with archive.engine.connect() as connection:
        known = known_uids(connection, epoch, uids)
        left = _archived_mails(connection, epoch)
    strange = []
    for uid in uids:
        if uid in known:
            continue
        if left[described.get(uid, _NOTHING)] > 0:
            left[described[uid]] -= 1
        else:
            strange.append(uid)
    unknown = list(_of_unknown_bytes(open_shelf, archive, epoch, strange))
    found = _taken_in(open_shelf, archive, epoch, unknown, now)
    return Found(len(uids), len(uids) - len(unknown) + found.taken, found.taken, found.gaps)


def _archived_mails(connection: Connection, epoch: MailboxEpoch) -> Counter[tuple[datetime | None, int]]:
    """How many mails of each INTERNALDATE and size came from the account's other folders."""
    query = select(acquisition.c.delivered_at, acquisition.c.size_bytes).where(
        _of_account(epoch), ~acquisition.c.source_id.startswith(epoch.folder_prefix, autoescape=True)
    )
    return Counter((row.delivered_at, row.size_bytes) for row in connection.execute(query))


def _of_unknown_bytes(
    open_shelf: Callable[[], Mailbox], archive: Archive, epoch: MailboxEpoch, uids: Sequence[int]
) -> Iterator[int]:
    """Which of these mails have bytes that no mail of the account has in the archive, or give none."""
    for start in range(0, len(uids), AT_ONCE):
        some = uids[start : start + AT_ONCE]
        digests: dict[int, str] = {}
        with Line(open_shelf, epoch.uidvalidity) as line:
            for chunk in retrieve(line, some, Limits()):
                for one in chunk:
                    if isinstance(one, Retrieved):
                        digests[one.uid] = hashlib.sha256(one.raw).hexdigest()
        query = select(acquisition.c.sha256).where(
            acquisition.c.sha256 == func.any(list(digests.values())), _of_account(epoch)
        )
        with archive.engine.connect() as connection:
            held = set(connection.execute(query).scalars())
        yield from (uid for uid in some if digests.get(uid) not in held)


def _of_account(epoch: MailboxEpoch) -> ColumnElement[bool]:
    account = imap_source_id(epoch.account, "", 0, 0).removesuffix("/0/0")
    return IS_MAIL & acquisition.c.source_id.startswith(account, autoescape=True)


def _gaps(connection: Connection, epoch: MailboxEpoch, uids: Sequence[int]) -> Iterator[Gap]:
    """Why these mails are not here, by what fetching them just now left behind."""
    sources = [epoch.source_id(uid) for uid in uids]
    names = [f"{GAP_MARK}{source_id}" for source_id in sources]
    query = select(mark.c.name, mark.c.value).where(mark.c.name == func.any(names))
    noted = {row.name: row.value for row in connection.execute(query)} if names else {}
    for name, source_id in zip(names, sources, strict=True):
        because = noted.get(name, {}).get("because")
        if because is None:
            yield Gap(source_id, "the folder listed it, and had it no more when it was asked for")
        else:
            yield Gap(source_id, because, explained=_is_servers_word(because))


def _is_servers_word(because: str) -> bool:
    """Whether the server itself said that it has nothing to give, or the mail is beyond what is taken.

    A lost connection or bytes that change each time explain nothing: there is a mail, and it is not here.
    """
    return because.startswith(("the server said NO", "the server has no body")) or "bytes, more than" in because
