"""Asking DNS: one question at a time, bounded, and the answer kept as it came.

Stands alone between this house and the network: what may be asked is decided in `lookups`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from archive.acquisition import rendered
from intake.authenticity.model import DnsAnswer, Outcome

PORT: Final = 53
TRY_SECONDS: Final = 3.0
MOST_SERVERS: Final = 3
# After silence nobody is asked for a while: a resolver that is down must not hold up every message.
PAUSE_SECONDS: Final = 30.0
PAYLOAD_BYTES: Final = 1232
OFF: Final = "off"
SYSTEM: Final = "system"
RECORDS: Final = 10
LONGEST_WIRE: Final = 16 * 1024


@dataclass(slots=True)
class Resolver:
    """Resolvers to ask, in order.

    Attributes:
        servers: Address and port of each.
        now: The clock.
        seconds: How long each is waited for.
    """

    servers: Sequence[tuple[str, int]]
    now: Callable[[], datetime]
    seconds: float = TRY_SECONDS
    _silent_until: float = field(default=0.0, init=False)

    @classmethod
    def of(cls, setting: str, now: Callable[[], datetime]) -> Resolver | None:
        """From the setting: `system`, `off` (None), or addresses, each with a port if it is not 53.

        Raises:
            ValueError: One is no address.
        """
        if setting.strip().lower() == OFF:
            return None
        if setting.strip().lower() == SYSTEM:
            return cls(_of_system(), now)
        return cls([_parsed(each) for each in setting.replace(",", " ").split()], now)

    def ask(self, name: str) -> DnsAnswer:
        """The TXT records under a name. Never raises: what goes wrong is the answer's outcome."""
        asked_at = rendered(self.now())
        if not self.servers:
            return DnsAnswer(name, "failure", asked_at=asked_at, because="No resolver is configured.")
        if time.monotonic() < self._silent_until:
            return DnsAnswer(name, "timeout", asked_at=asked_at, because="No resolver answered a moment ago.")
        last = DnsAnswer(name, "timeout", asked_at=asked_at)
        for server in self.servers[:MOST_SERVERS]:
            last = self._ask(name, server, asked_at)
            if last.outcome not in {"timeout", "failure"}:
                return last
        if last.outcome == "timeout":
            self._silent_until = time.monotonic() + PAUSE_SECONDS
        return last

    def _ask(self, name: str, server: tuple[str, int], asked_at: str) -> DnsAnswer:
        where = f"[{server[0]}]:{server[1]}" if ":" in server[0] else f"{server[0]}:{server[1]}"
        try:
            # AD asks a validating resolver to say whether it validated (RFC 6840 5.7).
            question = dns.message.make_query(
                dns.name.from_text(name),
                dns.rdatatype.TXT,
                use_edns=0,
                payload=PAYLOAD_BYTES,
                flags=dns.flags.RD | dns.flags.AD,
            )
            answer, _ = dns.query.udp_with_fallback(
                question, server[0], timeout=self.seconds, port=server[1], ignore_unexpected=True, ignore_errors=True
            )
            return answer_of(name, answer, where, asked_at)
        except dns.exception.Timeout:
            return DnsAnswer(name, "timeout", resolver=where, asked_at=asked_at, because="No answer came in time.")
        except (dns.exception.DNSException, OSError, ValueError) as error:
            because = f"The answer was none that can be used ({type(error).__name__})."
            return DnsAnswer(name, "failure", resolver=where, asked_at=asked_at, because=because)


def answer_of(name: str, answer: dns.message.Message, where: str, asked_at: str) -> DnsAnswer:
    """A response, as it is kept.

    Raises:
        dns.exception.DNSException: It answers another question, or its chain of aliases has no end.
    """
    wire = answer.wire or answer.to_wire()
    code = answer.rcode()
    kept = base64.b64encode(wire).decode("ascii") if len(wire) <= LONGEST_WIRE else None
    outcome: Outcome = "found"
    because: str | None = None
    records: tuple[str, ...] = ()
    ttl: int | None = None
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN} or kept is None:
        outcome, because = "failure", f"The resolver said {dns.rcode.to_text(code)}, in {len(wire)} bytes."
    elif not isinstance(answer, dns.message.QueryMessage):
        outcome, because = "failure", "It was no answer to a question."
    else:
        chain = answer.resolve_chaining()
        ttl = chain.minimum_ttl
        found = list(chain.answer)[:RECORDS] if chain.answer is not None else []
        records = tuple(b"".join(each.strings).decode("latin-1") for each in found)
        if not records:
            outcome = "absent" if code == dns.rcode.NXDOMAIN else "empty"
    return DnsAnswer(
        name=name,
        outcome=outcome,
        records=records,
        resolver=where,
        asked_at=asked_at,
        ttl=ttl,
        authenticated=bool(answer.flags & dns.flags.AD),
        wire=kept,
        because=because,
    )


def _of_system() -> list[tuple[str, int]]:
    try:
        found = dns.resolver.Resolver(configure=True).nameservers
    except (dns.resolver.NoResolverConfiguration, OSError):
        return []
    return [(str(each), PORT) for each in found]


def _parsed(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if text.startswith("["):
        host, _, port = text[1:].partition("]:")
        host = host.removesuffix("]")
    elif text.count(":") != 1 or not colon:
        host, port = text, ""
    return str(ip_address(host)), int(port) if port else PORT
