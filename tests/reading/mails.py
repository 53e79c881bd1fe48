"""Mails as programs write them, made here: HTML forwards, attached originals, traps. Numbers are Ofcom's for drama."""

from __future__ import annotations

import base64
import textwrap

CONTRIBUTOR = "Sam Carter <sam.carter@example.org>"
DOOR = "Reports <reports@holdfast.example>"


def mail(
    body: str | bytes,
    *,
    subject: str = "Fwd: You will regret this",
    content_type: str = "text/plain; charset=utf-8",
    extra: str = "",
) -> bytes:
    """A mail from the contributor to the door."""
    head = f"From: {CONTRIBUTOR}\r\nTo: {DOOR}\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 08:15:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: {content_type}\r\n{extra}\r\n"
    return head.encode() + (body if isinstance(body, bytes) else body.encode())


def html_mail(html: str, *, subject: str = "Fwd: You will regret this") -> bytes:
    return mail(textwrap.dedent(html).strip(), subject=subject, content_type="text/html; charset=utf-8")


def alternatives(plain: str, html: str, *, subject: str = "Fwd: You will regret this") -> bytes:
    body = (
        "--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + plain
        + "\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        + html
        + "\r\n--alt--\r\n"
    )
    return mail(body, subject=subject, content_type='multipart/alternative; boundary="alt"')


ORIGINAL = (
    b"Received: from mx.example.net by mail.example.org; Sat, 21 Nov 2026 22:14:10 +0000\r\n"
    b"From: Dan Frost <dan.frost@example.com>\r\n"
    b"To: Sam Carter <sam.carter@example.org>\r\n"
    b"Subject: =?utf-8?q?I_know_where_you_are_=F0=9F=91=80?=\r\n"
    b"Date: Sat, 21 Nov 2026 22:14:08 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"I saw you at the station. Call me on 07700 900123.\r\n"
)


def attached(
    original: bytes = ORIGINAL,
    *,
    headers: bytes = b"Content-Type: message/rfc822\r\n",
    note: bytes = b"He did it again.",
) -> bytes:
    """The contributor's mail with an original attached, in whatever dress."""
    body = (
        b"--mix\r\nContent-Type: text/plain\r\n\r\n"
        + note
        + b"\r\n--mix\r\n"
        + headers
        + b"\r\n"
        + original
        + b"\r\n--mix--\r\n"
    )
    return mail(body, subject="Fwd: I know where you are", content_type="multipart/mixed; boundary=mix")


def in_base64(data: bytes) -> bytes:
    return base64.encodebytes(data)


GMAIL = """
<div dir="ltr">He wrote again.<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>
From: <strong class="gmail_sendername" dir="auto">Dan Frost</strong> <span dir="auto">&lt;<a href="mailto:dan.frost@example.com">dan.frost@example.com</a>&gt;</span><br>
Date: Sat, 21 Nov 2026 at 22:14<br>Subject: You will regret this<br>To: Sam Carter &lt;<a href="mailto:sam.carter@example.org">sam.carter@example.org</a>&gt;<br></div><br><br>
<div dir="ltr">You will regret this.<div><br></div><div>I am outside. <a href="https://maps.example.com/?q=51.5">here</a></div></div>
</div></div>
"""

OUTLOOK_LIVE = """
<html><head><style type="text/css">P {margin-top:0}</style></head><body dir="ltr">
<div class="elementToProof">Please add this.</div>
<div id="appendonsend"></div>
<hr style="display:inline-block;width:98%" tabindex="-1">
<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>From:</b> Dan Frost &lt;dan.frost@example.com&gt;<br>
<b>Sent:</b> Saturday, November 21, 2026 22:14<br>
<b>To:</b> Sam Carter &lt;sam.carter@example.org&gt;<br>
<b>Subject:</b> You will regret this</font><div>&nbsp;</div></div>
<div>You will regret this.</div></body></html>
"""

OUTLOOK_DESKTOP = """
<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><!--[if gte mso 9]><xml><o:x/></xml><![endif]--></head>
<body lang="EN-GB"><div class="WordSection1"><p class="MsoNormal">Please add this.<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>
<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">
<p class="MsoNormal"><b><span lang="EN-US">From:</span></b><span lang="EN-US"> Dan Frost &lt;dan.frost@example.com&gt; <br><b>Sent:</b> 21 November 2026 22:14<br><b>To:</b> Sam Carter &lt;sam.carter@example.org&gt;<br><b>Subject:</b> You will regret this<o:p></o:p></span></p></div></div>
<p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">You will regret this.<o:p></o:p></p></div></body></html>
"""

OUTLOOK_TABLE = """
<p>Please add this.</p><hr>
<table><tr><td><b>From:</b></td><td>Dan Frost &lt;dan.frost@example.com&gt;</td></tr>
<tr><td><b>Sent:</b></td><td>21 November 2026 22:14</td></tr>
<tr><td><b>To:</b></td><td>Sam Carter &lt;sam.carter@example.org&gt;</td></tr>
<tr><td><b>Subject:</b></td><td>You will regret this</td></tr></table>
<p>You will regret this.</p>
"""

APPLE = """
<html><body dir="auto">He wrote again.<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Sent from my iPhone</div><div dir="ltr"><br>Begin forwarded message:<br><br></div>
<blockquote type="cite"><div dir="ltr"><b>From:</b> Dan Frost &lt;dan.frost@example.com&gt;<br><b>Date:</b> 21 November 2026 at 22:14:08 GMT<br><b>To:</b> Sam Carter &lt;sam.carter@example.org&gt;<br><b>Subject:</b> <b>You will regret this</b><br><br></div></blockquote>
<blockquote type="cite"><div dir="ltr">\ufeffYou will regret this.</div></blockquote></body></html>
"""

APPLE_MAC = """
<html><body>He wrote again.<br><div><br><blockquote type="cite"><div>Begin forwarded message:</div><br class="Apple-interchange-newline">
<div style="margin-top: 0px;"><span style="font-family: -webkit-system-font; color:rgba(0, 0, 0, 1.0);"><b>From: </b></span><span>Dan Frost &lt;<a href="mailto:dan.frost@example.com">dan.frost@example.com</a>&gt;<br></span></div>
<div><span><b>Subject: </b></span><span><b>You will regret this</b><br></span></div>
<div><span><b>Date: </b></span><span>21 November 2026 at 22:14:08 GMT<br></span></div>
<div><span><b>To: </b></span><span>Sam Carter &lt;<a href="mailto:sam.carter@example.org">sam.carter@example.org</a>&gt;<br></span></div><br>
<div><div>You will regret this.</div></div></blockquote></div></body></html>
"""

THUNDERBIRD = """
<html><body><p>He wrote again.</p><div class="moz-forward-container"><br><br>-------- Forwarded Message --------
<table class="moz-email-headers-table" cellspacing="0" cellpadding="0" border="0"><tbody>
<tr><th valign="BASELINE" nowrap="nowrap" align="RIGHT">Subject: </th><td>You will regret this</td></tr>
<tr><th valign="BASELINE" nowrap="nowrap" align="RIGHT">Date: </th><td>Sat, 21 Nov 2026 22:14:08 +0000</td></tr>
<tr><th valign="BASELINE" nowrap="nowrap" align="RIGHT">From: </th><td>Dan Frost <a class="moz-txt-link-rfc2396E" href="mailto:dan.frost@example.com">&lt;dan.frost@example.com&gt;</a></td></tr>
<tr><th valign="BASELINE" nowrap="nowrap" align="RIGHT">To: </th><td>Sam Carter <a href="mailto:sam.carter@example.org">&lt;sam.carter@example.org&gt;</a></td></tr>
</tbody></table><br><br>You will regret this.</div></body></html>
"""

YAHOO = """
<div>He wrote again.</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div style="font-size:13px;">
<div>----- Forwarded Message -----</div><div><b>From:</b> Dan Frost &lt;dan.frost@example.com&gt;</div><div><b>To:</b> "Sam Carter" &lt;sam.carter@example.org&gt;</div>
<div><b>Sent:</b> Saturday, 21 November 2026 at 22:14:08 GMT</div><div><b>Subject:</b> You will regret this</div><div><br></div><div>You will regret this.</div></div></div>
"""

HTML_FORWARDS = {
    "gmail": GMAIL,
    "outlook-live": OUTLOOK_LIVE,
    "outlook-desktop": OUTLOOK_DESKTOP,
    "outlook-table": OUTLOOK_TABLE,
    "iphone": APPLE,
    "apple-mail": APPLE_MAC,
    "thunderbird": THUNDERBIRD,
    "yahoo": YAHOO,
}
