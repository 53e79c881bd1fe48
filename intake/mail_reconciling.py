"""A watched folder against the archive: every mail in it that the archive has not is fetched and taken in, or named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from archive.accession import Archive
from archive.completeness import Compared, Gap
from archive.tables import mark
from intake.fetching import GAP_MARK, fetch_batch
from intake.imap import Mailbox
from intake.locating import MailboxEpoch, known_uids

AT_ONCE: Final = 500


def reconcile_mailbox(
    open_mailbox: Callable[[], Mailbox], archive: Archive, *, now: Callable[[], datetime]
) -> Compared:
    """Compare one folder, whole, and take in what is missing. Safe to repeat, and to run beside watcher and workers.

    Raises:
        MailboxUnavailableError: The server is away; what was taken in before stays.
        VaultUnavailableError: Likewise the vault.
        RefusedError: The folder or the login is not what the settings say, or the folder was made anew meanwhile.
    """
    began = now()
    with open_mailbox() as mailbox:
        folder = mailbox.select()
        epoch = MailboxEpoch(mailbox.url.account, mailbox.url.folder, folder.uidvalidity)
        present = mailbox.uids(folder.mails)
    with archive.engine.connect() as connection:
        known = known_uids(connection, epoch, present)
    missing = [uid for uid in present if uid not in known]
    for start in range(0, len(missing), AT_ONCE):
        fetch_batch(open_mailbox, archive, epoch, missing[start : start + AT_ONCE], now=now)
    with archive.engine.connect() as connection:
        taken = known_uids(connection, epoch, missing)
        gaps = tuple(_gaps(connection, epoch, [uid for uid in missing if uid not in taken]))
    return Compared(
        source=f"mailbox:{epoch.account}/{epoch.mailbox}",
        since=None,
        until=began,
        seen=len(present),
        archived=len(known) + len(taken),
        taken=len(taken),
        gaps=gaps,
    )


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
