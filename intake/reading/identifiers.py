"""Numbers, addresses, links, plates and handles in a text, each with its span: hints for an officer, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers

from intake.reading import limits
from intake.reading.model import Identifier, IdentifierKind

# Each pattern begins with what it consumes, or is tried only where a sign stands that it cannot do without: a search
# that begins by looking back tries every character of a text.
_EMAIL: Final = re.compile(r"[\w.%+'-]{1,64}+@(?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_URL: Final = re.compile(
    r"(?<!\w)(?:https?://|www\.)[^\s<>\"“”«»]{1,2000}"
    # Without a scheme only where a path follows an end that shorteners and messengers use: "bit.ly/3xY", not "and/or".
    r"|(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|net|org|uk|ly|gl|me|gg|tv|io|co|be|cc|to|app|link|info|xyz|page|site)"
    r"/[^\s<>\"“”«»]{1,500}",
    re.IGNORECASE,
)
_URL_SIGN: Final = re.compile(r"/|[wW]{3}\.")
_LOCAL: Final = re.compile(r"(?<![\w.%+'-])[\w.%+'-]{1,64}+$")
_HOST: Final = re.compile(r"(?:https?://)?(?:[^\s/?#@]{1,200}@)?([^\s/?#:@]{1,253})", re.IGNORECASE)
_URL_TAIL: Final = ".,;:!?'\u2019*]}"
_PHONE: Final = re.compile(
    r"[+(0](?<![\w+].)(?:(?<=[+0])|(?<=\()0)[0-9](?:[ ().\-\u00a0\u2011]{0,2}[0-9]){6,14}+(?![\w])"
)
_DOTTED_DATE: Final = re.compile(r"0\d[.\- ]\d\d[.\- ](19|20)\d\d.*")
# Current style (2001 on), prefix style (1983-2001), suffix style (1963-1982): DVLA INF104.
_PLATE: Final = re.compile(
    r"[A-HJ-PR-Y](?<![\w-].)(?:"
    r"[A-HJ-PR-Y][0-9]{2} ?[A-HJ-PR-Z]{3}"
    r"|(?<=[A-HJ-NPR-TV-Y])[0-9]{1,3} ?[A-HJ-PR-Y]{3}"
    r"|[A-HJ-PR-Y]{2} ?[0-9]{1,3}[A-HJ-NPR-TV-Y]"
    r")(?![\w-])"
)
_TYPED_PLATE: Final = re.compile(
    r"(?<![\w-])(?:reg|reg no|registration|plates?|number plate)[ :.]{1,3}(?:is |was )?"
    r"([a-z]{2}[0-9]{2} ?[a-z]{3})(?![\w-])",
    re.IGNORECASE,
)
# Words in capitals beside a road or a flat ("ON THE M25 NOW", "BUS 12A") that have the form of an older plate.
_NO_LETTERS: Final = frozenset({
    "AGO", "ALL", "AND", "APT", "ARE", "BUS", "BUT", "BOX", "CAN", "CAR", "DAY", "DID", "END", "FLT", "FOR",
    "GET", "GOT", "HAD", "HAS", "HER", "HIM", "HIS", "HOW", "LET", "MAN", "MAY", "NEW", "NOT", "NOW", "OFF",
    "OLD", "ONE", "OUR", "OUT", "RUN", "SAW", "SAY", "SEE", "SHE", "THE", "TOO", "TWO", "USE", "VAN", "WAS",
    "WAY", "WHO", "WHY", "YES", "YET", "YOU"
})  # fmt: skip
_HANDLE: Final = re.compile(r"(?<![\w@./+-])@[A-Za-z0-9_](?:[A-Za-z0-9_.]{0,28}[A-Za-z0-9_])(?![\w@])")
_HOME_REGION: Final = "GB"
_PHONE_TRIALS: Final = 1_000
_LONGEST_LOCAL: Final = 64


def find_identifiers(text: str) -> tuple[Identifier, ...]:
    """What `text` holds, in order of place, each place once, at most `limits.IDENTIFIERS`."""
    text = text[: limits.TEXT_CHARACTERS]
    taken: list[Identifier] = []
    for found in (_urls(text), _emails(text), _phones(text), _plates(text), _handles(text)):
        spans = [(each.start or 0, each.end or 0) for each in taken]
        taken += [each for each in _first(found) if not _overlaps(each, spans)]
        taken.sort(key=lambda each: each.start or 0)
    return tuple(taken[: limits.IDENTIFIERS])


def _first(found: Iterator[Identifier]) -> list[Identifier]:
    return [each for each, _ in zip(found, range(limits.IDENTIFIERS), strict=False)]


def _overlaps(one: Identifier, spans: list[tuple[int, int]]) -> bool:
    return any(start < (one.end or 0) and (one.start or 0) < end for start, end in spans)


def _of(kind: IdentifierKind, value: str, start: int) -> Identifier:
    return Identifier(kind, value, start, start + len(value))


def _urls(text: str) -> Iterator[Identifier]:
    for match in _in_lines_with(_URL_SIGN, _URL, text):
        value = match[0].rstrip(_URL_TAIL)
        if value.endswith(")") and value.count("(") < value.count(")"):
            value = value[:-1].rstrip(_URL_TAIL)
        yield Identifier("url", url_as_ascii(value), match.start(), match.start() + len(value))


def url_as_ascii(url: str) -> str:
    """`url` with its host as the network knows it (punycode, RFC 3492): letters that only look Latin are then seen."""
    match = _HOST.match(url)
    if match is None or match[1].isascii():
        return url
    try:
        host = match[1].encode("idna").decode("ascii")
    except UnicodeError:  # a name that no one could register, shown all the same
        labels = (label.encode("punycode").decode("ascii", "replace") for label in match[1].split("."))
        host = ".".join(
            stated if stated.isascii() else f"xn--{label}"
            for stated, label in zip(match[1].split("."), labels, strict=True)
        )
    return url[: match.start(1)] + host + url[match.end(1) :]


def _in_lines_with(sign: re.Pattern[str], wanted: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """What `wanted` finds in the lines that hold `sign`. It must not match across lines."""
    end = 0
    while (found := sign.search(text, end)) is not None:
        start = text.rfind("\n", end, found.start()) + 1 or end
        end = text.find("\n", found.end())
        end = len(text) if end < 0 else end
        yield from wanted.finditer(text, start, end)


def _emails(text: str) -> Iterator[Identifier]:
    end, at = 0, text.find("@")
    while at >= 0:
        start = _local_start(text, at)
        match = None if start is None or start < end else _EMAIL.match(text, start)
        if match is not None:
            yield _of("email", match[0], start or 0)
            end = match.end()
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int | None:
    """Where the name before an "@" begins; None where there is none, or it is too long for one."""
    begin = max(0, at - _LONGEST_LOCAL - 1)
    match = _LOCAL.search(text[begin:at])
    return None if match is None else begin + match.start()


def _phones(text: str) -> Iterator[Identifier]:
    """Numbers that the plan of their country allows, as E.164. Without a country code they are read as British."""
    for match, _ in zip(_PHONE.finditer(text), range(_PHONE_TRIALS), strict=False):
        if _DOTTED_DATE.fullmatch(match[0]) is None:
            number = international(match[0])
            if number is not None:
                yield Identifier("phone", number, match.start(), match.end())


def international(text: str) -> str | None:
    """A number as E.164 (`+447700900123`), British unless it says otherwise; None if no plan allows it."""
    try:
        number = phonenumbers.parse(text, _HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _plates(text: str) -> Iterator[Identifier]:
    for match in _PLATE.finditer(text):
        if not _NO_LETTERS.intersection(match[0].split(" ")):
            yield _of("plate", match[0], match.start())
    lowered = text.lower()
    if "reg" not in lowered and "plate" not in lowered:
        return
    for match in _TYPED_PLATE.finditer(text):
        yield Identifier("plate", match[1], match.start(1), match.end(1))


def _handles(text: str) -> Iterator[Identifier]:
    at = text.find("@")
    while at >= 0:
        match = _HANDLE.match(text, at)
        if match is not None:
            yield _of("handle", match[0], at)
        at = text.find("@", at + 1)
