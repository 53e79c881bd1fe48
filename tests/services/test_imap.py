"""The stand-in's mailbox stays quick with hundreds of mails, and sees at once what others put into its folders."""

import os
from pathlib import Path

import pytest
from pymap.backend.maildir.mailbox import Maildir
from pymap.backend.maildir.uidlist import Record, UidList

from services import imap


class Quick(Maildir):
    """A Maildir as the stand-in has it."""

    _lookup = imap._lookup


@pytest.fixture
def maildir(tmp_path):
    return Quick(str(tmp_path / "box"), create=True)


def deliver(maildir, name, age=0.0):
    """As another process would: a rename from beside. `age`: seconds since the folder was changed."""
    new = Path(maildir._path_new)
    beside = new.parent / "tmp" / name
    beside.write_text("hello")
    beside.rename(new / name)
    if age:
        past = new.stat().st_mtime - age
        for each in (new, new.parent / "cur"):
            os.utime(each, (past, past))


def test_messages_that_are_gone_do_not_each_cost_a_look_at_the_whole_folder(maildir, monkeypatch):
    deliver(maildir, "1", age=5)
    listed = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or real(path))
    for number in range(100, 400):
        with pytest.raises(KeyError):
            maildir._lookup(str(number))
    assert maildir._lookup("1") == "new/1"
    # Once for each of the two folders.
    assert len(listed) == 2


def test_what_arrives_is_found_at_once_and_what_leaves_is_missed_at_once(maildir, tmp_path):
    for number in range(200):
        with pytest.raises(KeyError):
            maildir._lookup(str(number))
        deliver(maildir, str(number))
        assert maildir._lookup(str(number)) == f"new/{number}"
        (tmp_path / f"box/new/{number}").rename(tmp_path / f"box/cur/{number}:2,S")
        assert maildir._lookup(str(number)) == f"cur/{number}:2,S"
    (tmp_path / "box/cur/7:2,S").unlink()
    with pytest.raises(KeyError):
        maildir._lookup("7")


def test_a_list_of_uids_is_as_pymap_reads_it_and_the_readers_own(tmp_path):
    path = str(tmp_path)
    lists = imap._Lists()
    assert lists.read(path).next_uid == 1
    for uid in range(1, 30):
        written = UidList(path, 7, uid + 1) if uid == 1 else lists.read(path)
        written.set(Record(uid, {"E": "x"}, f"{uid}:2,"))
        written.next_uid = uid + 1
        written.file_write()
        read, by_pymap = lists.read(path), UidList.file_read(path)
        assert [*read.records] == [*by_pymap.records]
        assert (read.uid_validity, read.next_uid) == (by_pymap.uid_validity, by_pymap.next_uid) == (7, uid + 1)
        assert read.global_uid == by_pymap.global_uid
    read.remove(3)
    assert lists.read(path).get(3).filename == "3:2,"
