"""Mail that no person wrote by hand is never answered.

Works on the outer mail's own header lines and never on what is attached. Reading is strict on purpose: any line it
cannot read means silence, and being silent loses nothing.

Sources: RFC 3834 section 2 (when not to respond), RFC 2919 and 2369 (List-*), RFC 5322 section 3.6 (one From),
MS-OXCMAIL 2.1.3.2.20 (X-Auto-Response-Suppress); tried on 440 real mails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from email.utils import getaddresses
from typing import Final, TypeAlias

from intake.addresses import normal_email

Headers: TypeAlias = Sequence[tuple[str, str]]

LONGEST_HEAD_BYTES: Final = 256 * 1024
MOST_LINES: Final = 1000
_NAME: Final = re.compile(r"[!-9;-~]{1,128}")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_ROLE: Final = re.compile(
    r"(?:mailer[-_.]?daemon|postmaster|(?:do[-_.]?)?no[-_.]?t?[-_.]?reply|bounces?|double-bounce|listserv|majordomo"
    r"|notifications?|auto[-_.]?(?:reply|responder|confirm)|owner-.*|.*-(?:request|bounces?|owner))(?:[+=].*)?"
)
_PRECEDENCES: Final = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
_SUPPRESSIONS: Final = frozenset({"all", "dr", "autoreply", "oof"})
_FAILED: Final = frozenset({"fail", "softfail", "hardfail", "permerror", "policy"})
_JUNK_LEVEL: Final = 5
# Their presence alone says that a machine wrote it, or that a machine of ours did.
_TELLTALE: Final = frozenset(
    {
        "x-loop",
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply",
        "x-mailer-daemon",
        "x-failed-recipients",
        "feedback-id",
        "original-recipient",
        "x-ms-exchange-inbox-rules-loop",
        "x-cron-env",
    }
)
_REPORTS: Final = (
    "multipart/report",
    "message/delivery-status",
    "message/disposition-notification",
    "message/feedback-report",
    "message/global-delivery-status",
    "message/global-disposition-notification",
    "message/tracking-status",
)
# One method's finding in an Authentication-Results field, with what stands behind it (RFC 8601, section 2.2).
_FINDING: Final = re.compile(r"\b(dmarc|dkim|spf|compauth)\s*=\s*([a-z]+)([^;]*)")
_SIGNED_BY: Final = re.compile(r"\bheader\.(?:d|i)\s*=\s*\"?(?:[^\s;@\"]*@)?([^\s;\"]+)")
_SENT_BY: Final = re.compile(r"\bsmtp\.(?:mailfrom|helo)\s*=\s*\"?(?:[^\s;@\"]*@)?([^\s;\">]+)")


def head_of(raw: bytes) -> Headers | None:
    """The outer header lines of a mail, unfolded, in order; None where any of them cannot be read.

    Args:
        raw: The mail, or its beginning: `LONGEST_HEAD_BYTES` and a little are enough.
    """
    found: list[tuple[str, str]] = []
    position = 0
    while (end := raw.find(b"\n", position, LONGEST_HEAD_BYTES)) >= 0 and len(found) <= MOST_LINES:
        line = raw[position:end].rstrip(b"\r").decode("ascii", "surrogateescape")
        position = end + 1
        if not line:
            return found or None
        if line[0] in " \t":
            if not found:
                return None
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _NAME.fullmatch(name):
            return None
        found.append((name.lower(), value.strip()))
    return None


def message_id_of(headers: Headers | None) -> str | None:
    """The outer mail's one Message-ID, if it can stand in a header of ours; else None."""
    found = _every(headers or (), "message-id")
    return found[0] if len(found) == 1 and _MESSAGE_ID.fullmatch(found[0]) else None


def is_automatic(headers: Headers | None, sender: str, own: Iterable[str] = ()) -> bool:
    """Whether this mail must not be answered: a machine wrote it, asks for silence, or who wrote it is unclear.

    Args:
        headers: As `head_of` read them; None (unreadable) counts as automatic.
        sender: Whom the answer would go to: the enrolled address. The one `From` must be hers.
        own: Our own addresses, lower case.
    """
    if headers is None:
        return True
    try:
        ours = frozenset(own)
        return (
            any(rule(headers) for rule in _RULES)
            or not _is_from(headers, sender)
            or sender in ours
            or _answers_ours(headers, ours)
            or _is_unauthenticated(headers, sender)
        )
    except Exception:  # noqa: BLE001 - the standard library's address parser raises many kinds; each means silence
        return True


def _every(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def _first_words(headers: Headers, name: str) -> list[str]:
    """The value before parameters and comments, lower case, of each header of that name."""
    return [re.split(r"[;\s(]", value.strip().lower(), maxsplit=1)[0] for value in _every(headers, name)]


def _has_null_return_path(headers: Headers) -> bool:
    return any(not value.strip().strip("<>").strip() for value in _every(headers, "return-path"))


def _says_automatic(headers: Headers) -> bool:
    return any(word != "no" for word in _first_words(headers, "auto-submitted"))


def _is_from_a_list(headers: Headers) -> bool:
    return any(key.lower().startswith("list-") or key.lower() == "mailing-list" for key, _ in headers)


def _is_bulk(headers: Headers) -> bool:
    return any(word in _PRECEDENCES for word in _first_words(headers, "precedence"))


def _asks_for_silence(headers: Headers) -> bool:
    asked = ",".join(_every(headers, "x-auto-response-suppress")).lower()
    return any(word.strip() in _SUPPRESSIONS for word in re.split(r"[,;\s]+", asked))


def _tells_of_a_machine(headers: Headers) -> bool:
    return any(key.lower() in _TELLTALE for key, _ in headers)


def _is_report(headers: Headers) -> bool:
    return any(value.strip().lower().startswith(_REPORTS) for value in _every(headers, "content-type"))


def _is_flagged(headers: Headers) -> bool:
    """A filter on the way called it spam."""
    named = ("x-spam-flag", "x-spam-status", "x-spam")
    flags = [flag for name in named for flag in _first_words(headers, name)]
    levels = re.findall(r"\d+", " ".join(_first_words(headers, "x-ms-exchange-organization-scl")))
    return any(flag.rstrip(",") == "yes" for flag in flags) or any(int(level) >= _JUNK_LEVEL for level in levels)


def _answers_ours(headers: Headers, own: frozenset[str]) -> bool:
    """Whether it answers a mail of ours: our Message-IDs are a token by which a loop without any mark is known."""
    domains = {address.rpartition("@")[2] for address in own if "@" in address}
    ids = " ".join([*_every(headers, "in-reply-to"), *_every(headers, "references")]).lower()
    return any(domain in domains for domain in re.findall(r"<[0-9a-f]{32}@([^<>\s]+)>", ids))


def _is_unauthenticated(headers: Headers, sender: str) -> bool:
    """The receiving server's own finding, which stands first, says that the sender's domain did not send it.

    A pass counts only where it is of the sender's own domain: a forger's mail passes as the forger's. Findings of the
    same server may stand in several fields; whoever adds one can only make it worse. No finding at all is none.
    """
    findings = _own_findings(headers)
    results = [(method, result) for method, result, _ in findings]
    if ("dmarc", "fail") in results or ("compauth", "fail") in results:
        return True
    if any(_vouches(method, result, about, sender) for method, result, about in findings):
        return False
    failed = any(result in _FAILED for _, result in results)
    passed_as_another = any(result == "pass" for _, result in results)
    refused_before = any(word in _FAILED for word in _first_words(headers, "received-spf")[:1])
    return failed or passed_as_another or (refused_before and not findings)


def _own_findings(headers: Headers) -> list[tuple[str, str, str]]:
    """Method, result and what is said of it, out of the fields of the server whose field stands first."""
    fields = [value.lower() for value in _every(headers, "authentication-results")]
    server = fields[0].partition(";")[0].strip() if fields else ""
    ours = [value for value in fields if value.partition(";")[0].strip() == server]
    return [(match[1], match[2], match[3]) for value in ours for match in _FINDING.finditer(value)]


def _vouches(method: str, result: str, about: str, sender: str) -> bool:
    if result != "pass":
        return False
    if method in {"dmarc", "compauth"}:
        return True
    named = (_SIGNED_BY if method == "dkim" else _SENT_BY).search(about)
    # A server that does not say whose signature or envelope it was has said enough of its own user's mail.
    return named is None or _is_aligned(named[1].rstrip("."), sender.rpartition("@")[2])


def _is_aligned(one: str, other: str) -> bool:
    """Whether one domain is the other, or lies under it. Not below a public suffix: both are of the same person."""
    return one == other or one.endswith(f".{other}") or (other.endswith(f".{one}") and "." in one)


def _is_from(headers: Headers, sender: str) -> bool:
    """Whether the one From header names one address, hers, and not a machine's."""
    values = _every(headers, "from")
    if len(values) != 1:
        return False
    addresses = [address for _, address in getaddresses(values)]
    if len(addresses) != 1 or normal_email(addresses[0]) != sender:
        return False
    return _ROLE.fullmatch(sender.partition("@")[0]) is None


_RULES: Final[tuple[Callable[[Headers], bool], ...]] = (
    _has_null_return_path,
    _says_automatic,
    _is_from_a_list,
    _is_bulk,
    _asks_for_silence,
    _tells_of_a_machine,
    _is_report,
    _is_flagged,
)
