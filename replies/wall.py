"""Who may be written to: only contacts of people enrolled now, and never what appears in evidence as the offender's."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, Engine, text

from archive.contributor import ContactKind, enrolled_as
from replies.egress import Wall

NOT_ENROLLED: Final = "the recipient is not a contact of exactly one enrolled contributor"
OFFENDER: Final = "the recipient appears in evidence as somebody else's number or address"
_SIGNIFICANT_DIGITS: Final = 10

# The newest reading of each assigned item counts. Not an offender: who sent that very item (she wrote it, or forwarded
# her own), an author whose message the phone's holder sent, and an import in which the contributor's own messages are.
_OFFENDER: Final = """
    SELECT EXISTS (
      SELECT FROM reading
      JOIN exhibit ON exhibit.id = reading.exhibit_id
      JOIN acquisition ON acquisition.id = reading.exhibit_id
      WHERE {matches}
        AND exhibit.case_id IS NOT NULL
        AND acquisition.sender IS DISTINCT FROM :value
        AND coalesce(reading.content ->> 'direction', '') <> 'outbound'
        AND NOT EXISTS (
          SELECT FROM contributor_contact AS own
          WHERE own.contributor_id = acquisition.for_contributor AND own.value = :value)
        AND NOT EXISTS (
          SELECT FROM reading AS newer
          WHERE newer.exhibit_id = reading.exhibit_id AND newer.version > reading.version)
    )
"""
_BY_ADDRESS: Final = text(
    _OFFENDER.format(matches="lower(btrim(reading.content -> 'reported_from' ->> 'address')) = :compared")
)
# National numbers are compared by their last ten digits: a reading keeps a number as it was written.
_BY_NUMBER: Final = text(
    _OFFENDER.format(
        matches=r"right(regexp_replace(reading.content -> 'reported_from' ->> 'number', '\D', '', 'g'), 10) = :compared"
    )
)


def is_offender(connection: Connection, value: str) -> bool:
    """Whether a number or address in normal form appears in evidence, in any case, as somebody else's."""
    if "@" in value:
        found = connection.execute(_BY_ADDRESS, {"value": value, "compared": value.lower()})
    else:
        digits = re.sub(r"\D", "", value)[-_SIGNIFICANT_DIGITS:]
        found = connection.execute(_BY_NUMBER, {"value": value, "compared": digits})
    return bool(found.scalar_one())


def wall_of(engine: Engine) -> Wall:
    """The wall that stands before the door, asked by a connection of its own at the moment of sending."""

    def barred(kind: ContactKind, value: str) -> str | None:
        with engine.connect() as connection:
            people = enrolled_as(connection, value)
            known = [contact for person in people for contact in person.contacts if contact.value == value]
            if len(people) != 1 or not any(contact.kind is kind for contact in known):
                return NOT_ENROLLED
            return OFFENDER if is_offender(connection, value) else None

    return barred
