"""Provenance grades: how much of the original a received item keeps, and what would raise it.

Pure and versioned: the same facts under the same version give the same grade for ever. A grade is not a score and says
nothing of whether the content is true (docs/glossary.md, "Provenance grade").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VERSION: Final = 1


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
    """What a reading found of the original in an item as received.

    Attributes:
        by_text: It came as a text to our number.
        is_message_file: The item itself is a mail as a file (.eml, .msg), not one sent to us.
        has_attached_original: The original mail is attached whole (message/rfc822).
        original_dkim_passed: A DKIM signature of the original passed at receipt.
        is_structured_export: A backup or chat export.
        is_image: A picture.
        has_image: A message of hers with a picture attached, and nothing forwarded found in it.
        is_inline_forward: A forwarded message quoted in the text was found.
        is_own_words: A diary entry or her own words.
    """

    by_text: bool = False
    is_message_file: bool = False
    has_attached_original: bool = False
    original_dkim_passed: bool = False
    is_structured_export: bool = False
    is_image: bool = False
    has_image: bool = False
    is_inline_forward: bool = False
    is_own_words: bool = False


@dataclass(frozen=True, slots=True)
class Grading:
    """A grade, why, and what would raise it (None where nothing would)."""

    grade: ProvenanceGrade
    reasons: tuple[str, ...]
    raised_by: str | None = None


_EXPORT: Final = Grading(
    ProvenanceGrade.C,
    ("A structured export: keeps number, time and direction.", "An export is a file that can be edited."),
    "Keep the phone for examination.",
)
_OWN_WORDS: Final = Grading(
    ProvenanceGrade.W, ("The contributor's own words.",), "Send the message or picture it tells of, if there is one."
)
_PICTURE: Final = Grading(
    ProvenanceGrade.D,
    ("A picture: keeps looks and context.", "The message's own data is gone."),
    "Send an export from the phone, or keep the phone for examination.",
)
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
_NOT_RECOGNISED: Final = Grading(
    ProvenanceGrade.W,
    ("No forwarded message was recognised: taken as the contributor's own words.",),
    "If it was a forwarded e-mail, send the original as an attachment.",
)


def grade_of(kept: Kept) -> Grading:
    """The grade of one item, by the first rule that fits, from the most kept to the least."""
    if kept.has_attached_original or kept.is_message_file:
        return _whole_original(kept)
    fitting = (
        (kept.is_structured_export, _EXPORT),
        (kept.is_own_words, _OWN_WORDS),
        (kept.is_image or (kept.has_image and not kept.is_inline_forward), _PICTURE),
        (kept.is_inline_forward, _INLINE),
        (kept.by_text, _FORWARDED_TEXT),
    )
    return next((grading for fits, grading in fitting if fits), _NOT_RECOGNISED)


def _whole_original(kept: Kept) -> Grading:
    how = "The original e-mail is attached whole." if kept.has_attached_original else "The original e-mail as a file."
    if kept.original_dkim_passed:
        reasons = (how, "A DKIM signature of the original passed when it was received.")
        return Grading(ProvenanceGrade.A, reasons)
    return Grading(ProvenanceGrade.B, (how, "No DKIM signature of the original was verified."))
