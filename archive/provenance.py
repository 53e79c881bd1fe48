"""Provenance grades: how much of the original a received item keeps, and what would raise it.

Pure and versioned: the same facts under the same version give the same grade for ever. A grade is not a score and says
nothing of whether the content is true (docs/glossary.md, "Provenance grade"). Where no row of the table fits, as for a
photo of a broken door, there is no grade, and the reason says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

VERSION: Final = 2

Whole: TypeAlias = Literal["attached", "file", "redirected", "outlook"]
Picture: TypeAlias = Literal["screen", "camera", "unknown"]


class ProvenanceGrade(StrEnum):
    """A keeps most, F keeps least; W is a witness's own account and stands beside the scale."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"
    W = "W"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found of the original in an item as received.

    Attributes:
        whole: How the original mail is there with its own headers: attached to the forward, as a file (.eml, .msg), or
            redirected; None where it is not.
        signature: What its DKIM signature came to at receipt (the best of them); None where it was not judged yet.
        all_signed: The outermost originals each have a signature that passed.
        is_structured_export: A backup or a chat export, or a message out of one.
        is_own_words: A diary entry, or words of hers in which nothing is forwarded.
        picture: The item is a picture, or a message of hers that brings one and forwards nothing: of a screen, by a
            camera, or nothing tells; None where there is none.
        is_inline_forward: A forwarded message quoted in a mail's text was found.
        by_text: It came as a text to our number.
    """

    whole: Whole | None = None
    signature: str | None = None
    all_signed: bool = False
    is_structured_export: bool = False
    is_own_words: bool = False
    picture: Picture | None = None
    is_inline_forward: bool = False
    by_text: bool = False


@dataclass(frozen=True, slots=True)
class Grading:
    """A grade (None where no row fits), why, and what would raise it (None where nothing would)."""

    grade: ProvenanceGrade | None
    reasons: tuple[str, ...]
    raised_by: str | None = None
    version: int = VERSION


_WHOLE: Final[dict[Whole, str]] = {
    "attached": "The original e-mail is attached whole, with its own headers.",
    "file": "The original e-mail as a file, with its own headers.",
    "redirected": "The original e-mail was redirected, with its own headers.",
    "outlook": "The original e-mail in Outlook's form, with its own headers.",
}
_SIGNATURE: Final = {
    "pass": "A DKIM signature of one original passed when it was received, but not of each.",
    "weak": "Its DKIM signature fits, but is weak: see Authenticity.",
    "partial": "Its DKIM signature fits, but does not cover everything: see Authenticity.",
    "fail": "Its DKIM signature did not pass at receipt. Mail programs often break one; it is no sign of forgery.",
    "none": "It has no DKIM signature.",
    "temporary": "Its DKIM signature is not judged yet: DNS has not answered.",
    "not_checked": "Its DKIM signature was not checked: see Authenticity.",
}
_NOT_JUDGED: Final = "No DKIM signature of the original was verified."
_EXPORT: Final = Grading(
    ProvenanceGrade.C,
    ("A structured export: keeps number, time and direction.", "An export is a file that can be edited."),
    "Keep the phone for examination.",
)
_OWN_WORDS: Final = Grading(
    ProvenanceGrade.W, ("The contributor's own words.",), "Send the message or picture it tells of, if there is one."
)
_SCREEN: Final = Grading(
    ProvenanceGrade.D,
    ("A picture of a screen: keeps looks and context.", "The message's own data is gone."),
    "Send an export from the phone, or keep the phone for examination.",
)
_NO_SCREEN: Final[dict[Picture, Grading]] = {
    "camera": Grading(None, ("A picture by a camera: grades are for messages, and no row of the table fits it.",)),
    "unknown": Grading(
        None,
        ("A picture; nothing in it tells whether it shows a screen, so it has no grade.",),
        "If it shows a message: send that message itself, or a screenshot as the phone made it.",
    ),
}
_INLINE: Final = Grading(
    ProvenanceGrade.E,
    (
        "An e-mail forwarded inline: keeps the text and the quoted From and Date.",
        "The original's headers and signature are gone.",
    ),
    "Send the original e-mail as an attachment.",
)
_FORWARDED_TEXT: Final = Grading(
    ProvenanceGrade.F,
    ("A text forwarded to our number: keeps the text only.", "The original's sender and time are gone."),
    "Send a screenshot that shows the sender and the time, or an export from the phone.",
)
_NOTHING_FITS: Final = Grading(
    None,
    ("No forwarded message was recognised in it, and it is not plainly her own words: no row of the table fits it.",),
    "If it is a forwarded e-mail, send the original as an attachment.",
)


def grade_of(kept: Kept) -> Grading:
    """The grade of one item, by the first rule that fits, from the most kept to the least."""
    if kept.whole is not None:
        return _of_whole(kept, kept.whole)
    fitting = (
        (kept.is_structured_export, _EXPORT),
        (kept.is_own_words, _OWN_WORDS),
        (kept.picture == "screen" and not kept.is_inline_forward, _SCREEN),
        (kept.is_inline_forward, _INLINE),
        (kept.picture is not None, _NO_SCREEN.get(kept.picture or "unknown", _NOTHING_FITS)),
        (kept.by_text, _FORWARDED_TEXT),
    )
    return next((grading for fits, grading in fitting if fits), _NOTHING_FITS)


def _of_whole(kept: Kept, whole: Whole) -> Grading:
    how = _WHOLE[whole]
    if kept.all_signed and whole != "outlook":
        passed = "A DKIM signature of the original passed when it was received: what it covers was not changed since."
        return Grading(ProvenanceGrade.A, (how, passed))
    why = _SIGNATURE.get(kept.signature or "", _NOT_JUDGED)
    return Grading(ProvenanceGrade.B, (how, why), _what_raises(kept, whole))


def _what_raises(kept: Kept, whole: Whole) -> str:
    if whole == "outlook":
        return "Send the e-mail as an attachment from the mailbox it came to, if that is not Outlook."
    if kept.signature == "not_checked":
        return "Have its signature looked up, on the page of the exhibit."
    if kept.signature == "temporary":
        return "Nothing needs to be done: DNS is asked again."
    return "Send it again as an attachment from the mailbox it came to: another program may leave the signature whole."
