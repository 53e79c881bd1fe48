"""What a fuzzer starts from: an input of every kind that each reader knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from tests.reading.forward_styles import STYLES
from tests.reading.html_forwards import STRUCTURES
from tests.reading.mails import ORIGINAL, attached, html_mail, in_base64

_CORPUS: Final = Path(__file__).parents[1] / "reading" / "corpora" / "mail"
_BACKUP: Final = """<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>
<!-- made here -->
<smses count="3" backup_set="a" backup_date="1795300000000" type="full">
  <sms protocol="0" address="+447700900123" date="1795300000000" type="1" subject="null" body="I see you &#55357;&#56832; &amp; more&#10;again" read="1" status="-1" readable_date="21 Nov 2026 22:14:08" contact_name="Dan" />
  <mms date="1795300001000" msg_box="1" address="+447700900123~+447700900124" m_id="1" ct_t="application/vnd.wap.multipart.related" contact_name="(Unknown)"><parts><part seq="0" ct="text/plain" name="null" chset="106" cl="t.txt" text="look" /><part seq="1" ct="image/jpeg" cl="a.jpg" text="null" data="/9j/4AAQ" /></parts><addrs><addr address="+447700900123" type="137" charset="106" /></addrs></mms>
</smses>
<calls count="1"><call number="+447700900123" duration="12" date="1795300002000" type="3" presentation="1" contact_name="null" /></calls>
"""
_CHATS: Final = (
    "21/11/2026, 22:14 - Dan Frost: I see you\nmore\n21/11/2026, 22:15 - Sam: <Media omitted>\n",
    "[21.11.26, 22:14:08] Dan Frost: \u200eIMG-1.jpg (file attached)\r\n[21.11.26, 22:15:08] Sam: no\r\n",
    "11/21/26, 10:14\u202fPM - Dan Frost: a\n11/21/26, 10:15\u202fPM - Dan Frost created group\n",
    "21/11/2026 10:14 p. m. - Dan: hola\n2026/11/21 22:14 - Dan: a\n2026. 11. 21. 오후 10:14, Dan : x\n\u0662\u0661/\u0661\u0661/\u0662\u0660\u0662\u0666, 22:14 - D: x\n",
)


def seeds_of(target: str) -> Iterator[bytes]:
    """The seeds of one target."""
    if target == "forward":
        yield from (b"\x01" + style.text.encode() for style in STYLES)
        yield from (b"\x02" + html.encode() for _, html in STRUCTURES.values())
    elif target == "mail":
        yield from (path.read_bytes() for path in sorted(_CORPUS.glob("*/*")) if path.suffix in (".txt", ".eml"))
        yield from (html_mail(html, subject=subject) for subject, html in STRUCTURES.values())
        base64 = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n"
        yield from (attached(), attached(in_base64(ORIGINAL), headers=base64))
    elif target == "text":
        body = "Fwd: From: Dan (07700 900123)\nSent: 21 Nov 2026 22:14\nMessage: I see you"
        yield urlencode({"MessageSid": "SM1", "From": "+447700900001", "NumMedia": "0", "Body": body}).encode()
    elif target == "backup":
        yield _BACKUP.encode()
    elif target == "chat":
        yield from (chat.encode() for chat in _CHATS)
    else:
        yield b"From a@example.org Sat Nov 21 22:14:08 2026\n" + ORIGINAL + b"\n>From b\nFrom b@example.org x\n\nx\n"
