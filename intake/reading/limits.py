"""How much one reading may look at. Past a limit the reader stops there and says so; the bytes are all in the vault."""

from __future__ import annotations

from typing import Final

MEBIBYTE: Final = 1024 * 1024

DEPTH: Final = 40
"""Parts within parts."""
PARTS: Final = 2_000
"""Parts of one mail, nested mails included."""
RAW_BYTES: Final = 256 * MEBIBYTE
"""A larger acquisition is not read at all: no mail server lets one through."""
HEADER_LINES: Final = 2_000
HEADER_CHARACTERS: Final = 20_000
"""Of one header's value, for reading. Longer ones are cut."""
TEXT_CHARACTERS: Final = 1_000_000
"""Of the text that is shown and searched."""
HTML_CHARACTERS: Final = 4_000_000
IDENTIFIERS: Final = 500
REMOTE: Final = 500
DEFECTS: Final = 50
DOOR_CHARACTERS: Final = 300
"""Of a name in a reading (a person's, a file's)."""
ENTRIES: Final = 10_000
"""Of a zip."""
UNPACKED_BYTES: Final = 128 * MEBIBYTE
"""Of everything in the containers of one acquisition together."""
RATIO: Final = 200
"""Times a zip's entry of more than a mebibyte may grow. Mails grow up to some tens of times."""
NESTING: Final = 3
"""Zips within zips."""
