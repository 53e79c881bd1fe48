"""Receipts: what the sender of a file keeps, and can ask about later, without any link (docs/decisions/0014).

A code is an HMAC over the acquisition's id and digest under a secret of the installation. It cannot be computed from
the file: the person who stalks somebody owns the files he sent her, and must not be able to ask whether she handed them
over. Only the code's SHA-256 is stored, so the database alone gives no codes away.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from archive.tables import acquisition, draft, upload

CHARACTERS: Final = 15
"""Of a code, 5 bits each: 75 bits, out of reach of guessing at any rate a server answers."""
GROUP: Final = 5
# Crockford's: no letter that is taken for another or for a digit.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE: Final = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes and knows receipt codes.

    Attributes:
        secret: 32 bytes of the installation's own, for this alone.
    """

    secret: bytes = field(repr=False)

    def code(self, acquisition_id: UUID, sha256: str) -> str:
        """The code of one acquisition, as it is shown: `7K2QX-0M9AB-RT4WZ`. The same each time."""
        mac = hmac.new(self.secret, f"receipt\n{acquisition_id}\n{sha256}".encode(), hashlib.sha256).digest()
        number = int.from_bytes(mac, "big")
        letters = "".join(ALPHABET[number >> 5 * place & 31] for place in range(CHARACTERS))
        return "-".join(letters[start : start + GROUP] for start in range(0, CHARACTERS, GROUP))

    def digest(self, code: str) -> str:
        """What is stored of a code, however it was typed."""
        return hashlib.sha256(f"holdfast receipt\n{plain(code)}".encode("utf-8", "surrogatepass")).hexdigest()

    def received_at(self, connection: Connection, code: str) -> datetime | None:
        """Since when we have what this code is for; None where nothing has it."""
        digest = self.digest(code)
        file = select(acquisition.c.received_at).join(upload, upload.c.id == acquisition.c.id)
        entry = select(acquisition.c.received_at).join(draft, draft.c.acquisition_id == acquisition.c.id)
        found = connection.execute(file.where(upload.c.receipt_sha256 == digest)).scalar()
        return found or connection.execute(entry.where(draft.c.receipt_sha256 == digest)).scalar()


def plain(code: str) -> str:
    """A code without what people put between its letters, look-alikes read as what they look like."""
    return "".join(letter for letter in code.upper() if letter.isalnum()).translate(_ALIKE)
