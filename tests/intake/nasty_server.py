"""A scripted IMAP server that breaks off, lies or stops wherever a test tells it to."""

import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field

FOREVER = 10**9
CAPABILITIES = b"IMAP4rev1 IDLE MOVE"


@dataclass
class Nasty:
    """What goes wrong, and how often before it is well again.

    `faults`: UID to the name of what happens when its body is asked for (the methods below); `spell`: how many such
    answers of each UID are bad. `bodies` by UID; `stated` replaces sizes.
    """

    bodies: dict
    faults: dict = field(default_factory=dict)
    spell: int = FOREVER
    stated: dict = field(default_factory=dict)
    capabilities: bytes = CAPABILITIES
    greeting: bytes = b"* OK nasty\r\n"
    login_answer: bytes | None = b"OK in"
    select_answer: bytes = b"OK [READ-WRITE] open"
    uidvalidity: int = 7
    idle: str = "quiet"
    internaldate: bytes = b"14-Nov-2023 22:13:20 +0100"
    freezes_at: bytes = b""
    exists: int | None = None

    def __post_init__(self):
        self.asked = Counter()
        self.connections = 0
        self.commands = []
        self.moved = []
        self.closing = threading.Event()
        self.told = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self):
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            try:
                connection.sendall(self.greeting)
                for line in lines:
                    if not self._answer(connection, lines, *line.rstrip(b"\r\n").split(b" ", 1)):
                        return
            except OSError:
                return

    def _answer(self, connection, lines, tag, command):
        self.commands.append(command)
        word = command.split(b" ")[0].upper()
        if word == b"UID":
            word = b"UID " + command.split(b" ")[1].upper()
        if word == self.freezes_at:
            self.closing.wait()
        if word in {self.freezes_at, self.login_answer is None and b"LOGIN"}:
            return False
        return self._act(connection, lines, tag, command, word)

    def _act(self, connection, lines, tag, command, word):
        answers = {
            b"CAPABILITY": (b"* CAPABILITY " + self.capabilities + b"\r\n", b"OK done"),
            b"LOGIN": (b"", self.login_answer),
            b"LIST": (b'* LIST () "/" "Archived"\r\n', b"OK done"),
            b"UID MOVE": (b"", b"OK moved"),
            b"UID STORE": (b"", b"OK stored"),
        }
        if word == b"LOGOUT":
            connection.sendall(b"* BYE\r\n" + tag + b" OK bye\r\n")
            return False
        if word in {b"SELECT", b"EXAMINE"}:
            return self._select(connection, tag)
        if word == b"IDLE":
            return self._idle(connection, lines, tag)
        if word == b"UID SEARCH":
            uids = self._uids(command.split(b" ", 2)[2])
            answers[word] = (b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids) + b"\r\n", b"OK done")
        if word == b"UID FETCH":
            return self._fetch(connection, tag, command)
        if word == b"UID MOVE":
            uids = [int(uid) for uid in command.split(b" ")[2].split(b",")]
            self.moved += uids
            for uid in uids:
                self.bodies.pop(uid, None)
        untagged, said = answers.get(word, (b"", b"BAD what?"))
        connection.sendall(untagged + tag + b" " + said + b"\r\n")
        return True

    def _select(self, connection, tag):
        if self.select_answer.startswith(b"OK"):
            connection.sendall(
                b"* FLAGS (\\Seen)\r\n* %d EXISTS\r\n* 0 RECENT\r\n"
                b"* OK [UIDVALIDITY %d] valid\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] all\r\n"
                % (len(self.bodies) if self.exists is None else self.exists, self.uidvalidity)
            )
        connection.sendall(tag + b" " + self.select_answer + b"\r\n")
        return True

    def _uids(self, criteria):
        if criteria.startswith(b"UID "):
            wanted = {int(uid) for uid in criteria[4:].split(b",")}
            return sorted(wanted & set(self.bodies))
        if stretch := re.fullmatch(rb"(\d+):(\d+)", criteria):
            return sorted(self.bodies)[int(stretch[1]) - 1 : int(stretch[2])]
        return sorted(self.bodies)

    def _idle(self, connection, lines, tag):
        connection.sendall(b"+ idling\r\n")
        self.told.set()
        if self.idle == "dies":
            return False
        if self.idle == "ends":
            connection.sendall(tag + b" OK done\r\n")
            return lines.readline() == b"DONE\r\n"
        if self.idle == "chatters":
            connection.sendall(b"* OK still here\r\n")
        if self.idle == "cries":
            connection.sendall(b"* %d EXISTS\r\n" % len(self.bodies))
        if self.idle == "freezes":
            self.closing.wait()
            return False
        lines.readline()
        connection.sendall(tag + b" OK done\r\n")
        return True

    def _fetch(self, connection, tag, command):
        _, _, uids, items = command.split(b" ", 3)
        out = b""
        for uid in (int(uid) for uid in uids.split(b",")):
            if uid not in self.bodies:
                continue
            fault = self.faults.get(uid)
            if b"BODY.PEEK" in items and fault and self.asked[uid] < self.spell:
                self.asked[uid] += 1
                out, ends = getattr(self, f"_{fault}")(uid, out, tag)
                if ends:
                    connection.sendall(out)
                    if ends == "freeze":
                        self.closing.wait()
                    return ends == "answered"
                continue
            out += self._line(uid, items)
        connection.sendall(out + tag + b" OK done\r\n")
        return True

    def _line(self, uid, items):
        body = self.bodies[uid]
        start = sorted(self.bodies).index(uid) + 1
        if b"RFC822.SIZE" in items:
            return b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (start, uid, self.stated.get(uid, len(body)))
        facts = b'INTERNALDATE "%b" FLAGS (\\Seen 123 NIL)' % self.internaldate
        if piece := re.search(rb"BODY\.PEEK\[\]<(\d+)\.(\d+)>", items):
            offset, most = int(piece[1]), int(piece[2])
            part = body[offset : offset + most]
            return b"* %d FETCH (UID %d BODY[]<%d> {%d}\r\n%b)\r\n" % (start, uid, offset, len(part), part)
        if b"BODY.PEEK" in items:
            return b"* %d FETCH (UID %d %b BODY[] {%d}\r\n%b)\r\n" % (start, uid, facts, len(body), body)
        return b"* %d FETCH (UID %d %b)\r\n" % (start, uid, facts)

    def _nil(self, uid, out, tag):
        return out + b'* 1 FETCH (UID %d BODY[] NIL INTERNALDATE "%b" FLAGS ())\r\n' % (uid, self.internaldate), None

    def _empty(self, uid, out, tag):
        facts = b'INTERNALDATE "%b" FLAGS ()' % self.internaldate
        return out + b"* 1 FETCH (UID %d BODY[] {0}\r\n BODY[]<0> {0}\r\n %b)\r\n" % (uid, facts), None

    def _moved_by_another(self, uid, out, tag):
        """It goes on answering on this connection, with nothing (RFC 2180, section 4.1)."""
        del self.bodies[uid]
        return self._empty(uid, out, tag)

    def _nothing(self, uid, out, tag):
        return out, None

    def _no(self, uid, out, tag):
        return tag + b" NO [SERVERBUG] cannot\r\n", "answered"

    def _busy(self, uid, out, tag):
        return tag + b" NO [UNAVAILABLE] come back\r\n", "answered"

    def _bad_line(self, uid, out, tag):
        return out + b"* 1 FETCH (UID %d BODY[] ((\r\n" % uid, None

    def _cut(self, uid, out, tag):
        return out + b"* 1 FETCH (UID %d BODY[] {1000}\r\nonly this" % uid, "cut"

    def _bye(self, uid, out, tag):
        return out + b"* BYE going down\r\n", "cut"

    def _freeze(self, uid, out, tag):
        return out + b"* 1 FETCH (UID %d BODY[] {1000}\r\nand then" % uid, "freeze"

    def _huge(self, uid, out, tag):
        # Announced, never sent: whoever makes room for it first is out of memory.
        return out + b"* 1 FETCH (UID %d BODY[] {4294967295}\r\n" % uid + b"x" * 1000, "freeze"

    def _larger_than_said(self, uid, out, tag):
        return out + self._line(uid, b"BODY.PEEK[]"), None

    def _endless(self, uid, out, tag):
        return out + b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 100_000, "freeze"

    def _other_uid(self, uid, out, tag):
        # The body of the mail that was asked for, under the UID of another.
        return out + self._line(uid, b"BODY.PEEK[]").replace(b"(UID %d " % uid, b"(UID %d " % (uid + 1000)), None

    def _two_bodies(self, uid, out, tag):
        body = self.bodies[uid]
        line = b'* 1 FETCH (UID %d FLAGS () INTERNALDATE "%b" BODY[] {%d}\r\n%b)\r\n'
        return out + b"".join(
            line % (uid, self.internaldate, len(body), each) for each in (body, body.swapcase())
        ), None

    def _same_body_twice(self, uid, out, tag):
        return out + self._line(uid, b"BODY.PEEK[]") * 2, None

    def _no_flags(self, uid, out, tag):
        body = self.bodies[uid]
        return out + b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (uid, len(body), body), None

    def _short_literal(self, uid, out, tag):
        # Ten octets too few: what follows is swallowed, and the connection is out of step.
        body = self.bodies[uid]
        line = b'* 1 FETCH (UID %d FLAGS () INTERNALDATE "%b" BODY[] {%d}\r\n%b)\r\n'
        return out + line % (uid, self.internaldate, len(body) + 10, body), None

    def _other_bytes(self, uid, out, tag):
        body = b"take %d" % self.asked[uid]
        line = b'* 1 FETCH (UID %d FLAGS () INTERNALDATE "%b" BODY[] {%d}\r\n%b)\r\n'
        return out + line % (uid, self.internaldate, len(body), body), None

    def _twice(self, uid, out, tag):
        # An unsolicited answer about the same mail after the one that was asked for.
        line = b"* 1 FETCH (UID %d FLAGS (\\Seen \\Flagged))\r\n" % uid
        return out + self._line(uid, b"BODY.PEEK[]") + line, None

    def _quoted(self, uid, out, tag):
        # RFC 3501 lets a server send a body as a quoted string.
        line = b'* 1 FETCH (UID %d BODY[] "%b" FLAGS () INTERNALDATE "%b")\r\n'
        return out + line % (uid, self.bodies[uid], self.internaldate), None
