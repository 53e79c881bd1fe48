"""Every source of messages against the archive, and what is stated of each in the ledger.

Each source by itself: one that cannot be asked keeps no other from being stated, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

import structlog
from sqlalchemy import select

from archive.accession import Archive
from archive.alerts import raise_alert
from archive.completeness import Compared, state
from archive.errors import RefusedError, TransientError
from archive.tables import alert
from intake.mail_reconciling import reconcile_mailbox
from intake.mailboxes import Mailboxes
from intake.text_reconciling import IN_FLIGHT, SHORT_FLIGHT, STATED_WINDOW, Reconciled, compared, reconcile_texts
from intake.twilio_api import TwilioApi

ALERT: Final = "completeness_not_compared"
UNKNOWN_SENDER: Final = "texts_sent_by_others"

Clock: TypeAlias = Callable[[], datetime]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stated:
    """A source that was compared, and the entry in which that stands."""

    compared: Compared
    entry_id: int


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A source that could not be asked: nothing is stated of it."""

    source: str
    because: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Where messages come from.

    Attributes:
        texts: The account's REST side; None where no account is set.
        account_sid: Which account.
        mailboxes: The mailboxes that are watched.
    """

    texts: TwilioApi | None
    account_sid: str
    mailboxes: Mailboxes

    def comparisons(
        self, archive: Archive, now: Clock, wait: Callable[[float], None] | None
    ) -> Iterator[tuple[str, Callable[[], Compared]]]:
        """Each source's name, and what compares it."""
        if (api := self.texts) is not None:
            yield (
                f"texts:{self.account_sid}",
                lambda: compare_texts(archive, api, self.account_sid, now=now, wait=wait),
            )
        accounts: set[str] = set()
        for url in self.mailboxes.urls:
            # Two watched folders of one account put mails away into the same place: it is compared with the first.
            first = url.account not in accounts
            accounts.add(url.account)
            yield (
                f"mailbox:{url.name}",
                partial(reconcile_mailbox, self.mailboxes.open, url, archive, now=now, put_away=first),
            )


def reconcile_all(
    archive: Archive, sources: Sources, *, now: Clock, actor: str, wait: Callable[[float], None] | None = None
) -> list[Stated | NotCompared]:
    """Compare every source, take in what is missing, and state what was found.

    Args:
        archive: Where what is missing goes.
        sources: What is compared.
        now: The clock.
        actor: Who states it.
        wait: Waits so many seconds for texts whose webhook may be on its way; None: they are left to it.
    """
    results: list[Stated | NotCompared] = []
    for name, compare in sources.comparisons(archive, now, wait):
        try:
            found = compare()
        except (TransientError, RefusedError) as error:
            log.warning("completeness.not_compared", error=type(error).__name__)
            _warn(archive, ALERT, f"{name} could not be compared with the archive: {error}", now())
            results.append(NotCompared(name, str(error)))
            continue
        with archive.engine.begin() as connection:
            results.append(Stated(found, state(connection, found, at=now(), actor=actor)))
    return results


def compare_texts(
    archive: Archive, api: TwilioApi, account_sid: str, *, now: Clock, wait: Callable[[float], None] | None
) -> Compared:
    """Compare thirty days of Twilio's list, and have what is taken in archived before it is counted.

    Raises:
        As `reconcile_texts`.
    """
    found = _reconciled(archive, api, now, wait)
    try:
        while archive.accession_waiting(now=now()):
            continue
    except TransientError as error:
        log.warning("completeness.vault_waits", error=type(error).__name__)
    if found.unknown_outbound:
        count = len(found.unknown_outbound)
        words = f"{count} texts went out from our number that Holdfast did not send, first {found.unknown_outbound[0]}"
        _warn(archive, UNKNOWN_SENDER, f"{words}: Twilio's own replies to words like STOP, or somebody else.", now())
    with archive.engine.connect() as connection:
        return compared(connection, found, account_sid=account_sid)


def _reconciled(archive: Archive, api: TwilioApi, now: Clock, wait: Callable[[float], None] | None) -> Reconciled:
    in_flight = IN_FLIGHT if wait is None else SHORT_FLIGHT
    found = reconcile_texts(archive.engine, api, now=now, window=STATED_WINDOW, in_flight=in_flight)
    if wait is None or not found.young:
        return found
    wait(SHORT_FLIGHT.total_seconds())
    again = reconcile_texts(archive.engine, api, now=now, window=STATED_WINDOW, in_flight=in_flight)
    return replace(again, taken=found.taken + again.taken, texts_taken=found.texts_taken + again.texts_taken)


def unexplained(results: Sequence[Stated | NotCompared]) -> bool:
    """Whether anything is missing without an explanation, or could not even be looked for."""
    return any(isinstance(each, NotCompared) or each.compared.unexplained for each in results)


def _warn(archive: Archive, kind: str, text: str, at: datetime) -> None:
    """One alert of its kind until somebody has looked."""
    unseen = select(alert.c.id).where(alert.c.kind == kind, alert.c.seen_at.is_(None))
    with archive.engine.begin() as connection:
        if connection.execute(unseen.limit(1)).first() is None:
            raise_alert(connection, kind, at=at, text=text[:1000])
