"""Reading what came in: who, when, what. Pure: no clock, no network, no database.

A reading is derived and replaceable: it can be made again from the bytes in the vault, by this version or a later one,
and never changes them. What cannot be read is a state ("unreadable", with the reason), never a loss.

`read` reads in this process; workers call `read_in_bounds`, which reads in another one, with limits.
"""

from intake.reading.bounds import BoundedReader, Given, preview_in_bounds, read_in_bounds, read_many_in_bounds
from intake.reading.model import Attachment, Reading, from_json, to_json
from intake.reading.reader import READER_VERSION, PartMismatchError, opens, part_bytes, read, unreadable

__all__ = [
    "READER_VERSION",
    "Attachment",
    "BoundedReader",
    "Given",
    "PartMismatchError",
    "Reading",
    "from_json",
    "opens",
    "part_bytes",
    "preview_in_bounds",
    "read",
    "read_in_bounds",
    "read_many_in_bounds",
    "to_json",
    "unreadable",
]
