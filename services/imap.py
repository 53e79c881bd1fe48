"""pymap's IMAP server over a Maildir, made to keep bytes as they are.

`python -m services.imap ARGUMENTS OF pymap`

pymap 0.36.7 passes each message through Python's `email` package when it is fetched or appended: line ends become LF,
and what the package repairs is repaired. Its COPY writes an empty message: it copies what it read for the flags. A
mailbox for evidence must do neither, so four places of its Maildir backend are replaced before it starts. A fifth makes
it send each response in one piece: imapclient's `idle_check` takes half a line for a broken connection.

It also writes its lists in the folder for temporary files and renames them. Python looks elsewhere for such a folder if
the one it was given cannot be written to at that moment, and keeps to what it found: started while the disk was full,
pymap would fail at each rename for ever after. So the folder is not looked for.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from mailbox import MaildirMessage
from pathlib import Path
from typing import IO, Any

from pymap.backend.maildir import mailbox as backend
from pymap.backend.maildir.uidlist import Record, UidList
from pymap.imap import IMAPConnection
from pymap.main import main
from pymap.parsing.response import Response


class ExactMessage(MaildirMessage):
    """A message that is its bytes, with a Maildir's flags and date; nothing is parsed."""

    def __init__(self, message: Any = b"") -> None:
        super().__init__()
        self.raw: bytes = message.raw if isinstance(message, ExactMessage) else bytes(message)
        if isinstance(message, ExactMessage):
            self.set_info(message.get_info())
            self.set_date(message.get_date())

    def __bytes__(self) -> bytes:
        return self.raw


def _get_message(self: backend.Maildir, key: str) -> ExactMessage:
    """The message of this key, bytes and all."""
    known = self.get_message_metadata(key)
    message = ExactMessage(Path(self._join(self._lookup(key))).read_bytes())
    message.set_subdir("cur" if known.get_subdir() == "cur" else "new")
    message.set_info(known.get_info())
    message.set_date(known.get_date())
    return message


def _write_message(_self: backend.Maildir, message: Any, target: IO[bytes], _mangle_from: Any = None) -> None:
    target.write(bytes(message))


async def _get_whole_message(self: backend.MailboxData, uid: int) -> tuple[Record, ExactMessage]:
    """What COPY copies: the message with its content, not its flags alone."""
    async with UidList.with_read(self._path) as uids:
        record = uids.get(uid)
    async with self.messages_lock.read_lock():
        return record, _get_message(self._maildir, record.key)


class _Whole:
    """A response, written out."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(bytes(data))


async def _write_whole(self: IMAPConnection, response: Response) -> None:
    """Send a response in one piece."""
    whole = _Whole()
    await response.async_write(whole)
    with contextlib.suppress(ConnectionError):
        self.writer.write(b"".join(whole.pieces))
        await self.writer.drain()


def keep_bytes() -> None:
    """Replace what does not; in this process only."""
    for owner, name, exact in (
        (backend, "MaildirMessage", ExactMessage),
        (backend.Maildir, "get_message", _get_message),
        (backend.Maildir, "_dump_message", _write_message),
        (backend.MailboxData, "_get_maildir_msg", _get_whole_message),
        (IMAPConnection, "write_response", _write_whole),
    ):
        if not hasattr(owner, name):
            raise AttributeError(owner, name)  # another pymap: look again before trusting it
        setattr(owner, name, exact)


def keep_to_folder(folder: str) -> None:
    """Use this folder for temporary files whether or not it can be written to now."""
    tempfile.tempdir = folder


if __name__ == "__main__":
    keep_bytes()
    keep_to_folder(os.environ["TMPDIR"])
    main()
