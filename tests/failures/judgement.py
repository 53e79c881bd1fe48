"""What a run must have come to, as a pure function of what was seen: each sentence of it is one thing that went wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Alerts that say what a person must look at, and that no kill may cause.
FORBIDDEN_ALERTS = frozenset({"fault", "other_bytes", "parked", "audit", "offender_enrolled", "ambiguous_sender"})
DOUBTFUL_ENDS = frozenset({"unknown", "attempting"})
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Held:
    """One item of the archive.

    Attributes:
        channel: By which door it came.
        source_id: The door's own name for it.
        recorded: The digest in its row.
        read: The digest of what the vault gave back.
        content: Likewise, for a mail without what its server wrote above it.
        versions: How many versions the vault has under its key.
        reconciled: Whether it was fetched from Twilio's list, as a document.
    """

    channel: str
    source_id: str
    recorded: str
    read: str
    content: str
    versions: int = 1
    reconciled: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as its row has it: its state, whom it is for, and by what name the carrier knows it."""

    id: str
    to: str
    state: str
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outbound:
    """One answer that left: the carrier's name for it, and whom it reached."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was seen of a run.

    Attributes:
        thanked: Texts the door answered 200 to: MessageSid to the digest of the body.
        texts: Every text Twilio has: MessageSid.
        media: Every picture Twilio has: MessageSid/MediaSid to its digest.
        mails: Content digests of mails that were taken; `doubtful`: whose sender heard nothing.
        mailbox: Content digests of what lies in the mailbox's folders at the end.
        inbox: How many of them still lie in the inbox.
        held: The archive.
        strays: Keys under which the vault has originals that no row knows.
        unfinished: What never came to its end, and how many of each.
        ledger: What is wrong with the ledger, in sentences; `audit`, `package`, `reconcile` likewise.
        replies: Every planned answer; `outbound`: every one that left.
        never: Numbers and addresses that must never be answered.
        alerts: Kinds of alerts that were raised.
        refused: Statuses the door gave to good texts that are neither 200 nor "try again".
    """

    thanked: Mapping[str, str] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    media: Mapping[str, str] = field(default_factory=dict)
    mails: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()
    mailbox: frozenset[str] = frozenset()
    inbox: int = 0
    held: Sequence[Held] = ()
    strays: Sequence[str] = ()
    unfinished: Mapping[str, int] = field(default_factory=dict)
    ledger: Sequence[str] = ()
    audit: Sequence[str] = ()
    package: Sequence[str] = ()
    reconcile: Sequence[str] = ()
    replies: Sequence[Reply] = ()
    outbound: Sequence[Outbound] = ()
    never: frozenset[str] = frozenset()
    alerts: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[int, int] = field(default_factory=dict)


def judge(seen: Seen) -> list[str]:
    """What went wrong; nothing where every promise was kept."""
    return [sentence for look in (_bytes, _texts, _mails, _answers, _rest) for sentence in look(seen)]


def _bytes(seen: Seen) -> Iterator[str]:
    for held in seen.held:
        if held.read != held.recorded:
            yield f"{held.channel} {held.source_id} is not in the vault with the bytes its row tells"
        if held.versions != 1:
            yield f"{held.channel} {held.source_id} has {held.versions} versions in the vault"
    yield from _some("in the vault, known to no row", seen.strays)


def _texts(seen: Seen) -> Iterator[str]:
    held = [each for each in seen.held if each.channel == "sms"]
    known = {each.source_id: each for each in held}
    wanted = {*seen.texts, *seen.thanked, *seen.media}
    yield from _some("texts or pictures lost", wanted - known.keys())
    yield from _some("texts or pictures nobody sent, or a second time", known.keys() - wanted)
    yield from _some(
        "source ids twice in the archive", [one for one, n in Counter(e.source_id for e in held).items() if n > 1]
    )
    for name, digest in {**seen.thanked, **seen.media}.items():
        if name in known and known[name].recorded != digest and not known[name].reconciled:
            yield f"{name} was archived with other bytes than came"
    yield from (f"a good text was refused with {status}, {n} times" for status, n in seen.refused.items())


def _mails(seen: Seen) -> Iterator[str]:
    archived = Counter(each.content for each in seen.held if each.channel == "email")
    yield from _some("mails lost", (seen.mails | seen.mailbox) - archived.keys())
    yield from _some("mails archived more than once", [one for one, n in archived.items() if n > 1])
    yield from _some("mails altered, or sent by nobody", archived.keys() - seen.mails - seen.doubtful)
    yield from _some("mails gone from the mailbox", archived.keys() - seen.mailbox)
    if seen.inbox:
        yield f"{seen.inbox} mails still lie in the inbox"


def _answers(seen: Seen) -> Iterator[str]:
    times = Counter(each.name for each in seen.outbound)
    sent = {each.provider_id for each in seen.replies if each.state == "sent"}
    yield from _some("answers sent twice", [name for name, n in times.items() if n > 1])
    yield from _some("answers recorded as sent that never left", sent - times.keys())
    # One whose end nobody knows may have left, once; nothing else may have left without a record.
    unknown = Counter(each.to for each in seen.replies if each.state in DOUBTFUL_ENDS)
    unrecorded = Counter(each.to for each in seen.outbound if each.name not in sent)
    for to, many in unrecorded.items():
        if many > unknown[to]:
            yield f"{many} answers left for the contact ending {to[-4:]} without a record, where {unknown[to]} may have"
    yield from _some("answered who must never be", {each.to for each in seen.outbound} & seen.never)


def _rest(seen: Seen) -> Iterator[str]:
    yield from (f"{many} never came to the end of: {what}" for what, many in seen.unfinished.items() if many)
    for place in ("ledger", "audit", "package", "reconcile"):
        yield from (f"{place}: {sentence}" for sentence in getattr(seen, place))
    yield from (f"{many} alerts: {kind}" for kind, many in seen.alerts.items() if kind in FORBIDDEN_ALERTS)


def _some(what: str, found) -> Iterator[str]:
    """One sentence for many of a kind, with the first of them."""
    if names := sorted(found):
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{what}: {', '.join(names[:SHOWN])}{more}"
