"""A name server on loopback: answers TXT questions from a table, or keeps silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@dataclass
class NameServer:
    """What it answers: records by name, and for all a behaviour."""

    records: Mapping[str, list[str]]
    behaviour: str = "answer"
    validates: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def setting(self) -> str:
        return f"127.0.0.1:{self.port}"

    def reply(self, wire: bytes) -> bytes | None:
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text()
        self.asked.append(name)
        if self.behaviour == "silence":
            return None
        if self.behaviour == "rubbish":
            return wire[:2] + b"\xff" * 40
        answer = dns.message.make_response(question)
        if self.behaviour == "broken":
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        if self.validates:
            answer.flags |= dns.flags.AD
        if alias := self.aliases.get(name):
            answer.answer.append(dns.rrset.from_text(name, 600, "IN", "CNAME", alias))
            name = alias
        if name not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        for text in self.records.get(name, ()):
            strings = " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
            answer.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", strings))
        return answer.to_wire()


@contextmanager
def serving(server: NameServer) -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.bind(("127.0.0.1", 0))
        server.port = mine.getsockname()[1]

        def run() -> None:
            while True:
                wire, whence = mine.recvfrom(4096)
                if wire == b"stop":
                    return
                if reply := server.reply(wire):
                    mine.sendto(reply, whence)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server
        mine.sendto(b"stop", mine.getsockname())
        thread.join(timeout=10)
