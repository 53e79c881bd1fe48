"""pymap's IMAP server over a Maildir, made to keep bytes as they are.

`python -m services.imap ARGUMENTS OF pymap`

pymap 0.36.7 passes each message through Python's `email` package when it is fetched or appended: line ends become LF,
and what the package repairs is repaired. Its COPY writes an empty message: it copies what it read for the flags. A
mailbox for evidence must do neither, so four places of its Maildir backend are replaced before it starts. A fifth makes
it send each response in one piece: imapclient's `idle_check` takes half a line for a broken connection. Two more keep
it from reading the whole folder for every message that was moved away, and all its list of UIDs for every message it
looks at: with some hundreds of them each command took thirty seconds.

It also writes its lists in the folder for temporary files and renames them. Python looks elsewhere for such a folder if
the one it was given cannot be written to at that moment, and keeps to what it found: started while the disk was full,
pymap would fail at each rename for ever after. So the folder is not looked for.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from mailbox import MaildirMessage
from pathlib import Path
from typing import IO, Any, cast

from pymap.backend.maildir import mailbox as backend
from pymap.backend.maildir.uidlist import Record, UidList
from pymap.imap import IMAPConnection
from pymap.main import main
from pymap.parsing.response import Response

# Two changes within a tick of the file system's clock leave the same time on a folder.
CLOCK_TICK_NS = 50_000_000


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


def _lookup(self: Any, key: str) -> str:
    """Where the message of this key lies; the folder is read again only where it may have changed."""
    found: str | None = self._toc.get(key)
    if found is not None and Path(self._join(found)).exists():
        return found
    changed = tuple(Path(each).stat().st_mtime_ns for each in (self._path_new, self._path_cur))
    before, settled = getattr(self, "read_at", (None, False))
    if changed != before or not settled:
        self.read_at = changed, time.time_ns() - max(changed) > CLOCK_TICK_NS
        # Read a moment ago, as far as it knows: then it reads again without asking the clock.
        self._last_read = time.time()
        self._refresh()
    try:
        return str(self._toc[key])
    except KeyError:
        raise KeyError("no such message", key) from None


class _Lists:
    """Lists of UIDs as they were read last; each is written by renaming, so another file is another list."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int, int], UidList]] = {}
        self._read = UidList.file_read

    def read(self, path: str) -> UidList:
        """The list of a folder, the caller's own to change."""
        try:
            stat = Path(UidList.get_file(path)).stat()
        except FileNotFoundError:
            return self._read(path)
        identity = stat.st_ino, stat.st_mtime_ns, stat.st_size
        if path not in self._known or self._known[path][0] != identity:
            self._known[path] = identity, self._read(path)
        known: Any = self._known[path][1]
        own: Any = UidList(path, known.uid_validity, known.next_uid, known.global_uid)
        own._records = dict(known._records)  # noqa: SLF001 - pymap has no other way
        return cast("UidList", own)


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
        (backend.Maildir, "_lookup", _lookup),
        (backend.Maildir, "_dump_message", _write_message),
        (backend.MailboxData, "_get_maildir_msg", _get_whole_message),
        (IMAPConnection, "write_response", _write_whole),
        (UidList, "file_read", staticmethod(_Lists().read)),
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
