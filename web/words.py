"""Our own terms as pages say them: the glossary's words for actions, states, doors, grades and times, spelled out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from archive.acquisition import Channel
from archive.custody import Action
from archive.timestamps import Bound
from intake.reading.model import Claimed, Reading, Reported
from timeline.event import ExhibitFacts, TimelineEvent
from web.components import on_screen
from web.visible import visible, visible_line

CHANNELS: Final = {Channel.SMS: "Text", Channel.EMAIL: "E-mail", Channel.UPLOAD: "File", Channel.DIARY: "Diary"}
MANY: Final = {
    Channel.SMS: "texts",
    Channel.EMAIL: "e-mails",
    Channel.UPLOAD: "files",
    Channel.DIARY: "diary entries",
}
RECONCILED: Final = {
    Channel.SMS: "found at Twilio by “reconcile”, not by its webhook",
    Channel.EMAIL: "found in the mailbox by “reconcile”, not by the watch on it",
}
STATES: Final = {
    "received": "received, not archived yet",
    "archived": "archived, not under a signed checkpoint yet",
    "sealed": "sealed: under a signed checkpoint of the ledger",
    "timestamped": "timestamped: a timestamp token covers it",
    "parked": "parked for a person to look at",
}
GRADES: Final = {
    "A": "original with a valid signature",
    "B": "original, no signature verified",
    "C": "structured export",
    "D": "picture",
    "E": "e-mail forwarded inline",
    "F": "forwarded text",
    "W": "own words",
}
ACTIONS: Final = {
    Action.LEDGER_STARTED: "The ledger was started",
    Action.EXHIBIT_ARCHIVED: "Archived",
    Action.EXHIBIT_OBSERVED_AGAIN: "Received again with other bytes",
    Action.EXHIBIT_LOCATED: "Found at a further location",
    Action.EXHIBIT_READ: "Read by the reader",
    Action.EXHIBIT_UNPACKED: "Taken apart into its messages",
    Action.AUTHENTICITY_JUDGED: "Signatures judged",
    Action.AUTHENTICITY_ASKED: "Look-up of its domains asked for",
    Action.EXHIBIT_QUARANTINED: "Put into quarantine",
    Action.EXHIBIT_LEFT_IN_QUARANTINE: "Left in quarantine",
    Action.EXHIBIT_ASSIGNED: "Assigned to the case",
    Action.EXHIBIT_VIEWED: "Exhibit viewed",
    Action.EXHIBIT_DOWNLOADED: "Downloaded",
    Action.ACQUISITION_PARKED: "Parked",
    Action.ACQUISITION_UNPARKED: "Taken up again after parking",
    Action.CASE_OPENED: "Case opened",
    Action.CASE_VIEWED: "Case viewed",
    Action.CASE_EXPORTED: "Timeline exported",
    Action.CONTRIBUTOR_ENROLLED: "Contributor enrolled",
    Action.ALIAS_GIVEN: "Contributor given an address of their own",
    Action.ALIAS_ENDED: "Address of a contributor ended",
    Action.REPLY_DECIDED: "Decided whether to answer",
    Action.REPLY_ATTEMPTED: "Answer about to be sent",
    Action.REPLY_SENT: "Answer sent",
    Action.REPLY_FAILED: "Answer not sent",
    Action.REPLY_UNKNOWN: "Not known whether the answer was sent",
    Action.PACKAGE_REQUESTED: "Package asked for",
    Action.PACKAGE_EXPORTED: "Package exported",
    Action.PACKAGE_DOWNLOADED: "Package downloaded",
    Action.ALERT_SEEN: "Alert looked at",
    Action.LINK_ISSUED: "Personal link made",
    Action.LINK_WITHHELD: "Personal link not sent, by the rules",
    Action.LINK_ATTEMPTED: "Personal link about to be sent",
    Action.LINK_SENT: "Personal link sent",
    Action.LINK_NOT_SENT: "Personal link not sent",
    Action.LINK_OPENED: "Personal link opened",
    Action.LINK_LOCKED: "Too many wrong PINs",
    Action.LINK_USED_UP: "Personal link used up",
    Action.LINK_REVOKED: "Personal link revoked",
    Action.TIMESTAMP_RECEIVED: "Timestamp token received",
    Action.MEDIA_PARKED: "Picture of a text could not be fetched, parked",
    Action.MEDIA_UNPARKED: "Parked picture asked for again",
    Action.COPY_REDACTED: "Twilio's own copy emptied",
    Action.COPY_DELETED: "Twilio's own copy deleted",
    Action.AGREEMENT_CHANGED: "Agreement about answers changed",
    Action.REPLY_UNDELIVERED: "Answer not delivered",
    Action.OPT_OUT_NOTED: "Number opted out of our texts",
    Action.OPT_OUT_CLEARED: "Number may be sent texts again",
    Action.CONTACT_DOUBTED: "Contact doubted: named in evidence before",
    Action.DOUBT_SETTLED: "Contact found to be of the contributor",
    Action.OFFENDER_CONFIRMED: "Confirmed as the offender's",
    Action.OFFENDER_WITHDRAWN: "No longer confirmed as the offender's",
    Action.QUESTION_ASKED: "Question asked: who sent it, and when",
    Action.QUESTION_CLOSED: "Question closed",
    Action.FOLLOW_UP_ATTACHED: "Words of the contributor attached",
    Action.FOLLOW_UP_DETACHED: "Words of the contributor detached",
}
CLAIM_SOURCES: Final = {
    "header": "the original's own headers",
    "quoted": "the lines quoted above the forwarded message",
    "stated": "what the contributor wrote",
    "export": "an export file",
    "none": "nothing: no time is stated",
}
IDENTIFIER_KINDS: Final = {
    "phone": "Telephone number",
    "email": "E-mail address",
    "url": "Link",
    "plate": "Number plate",
    "handle": "Handle",
}
KINDS: Final = {
    "diary": "Diary entry",
    "call": "Call",
    "answers": "Answers to the risk questions",
    "attachment": "Picture or file",
}
# What a diary entry says beside what happened, as officers' pages name it; the rest stands in its text.
IMPACT: Final = {
    "fear": "Fear, 1 to 10",
    "effect": "How it affected her or him",
    "changed": "What was changed because of it",
    "kept": "What was kept, and how",
    "witnesses": "Who else saw it",
}
# Of an event's words on the timeline; the exhibit's page has them all.
MOST_LINES: Final = 6
MOST_CHARACTERS: Final = 420
_KEPT_FACTS: Final = ("page", "part", "form", "reference", "edition", "version", "state", "decision", "because")


def channel_many(channel: str) -> str:
    """`texts` for `sms`, and so on."""
    return MANY[Channel(channel)]


def channel_words(channel: str) -> str:
    """`Text` for `sms`, and so on."""
    return CHANNELS[Channel(channel)]


def arrival_words(facts: ExhibitFacts) -> str:
    """By which door something came in; where that had missed it, who found it."""
    found = RECONCILED.get(Channel(facts.channel)) if facts.reconciled else None
    return f"{channel_words(facts.channel)}, {found}" if found else channel_words(facts.channel)


def state_words(state: str) -> str:
    """What a state means."""
    return STATES[state]


def bound_words(bound: Bound) -> str:
    """By when something existed at the latest and who vouches for it; a demonstration is never taken for more."""
    said = f"existed {bound_line(bound)}"
    return f"{said}, which proves nothing to anyone else" if bound.demonstration else said


def bound_line(bound: Bound) -> str:
    """The same in few words, for a list."""
    # Upwards: a second cut off would say more than the token does.
    whole = bound.not_later_than.replace(microsecond=0) + timedelta(seconds=bool(bound.not_later_than.microsecond))
    said = f"not later than {on_screen(whole)}, by the token of {visible_line(bound.signer)}"
    return f"{said}: a demonstration" if bound.demonstration else said


def action_words(action: str) -> str:
    """What was done, in plain words; an action of a later version keeps its own name."""
    return ACTIONS[Action(action)] if action in set(Action) & set(ACTIONS) else action or "Payload erased"


def actor_words(actor: str, names: Mapping[str, str]) -> str:
    """Who did it: an officer by address, a command by its user, a process of ours by its name."""
    kind, _, name = actor.partition(":")
    if kind == "system":
        return f"Holdfast ({name})"
    if kind == "cli":
        return f"{name} (command line)"
    if kind == "link":
        return "Whoever holds the link"
    return names.get(actor, actor)


def facts_words(facts: Mapping[str, object]) -> str:
    """The few facts of an entry that help to read a list; all of them are in the package."""
    kept = [f"{name}: {facts[name]}" for name in _KEPT_FACTS if facts.get(name) not in {None, ""}]
    return visible_line("; ".join(kept))


def claimed_words(claimed: Claimed) -> str:
    """A claimed time as exactly as it was claimed, and no more: a day alone never becomes midnight."""
    if claimed.at is None:
        return ""
    if claimed.precision == "month":
        month = datetime.fromisoformat(f"{claimed.at[:7]}-01")  # a month alone has no zone
        return f"{'about ' if claimed.approximate else ''}{month:%B %Y}"
    at = datetime.fromisoformat(claimed.at)
    about = "about " if claimed.approximate else ""
    day = f"{at.day} {at:%B %Y}"
    if claimed.precision not in {"minute", "second"}:
        return f"{about}{day}"
    clock = f"{at:%H:%M:%S}" if claimed.precision == "second" else f"{at:%H:%M}"
    zone = f" {at.tzname()}" if claimed.zone == "stated" and at.tzinfo else ""
    return f"{about}{day} at {clock}{zone}"


def person_words(person: Reported) -> str:
    """A person as the message names them."""
    parts = [person.name, f"<{person.address}>" if person.address else None, person.number]
    return visible_line(" ".join(part for part in parts if part))


def title_words(event: TimelineEvent) -> str:
    """What an event is called in lists and headings: its subject, else what it is and from whom."""
    found = event.reading
    if found is None:
        return "Not read yet"
    if found.state == "unreadable":
        return "Could not be read"
    if subject := visible_line(found.subject):
        return subject
    kind = KINDS.get(event.kind)
    kind = kind or {Channel.SMS: "Text message", Channel.EMAIL: "E-mail"}.get(Channel(event.facts.channel), "File")
    sender = person_words(found.reported_from)
    return f"{kind} from {sender}" if sender else kind


def many_words(event: TimelineEvent) -> str:
    """What several events like this one are called together: what they are, and from whom."""
    plural = MANY[Channel(event.facts.channel)]
    sender = person_words(event.reading.reported_from) if event.reading else ""
    return f"{plural} from {sender}" if sender else plural


def when_words(event: TimelineEvent) -> str:
    """When an event was, for a list: as claimed, or that it is undated, with what was said of the time."""
    found = event.reading
    if found and (claim := claimed_words(found.claimed)):
        return claim
    said = visible_line(found.claimed.text) if found else ""
    return (
        f"Undated (“{said}”), received {on_screen(event.facts.received_at)}"
        if said
        else (f"Undated, received {on_screen(event.facts.received_at)}")
    )


def told_words(found: Reading) -> str:
    """What a list shows of a reading: of an entry what happened, of anything else its text."""
    return dict(found.account).get("what") or found.text


def impact_words(found: Reading) -> list[tuple[str, str]]:
    """What an entry says beside what happened, each under its name: fear, effect, what was changed and kept."""
    account = dict(found.account)
    return [(label, account[name]) for name, label in IMPACT.items() if name in account]


def clipped(text: str | None) -> str:
    """The start of a text, for a list."""
    shown = visible(text)
    lines = shown.strip().split("\n")
    start = "\n".join(lines[:MOST_LINES])
    is_whole = len(lines) <= MOST_LINES and len(start) <= MOST_CHARACTERS
    return start if is_whole else f"{start[:MOST_CHARACTERS].rstrip()} …"


FILTERS: Final = {
    "action_words": action_words,
    "actor_words": actor_words,
    "arrival_words": arrival_words,
    "channel_many": channel_many,
    "channel_words": channel_words,
    "claimed_words": claimed_words,
    "clipped": clipped,
    "facts_words": facts_words,
    "person_words": person_words,
    "state_words": state_words,
    "bound_words": bound_words,
    "bound_line": bound_line,
    "title_words": title_words,
    "impact_words": impact_words,
    "many_words": many_words,
    "told_words": told_words,
    "visible": visible,
    "visible_line": visible_line,
    "when_words": when_words,
}
