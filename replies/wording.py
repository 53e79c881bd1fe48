"""The words of answers, and which words no answer may hold.

Whoever reads them over her shoulder must learn nothing: no police, no evidence, no case, no link, no name of ours. One
segment of a text at most, so that it arrives as one text and costs one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from archive.contributor import ContactKind, Language, ReplyStyle, SafeContact
from replies.errors import WordingRefusedError

DISCREET: Final = "Thanks, got it."
PLAIN: Final = "We have received your message and it is safely stored."
WORDS: Final = {
    Language.ENGLISH: {ReplyStyle.DISCREET: DISCREET, ReplyStyle.PLAIN: PLAIN},
    Language.WELSH: {
        ReplyStyle.DISCREET: "Diolch, wedi cyrraedd.",
        ReplyStyle.PLAIN: "Mae eich neges wedi cyrraedd ac mae'n cael ei chadw'n ddiogel.",
    },
}
# No subject quotes hers, and none is empty: empty ones draw the eye of a person and of a spam filter.
SUBJECTS: Final = {
    Language.ENGLISH: {ReplyStyle.DISCREET: "Thanks", ReplyStyle.PLAIN: "Received"},
    Language.WELSH: {ReplyStyle.DISCREET: "Diolch", ReplyStyle.PLAIN: "Wedi cyrraedd"},
}
# About one text, and about several.
QUESTIONS: Final = {
    Language.ENGLISH: ("Who sent it, and when?", "Who sent them, and when?"),
    Language.WELSH: ("Pwy anfonodd y neges, a phryd?", "Pwy anfonodd y negeseuon, a phryd?"),
}

SEGMENT_SEPTETS: Final = 160
# GSM 03.38 (3GPP TS 23.038): the default alphabet, and the extension table whose members take two septets.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")

# Beginnings of words; then whole words, which are parts of harmless ones (a court in courtesy, a case in suitcase).
STEMS: Final = (
    *("abus", "archiv", "arrest", "complainant", "constab", "crime", "crimin", "custod", "detective", "domestic"),
    *("evidenc", "exhibit", "harass", "heddlu", "holdfast", "incident", "investigat", "offend", "officer", "perpetrat"),
    *("police", "prosecut", "safeguard", "solicit", "stalk", "suspect", "tystiolaeth", "victim", "violen", "witness"),
    # Welsh, as its first letters change.
    *("aflonydd", "cam-drin", "carchar", "cyfreith", "dditectif", "ddioddef", "dioddef", "ditectif", "drosedd", "dyst"),
    *("dystiolaeth", "erlyn", "gam-drin", "gyfreith", "heddwas", "nhystiolaeth", "stelc", "throsedd", "thystiolaeth"),
    *("tyst", "trosedd", "ymchwili"),
)
WHOLE: Final = (
    *(
        "achos",
        "achosion",
        "drais",
        "gyfrinach",
        "hachos",
        "llys",
        "lys",
        "trais",
        "case",
        "cases",
        "charge",
        "charged",
        "cid",
        "confidential",
        "court",
        "courts",
        "cps",
        "danger",
    ),
    *("duress", "emergency", "helpline", "injunction", "judge", "lawyer", "pc", "polis", "report", "reported"),
    *("reports", "secret", "sergeant", "statement", "statements", "trial", "urgent", "warrant", "101", "999", "112"),
)
_FORBIDDEN: Final = re.compile(rf"\b(?:(?:{'|'.join(STEMS)})\w*|(?:{'|'.join(WHOLE)})\b)")
_LINK: Final = re.compile(r"://|\bwww\b|@|[^\W_]\.[^\W\d_]{2,}")
_JOINERS: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def forbidden_in(words: str) -> list[str]:
    """The words, links and addresses in `words` that no answer may hold; empty where there are none.

    Look-alike forms (full width, zero-width characters within, capitals) are read as the plain word.
    """
    plain = _JOINERS.sub("", unicodedata.normalize("NFKC", words)).casefold()
    return [match[0] for match in _FORBIDDEN.finditer(plain)] + [match[0] for match in _LINK.finditer(plain)]


def septets(words: str) -> int | None:
    """How many septets a text takes in the GSM alphabet, or None where it does not fit that alphabet."""
    if not all(letter in _BASIC or letter in _EXTENDED for letter in words):
        return None
    return sum(2 if letter in _EXTENDED else 1 for letter in words)


def checked(words: str) -> str:
    """A contributor's own words, trimmed, if they may be sent; for the page and the command that enrol her.

    Raises:
        WordingRefusedError: They are empty, several lines, longer than one text, or hold what no answer may hold.
    """
    words = words.strip()
    if not words or not words.isprintable():
        raise WordingRefusedError("one line of plain text is needed")
    length = septets(words)
    if length is None:
        raise WordingRefusedError("some characters do not fit into one ordinary text")
    if length > SEGMENT_SEPTETS:
        raise WordingRefusedError(f"they take {length} characters, one text holds {SEGMENT_SEPTETS}")
    if found := forbidden_in(words):
        raise WordingRefusedError(f"whoever looks at her phone could draw conclusions from {found[0]!r}")
    return words


def wording_of(agreed: SafeContact) -> str:
    """The words this contributor is answered with.

    Her own, if they pass `checked` (enrolment made sure; rows from elsewhere may not); else what her style says.
    """
    if agreed.wording:
        try:
            return checked(agreed.wording)
        except WordingRefusedError:
            return WORDS[agreed.language][ReplyStyle.DISCREET]
    return _of_style(WORDS, agreed)


def with_question(words: str, agreed: SafeContact, *, several: bool) -> str:
    """An answer with the question behind it; the question alone where both do not fit into one text."""
    question = QUESTIONS[agreed.language][several]
    both = f"{words} {question}"
    return both if (septets(both) or SEGMENT_SEPTETS + 1) <= SEGMENT_SEPTETS else question


def subject_of(agreed: SafeContact, kind: ContactKind) -> str | None:
    """The subject of her answers: neutral, never hers repeated. Texts have none."""
    return _of_style(SUBJECTS, agreed) if kind is ContactKind.EMAIL else None


def _of_style(said: Mapping[Language, Mapping[ReplyStyle, str]], agreed: SafeContact) -> str:
    found = said[agreed.language]
    return found.get(agreed.style, found[ReplyStyle.DISCREET])
