"""Why an item is not answered, and how that is said to an officer."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why an item is not answered. Closed; members are never reworded (they stand in the ledger)."""

    NOT_ARCHIVED = "not_archived"
    NOT_A_MESSAGE = "not_a_message"
    PART_OF_A_TEXT = "part_of_a_text"
    IMPORTED = "imported"
    OBSERVED_AGAIN = "observed_again"
    AMBIGUOUS = "ambiguous"
    UNKNOWN_SENDER = "unknown_sender"
    OTHER_WAY = "other_way"
    OWN_ADDRESS = "own_address"
    OFFENDER_IDENTIFIER = "offender_identifier"
    SWITCHED_OFF = "switched_off"
    STYLE_NONE = "style_none"
    AGREEMENT_EXPIRED = "agreement_expired"
    UNKNOWN_ZONE = "unknown_zone"
    ALWAYS_QUIET = "always_quiet"
    LANDLINE = "landline"
    FOREIGN_NUMBER = "foreign_number"
    UNUSABLE_ADDRESS = "unusable_address"
    AUTOMATIC_MAIL = "automatic_mail"
    TOO_LATE = "too_late"
    RATE_CAP = "rate_cap"
    COST_CAP = "cost_cap"
    LINKS_NOT_AGREED = "links_not_agreed"
    QUIET_NOW = "quiet_now"
    TELLING_ADDRESS = "telling_address"
    OPTED_OUT = "opted_out"
    CONTACT_DOUBTED = "contact_doubted"


EXPLAINED: Final[dict[Reason, str]] = {
    Reason.NOT_ARCHIVED: "It is not in the vault and in the ledger yet.",
    Reason.NOT_A_MESSAGE: "It came by a page or as a file: the page itself said that it was received.",
    Reason.PART_OF_A_TEXT: "It came with a text, which has its own answer.",
    Reason.IMPORTED: "An officer imported it.",
    Reason.OBSERVED_AGAIN: "The same source id was told again with other bytes.",
    Reason.AMBIGUOUS: "More than one contributor is enrolled with this sender, or the item is another's.",
    Reason.UNKNOWN_SENDER: "The sender is not enrolled.",
    Reason.OTHER_WAY: "It came by a way that we do not answer by.",
    Reason.OWN_ADDRESS: "It came from our own number or address.",
    Reason.OFFENDER_IDENTIFIER: "Its sender is confirmed as an offender's number or address.",
    Reason.SWITCHED_OFF: "Answers by this way are switched off.",
    Reason.STYLE_NONE: "The contributor agreed to no answers.",
    Reason.AGREEMENT_EXPIRED: "The day by which the safe contact was to be reviewed has passed.",
    Reason.UNKNOWN_ZONE: "The safe contact names a time zone that does not exist.",
    Reason.ALWAYS_QUIET: "The quiet hours take the whole day.",
    Reason.LANDLINE: "A text to a landline may be read aloud; only mobiles are answered.",
    Reason.FOREIGN_NUMBER: "Only UK mobiles are answered by text.",
    Reason.UNUSABLE_ADDRESS: "The enrolled address cannot be written to safely.",
    Reason.AUTOMATIC_MAIL: "A machine wrote it, it asks for no answer, or its header cannot be read.",
    Reason.TOO_LATE: "Too much time has passed for an answer to be of use.",
    Reason.RATE_CAP: "This contributor has had as many answers as one may have in that time.",
    Reason.COST_CAP: "All answers together have reached the day's limit.",
    Reason.LINKS_NOT_AGREED: "The contributor did not agree to be sent links.",
    Reason.QUIET_NOW: "Nothing is sent in the contributor's quiet hours.",
    Reason.TELLING_ADDRESS: "The address of our pages says what they are for.",
    Reason.OPTED_OUT: "The number opted out of our texts with a word like STOP, perhaps one forwarded as evidence.",
    Reason.CONTACT_DOUBTED: "Evidence had named this number or address as somebody else's before it was enrolled.",
}
