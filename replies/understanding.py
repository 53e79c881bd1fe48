"""Whether a text is the answer to "Who sent it, and when?", and what it says. Pure; unsure means no.

What came could as well be the next message she forwards, and to put the offender's words into her mouth would be worse
than a question without an answer. So the *whole* text must be one of few plain forms (who, when, or both, in English or
Welsh), short, in the past, and its name must be told apart from a word: "Dan, last night" is an answer, "Remember, last
night" and "Dan, I saw you last night" are not. An officer can always attach it by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from intake.addresses import normal_phone
from intake.reading.dates import claimed_from
from intake.reading.model import Claimed, Reported

LONGEST: Final = 160
_LONDON: Final = "Europe/London"
_SMALL_HOURS: Final = 5
_NOON, _EVENING = 12, 18

_PREFIX: Final = (
    r"(?:(?:i think )?(?:it was|it's|it is|that was|this was|it came from|that came from|it was from|it's from|"
    r"came from|from|sent by|was from|gan|oddi wrth|wrth)\s+)"
)
_VERB: Final = r"(?:\s+(?:sent (?:it|this|that|them)|texted(?: me)?|wrote (?:it|this)|messaged(?: me)?|did))"
_CLOCK: Final = (
    r"(?:(?:at|about|around|approx|roughly|just after|just before|gone|am|tua|@)\s*){0,2}"
    r"(?:\d{1,2}(?:[:.]\d{2})?\s?(?:am|pm)|(?:[01]?\d|2[0-3])[:.][0-5]\d|midnight|midday|noon|hanner nos|hanner dydd)"
)
_HOUR_ALONE: Final = r"(?:(?:at|about|around|at about|at around|am|tua)\s+\d{1,2}(?:\s?o'?clock)?)"
_WEEKDAY: Final = (
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|"
    r"dydd (?:llun|mawrth|mercher|iau|gwener|sadwrn|sul)|nos (?:lun|fawrth|fercher|iau|wener|sadwrn|sul)"
)
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_DATE: Final = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|"
    r"\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?|\d{4}-\d{2}-\d{2})"
)
_PART: Final = r"(?:\s+(?:early |late )?(?:morning|afternoon|evening|night|lunchtime))"
_DAY: Final = (
    rf"(?:(?:on |the |on the |last |early |late |earlier |back on ){{0,2}}(?:{_WEEKDAY}|{_DATE}){_PART}?"
    rf"|(?:early |late )?yesterday{_PART}?|(?:earlier )?today|last night|last (?:week|month|weekend)"
    rf"|(?:earlier )?this (?:morning|afternoon|evening)|earlier|just now|the other (?:day|night)"
    r"|(?:about |around )?(?:an?|one|two|three|four|a few|a couple of|\d{1,3})"
    r" (?:min(?:ute)?s?|hours?|hrs?|days?|weeks?|months?) ago"
    r"|neithiwr|ddoe|echdoe|heddiw|(?:y )?bore (?:'ma|yma)|(?:y )?prynhawn (?:'ma|yma))"
)
_WHEN: Final = (
    rf"(?:(?:{_DAY})(?:,?\s+(?:{_CLOCK}|{_HOUR_ALONE}))?|(?:{_CLOCK})(?:,?\s+(?:on )?(?:{_DAY}))?"
    rf"|(?:{_HOUR_ALONE}),?\s+(?:{_DAY}))"
)
_NUMBER: Final = r"(?:\(?\+?\d[\d ()-]{8,18}\d\)?)"
_KIN: Final = (
    r"(?:(?:my|the|our|fy)\s+)(?:ex[- ]?(?:husband|wife|partner|boyfriend|girlfriend|bf|gf)?|husband|wife|partner|"
    r"boyfriend|girlfriend|dad|father|mum|mam|mother|brother|sister|son|daughter|uncle|aunt|cousin|neighbour|landlord|"
    r"boss|manager|colleague|cyn-?ŵr|cyn-?wraig|cyn-?bartner|nghyn-?ŵr|nghyn-?bartner|ngŵr)"
)
_UNKNOWN: Final = (
    r"(?:(?:an?\s+)?(?:unknown|withheld|private|hidden|new)(?:\s+number)?|no caller id"
    r"|(?:i )?(?:don'?t|do not|dunno) know(?: who)?|dunno|no idea(?: who)?|not sure(?: who)?"
    r"|dim syniad|ddim yn gwybod|rhif cudd)"
)
_OTHER: Final = r"(?:him|her|them|he|she|fe|fo|hi)"
_NAME: Final = r"(?:[^\W\d_][^\W\d_]*(?:['\u2019-][^\W\d_]+)*(?:\s+[^\W\d_][^\W\d_]*(?:['\u2019-][^\W\d_]+)*){0,2}?)"
_WHO: Final = (
    rf"(?:(?P<unknown>{_UNKNOWN})|(?P<kin>{_KIN})(?:,?\s+(?P<kin_name>{_NAME}))??|(?P<number>{_NUMBER})|(?P<other>{_OTHER})"
    rf"|(?P<name>{_NAME})(?:,?\s+(?:on\s+)?(?P<name_number>{_NUMBER}))?)"
)
_GAP: Final = r"\s*[,;.\u2013\u2014-]?\s+(?:and\s+|a\s+|on\s+)?"

_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<prefix>{_PREFIX})?{_WHO}(?P<verb>{_VERB})?{_GAP}(?P<when>{_WHEN})",
        rf"(?P<when>{_WHEN}){_GAP}(?P<prefix>{_PREFIX})?{_WHO}(?P<verb>{_VERB})?",
        rf"(?P<prefix>{_PREFIX})?{_WHO}(?P<verb>{_VERB})?",
        rf"(?:it was |sent )?(?P<when>{_WHEN})",
    )
)
# Words that begin a message and look like a name because a phone wrote them large.
_MESSAGE_WORDS: Final = """
    a about again all alone always am and angel answer any anyone are ask asshole at awake baby babe back bad be
    beautiful because been bitch block blocked boo bring but bye call called came can careful cheers come coming cow
    cunt dad darling day dead dear did die do don't done door ever every everyone face fat finally find fine flowers
    forever found fuck fucking fun game get gift girl give go going gone good goodbye goodnight got gorgeous great
    guess had happy hate have he hello her here hey hi him his home honey hope hot house how hun hurry i i'm i've if
    in is it it's job just keep kids kill kiss know last late later leave let liar lies like listen little live lol
    lonely look looking lost love lovely lucky lying made make man me meet miss missed missing mine more mum must my
    naughty never new next nice night no nobody not nothing now of off oh ok okay old on one only or our out over
    party pay perfect phone photo pic pick pictures play please poor pretty princess promise psycho quiet quick read
    ready really remember reply right run sad safe said same saw say scared see seen sent sexy she should shut sick
    sleep sleeping slag slut small so someone soon sorry stay still stop stupid such sure sweet sweetheart sweetie
    take talk tell text thank thanks that the their them then there they thing think this thought tick time tired to
    today together tomorrow tonight too tramp true try ugly under until up us wait waiting walk want warned warning
    was watch watched watching we weak well went were what when where which white who whore why wife will window
    with without wonderful worried wow write wrong yeah yes yesterday you you're your bore heno neithiwr diolch helo
    cariad ti chi fi
"""
_NO_NAMES: Final = frozenset(_MESSAGE_WORDS.split())


@dataclass(frozen=True, slots=True)
class Understood:
    """What an answer says.

    Attributes:
        who: Name or number, where the words give one; a role ("my ex") is left to the words themselves.
        claimed: When; a time is claimed only where it follows without doubt from the words and the day they came.
    """

    who: Reported
    claimed: Claimed


def understand(
    text: str, *, received_at: datetime, timezone: str, known: Collection[str] = frozenset()
) -> Understood | None:
    """What a text says as the answer to the question; None where it is not certain to be one.

    Args:
        text: The whole text.
        received_at: When it came: "yesterday" is the day before.
        timezone: Where she is.
        known: Names of senders that the case's evidence has already, as they stand there.
    """
    plain = " ".join(text.replace("\u2019", "'").replace("\n", ", ").split()).strip(" .!")
    plain = re.sub(r"\s*,(?:\s*,)+", ",", plain)
    if not plain or len(plain) > LONGEST or "?" in plain:
        return None
    names = {part.casefold() for name in known for part in (name, *name.split())}
    for form in _FORMS:
        match = form.fullmatch(plain)
        if match is not None and _is_certain(match.groupdict(), names):
            return _understood(match.groupdict(), received_at, timezone)
    return None


def _is_certain(found: dict[str, str | None], known: Collection[str]) -> bool:
    """Whether nothing but an answer would be written so."""
    if found.get("unknown") or found.get("number"):
        return True
    if found.get("kin"):
        return found["kin_name"] is None or _is_name(found["kin_name"], known)
    if found.get("other"):
        return bool(found.get("when") or found.get("prefix"))
    name = found.get("name")
    if name is None:
        return found.get("when") is not None
    if name.casefold() in known:
        return True
    pointed_out = found.get("prefix") or found.get("when") or found.get("name_number")
    return bool(pointed_out) and _is_name(name, known)


def _is_name(name: str, known: Collection[str]) -> bool:
    if name.casefold() in known:
        return True
    words = name.split()
    return all(word[0].isupper() and not word.isupper() and word.casefold() not in _NO_NAMES for word in words)


def _understood(found: dict[str, str | None], received_at: datetime, timezone: str) -> Understood:
    written = found.get("number") or found.get("name_number")
    who = Reported(
        name=found.get("name") or found.get("kin_name"),
        number=(normal_phone(written.strip("()")) or written.strip("()")) if written else None,
    )
    when = found.get("when")
    return Understood(who, _claimed(when, received_at, timezone) if when else Claimed())


def _claimed(when: str, received_at: datetime, timezone: str) -> Claimed:
    """A whole date as it stands; yesterday and today by the day the answer came, but not in the small hours."""
    plain = re.sub(r"\b(\d{1,2})(?:st|nd|rd|th)\b|\b(?:on|at|about|around|the|of)\b", r"\1", when, flags=re.IGNORECASE)
    plain = re.sub(r"(?<![:.\d])(\d{1,2}) ?([ap]m)\b", r"\1:00 \2", plain, flags=re.IGNORECASE)
    whole = claimed_from(plain.strip(), "stated", frozenset({"en"}))
    if whole.at is not None or whole.order_ambiguous:
        return Claimed(whole.at, whole.zone, whole.precision, "stated", when, whole.order_ambiguous)
    day = _day_meant(when.casefold(), received_at, timezone)
    if day is None:
        return Claimed(source="stated", text=when)
    clock = _clock_of(when.casefold())
    if clock is None:
        if "night" in when.casefold() or "neithiwr" in when.casefold():
            return Claimed(source="stated", text=when)
        return Claimed(day.isoformat(), "unknown", "day", "stated", when, approximate=True)
    at = datetime.combine(day, clock).isoformat(timespec="seconds")
    return Claimed(at, "unknown", "minute", "stated", when, approximate=True)


def _day_meant(when: str, received_at: datetime, timezone: str) -> date | None:
    local = received_at.astimezone(ZoneInfo(_LONDON))
    if timezone != _LONDON or local.hour < _SMALL_HOURS:
        return None
    if re.search(r"\b(?:yesterday|ddoe)\b", when):
        return local.date() - timedelta(days=1)
    if re.search(r"\b(?:last night|neithiwr)\b", when):
        clock = _clock_of(when)
        return local.date() - timedelta(days=1) if clock and clock.hour >= _EVENING else None
    if re.search(r"\btoday\b|\bthis (?:morning|afternoon|evening)\b|\bheddiw\b|\bbore\b|\bprynhawn\b", when):
        return local.date()
    return None


def _clock_of(when: str) -> time | None:
    """The time of day, where morning and evening cannot be mistaken."""
    match = re.search(r"(?<!\d)(\d{1,2})(?:[:.](\d{2}))?\s?(am|pm)?(?![\d/-])", when)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half and 1 <= hour <= _NOON:
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    elif match[2] is None or (hour < _NOON and len(match[1]) == 1) or hour == _NOON:
        return None
    try:
        return time(hour, minute)
    except ValueError:
        return None
