"""Forwards as mail programs write them in HTML: their structure, with our people and words. Each is read the same."""

from __future__ import annotations

from typing import Final

A: Final = '<a href="mailto:dan.frost@example.com">dan.frost@example.com</a>'
S: Final = '<a href="mailto:sam.carter@example.org">sam.carter@example.org</a>'

# name → (the mail's subject, its HTML)
STRUCTURES: Final = {
    "Gmail on the web": (
        "Fwd: You will regret this",
        f"""<div dir="ltr"><div>He wrote again.</div><br><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: <b class="gmail_sendername" dir="auto">Dan Frost</b> <span dir="auto">&lt;{A}&gt;</span><br>Date: Sat, 21 Nov 2026, 22:14<br>Subject: You will regret this<br>To:  &lt;{S}&gt;<br></div><br><br><div dir="ltr">You will regret this.</div>
</div></div>""",
    ),
    "Gmail on a telephone": (
        "Fwd: You will regret this",
        f"""<div dir="auto">He wrote again.</div><div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: <strong class="gmail_sendername" dir="auto">Dan Frost</strong> <span dir="auto">&lt;{A}&gt;</span><br>Date: Sat, 21 Nov 2026 at 22:14<br>Subject: You will regret this<br>To: Sam Carter &lt;{S}&gt;<br></div><br><br><u></u>You will regret this.</div></div>""",
    ),
    "Gmail in a language we have no words of": (
        "Fwd: You will regret this",
        f"""<div dir="ltr">He wrote again.<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Xyzzyed plughage ---------<br>Frobnic: <strong class="gmail_sendername" dir="auto">Dan Frost</strong> <span dir="auto">&lt;{A}&gt;</span><br>Whenic: 2026-11-21 22:14<br>Aboutic: You will regret this<br>Untoic: Sam Carter &lt;{S}&gt;<br></div><br><br><div>You will regret this.</div></div></div>""",
    ),
    "Outlook on the web": (
        "Fw: You will regret this",
        """<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><style type="text/css" style="display:none;"> P {margin-top:0;margin-bottom:0;} </style></head><body dir="ltr">
<div style="font-family: Aptos, Arial; font-size: 12pt; color: rgb(0, 0, 0);" class="elementToProof">He wrote again.</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>From:</b> Dan Frost &lt;dan.frost@example.com&gt;<br><b>Sent:</b> 21 November 2026 22:14<br><b>To:</b> sam.carter@example.org &lt;sam.carter@example.org&gt;<br><b>Subject:</b> You will regret this</font><div>&nbsp;</div></div><div dir="ltr">You will regret this.</div></body></html>""",
    ),
    "Outlook on the web, in a language we have no words of": (
        "Fw: You will regret this",
        """<body><div>He wrote again.</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font><b>Frobnic:</b> Dan Frost &lt;dan.frost@example.com&gt;<br><b>Whenic:</b> 21 November 2026 22:14<br><b>Untoic:</b> Sam Carter &lt;sam.carter@example.org&gt;<br><b>Aboutic:</b> You will regret this</font><div>&nbsp;</div></div><div>You will regret this.</div></body>""",
    ),
    "Outlook on a telephone": (
        "FW: You will regret this",
        """<html><body><div dir="ltr"><div></div><div>He wrote again.</div><div><br></div><div id="ms-outlook-mobile-signature"><div>Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div></div></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>From:</b> Dan Frost &lt;dan.frost@example.com&gt;<br><b>Sent:</b> Saturday, November 21, 2026 10:14:08 PM<br><b>To:</b> Sam Carter &lt;sam.carter@example.org&gt;<br><b>Subject:</b> You will regret this</font><div>&nbsp;</div></div><div>You will regret this.</div></body></html>""",
    ),
    "Outlook on a telephone, newer, subject changed": (
        "evidence",
        """<body><div dir="ltr" class="ms-outlook-mobile-body">He wrote again.</div><div id="mail-editor-reference-message-container" class="ms-outlook-mobile-reference-message"><div style="border-width: 1pt medium medium; border-style: solid none none; border-color: rgb(181, 196, 223) currentcolor currentcolor; padding: 3pt 0in 0in;"><div style="text-align: left;"><b>From: </b>Dan Frost &lt;dan.frost@example.com&gt;<br><b>Date: </b>Saturday, 21 November 2026 at 22:14<br><b>To: </b>Sam Carter &lt;sam.carter@example.org&gt;<br><b>Subject: </b>You will regret this<br><br></div></div><div>You will regret this.</div></div></body>""",
    ),
    "Outlook for Windows": (
        "FW: You will regret this",
        """<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"><head><!--[if !mso]><style>v\\:* {behavior:url(#default#VML);}</style><![endif]--><style><!-- p.MsoNormal {margin:0cm;} --></style></head><body lang="EN-GB" link="#0563C1"><div class="WordSection1"><p class="MsoNormal">He wrote again.<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b><span lang="EN-US" style="font-size:11.0pt">From:</span></b><span lang="EN-US" style="font-size:11.0pt"> Dan Frost &lt;dan.frost@example.com&gt;
<br><b>Sent:</b> 21 November 2026 22:14<br><b>To:</b> Sam Carter &lt;sam.carter@example.org&gt;<br><b>Subject:</b> You will regret this<o:p></o:p></span></p></div></div><p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">You will regret this.<o:p></o:p></p></div></body></html>""",
    ),
    "Outlook for Windows, subject changed": (
        "evidence",
        """<body><div class=WordSection1><p class=MsoNormal>He wrote again.</p><div style='border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in'><p class=MsoNormal><b>From:</b> Dan Frost [mailto:dan.frost@example.com] <br><b>Sent:</b> Saturday, November 21, 2026 10:14 PM<br><b>To:</b> Sam Carter<br><b>Subject:</b> You will regret this</p></div><p class=MsoNormal>You will regret this.</p></div></body>""",
    ),
    "Outlook's header as a table": (
        "FW: You will regret this",
        """<p>He wrote again.</p><hr><table border="0"><tbody><tr><td align="right"><b>From:</b></td><td>Dan Frost &lt;dan.frost@example.com&gt;</td></tr><tr><td align="right"><b>Sent:</b></td><td>21 November 2026 22:14</td></tr><tr><td align="right"><b>To:</b></td><td>Sam Carter &lt;sam.carter@example.org&gt;</td></tr><tr><td align="right"><b>Subject:</b></td><td>You will regret this</td></tr></tbody></table><p>You will regret this.</p>""",
    ),
    "Outlook for Mac": (
        "FW: You will regret this",
        """<html><body><div class="WordSection1"><p class="MsoNormal">He wrote again.</p><div id="mail-editor-reference-message-container"><div><div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal" style="mso-margin-top-alt:0cm"><b><span style="color:black">From: </span></b><span style="color:black">Dan Frost &lt;dan.frost@example.com&gt;<br><b>Date: </b>Saturday, 21 November 2026 at 22:14<br><b>To: </b>Sam Carter &lt;sam.carter@example.org&gt;<br><b>Subject: </b>You will regret this</span></p></div><p class="MsoNormal">You will regret this.</p></div></div></div></div></body></html>""",
    ),
    "Apple Mail on a telephone": (
        "Fwd: You will regret this",
        f"""<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head><body dir="auto">He wrote again.<br id="lineBreakAtBeginningOfSignature"><div dir="ltr"><br><div>Sent from my iPhone</div></div><div dir="ltr"><br>Begin forwarded message:<br><br></div><blockquote type="cite"><div dir="ltr"><b>From:</b> Dan Frost &lt;{A}&gt;<br><b>Date:</b> 21 November 2026 at 22:14:08 GMT<br><b>To:</b> Sam Carter &lt;{S}&gt;<br><b>Subject:</b> <b>You will regret this</b><br><br></div></blockquote><blockquote type="cite"><div dir="ltr">﻿You will regret this.<br></div></blockquote></body></html>""",
    ),
    "Apple Mail on a computer": (
        "Fwd: You will regret this",
        f"""<html><body style="overflow-wrap: break-word;">He wrote again.<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>Begin forwarded message:</div><br class="Apple-interchange-newline"><div style="margin: 0px;"><span style="font-family: -webkit-system-font;"><b>From: </b></span><span>Dan Frost &lt;{A}&gt;<br></span></div><div style="margin: 0px;"><span><b>Subject: </b></span><span><b>You will regret this</b><br></span></div><div><span><b>Date: </b></span><span>21 November 2026 at 22:14:08 GMT<br></span></div><div><span><b>To: </b></span><span>Sam Carter &lt;{S}&gt;<br></span></div><div><span><b>Reply-To: </b></span><span>Other &lt;other@example.net&gt;<br></span></div><br><div><div>You will regret this.</div></div></blockquote></div><br></body></html>""",
    ),
    "Yahoo on the web": (
        "Fw: You will regret this",
        f"""<html><head></head><body><div class="ydp1yahoo-style-wrap"><div dir="ltr">He wrote again.</div><div><br></div></div><div id="ydp2yahoo_quoted_1" class="ydp2yahoo_quoted"><div style="font-family:'Helvetica Neue';font-size:13px;color:#26282a;"><div>----- Forwarded message -----</div><div><b>From:</b> Dan Frost &lt;{A}&gt;</div><div><b>To:</b> "{S}" &lt;{S}&gt;</div><div><b>Sent:</b> Saturday, 21 November 2026 at 22:14:08 GMT</div><div><b>Subject:</b> You will regret this</div><div><br></div><div><div>You will regret this.</div></div></div></div></body></html>""",
    ),
    "Yahoo on a telephone": (
        "Fw: You will regret this",
        f"""He wrote again.<br><br><p class="yahoo-signature">Sent from Yahoo Mail for iPhone</p><br><p class="yahoo-quoted-begin" style="font-size: 15px; color: #715FFA;">Begin forwarded message:</p><blockquote class="iosymail"><div id="yiv1"><div>On Saturday, November 21, 2026, 22:14, Dan Frost &lt;{A}&gt; wrote:</div><br><div>You will regret this.</div></div></blockquote>""",
    ),
    "Samsung Mail": (
        "Fwd: You will regret this",
        """<html><body><div>He wrote again.</div><div><br></div><div id="composer_signature" dir="auto"><div style="font-size:12px;color:#575757" dir="auto">Sent from my Galaxy</div></div><div><br></div><div style="font-size:100%;color:#000000" dir="auto"><!-- originalMessage --><div>-------- Original message --------</div><div>From: Dan Frost &lt;dan.frost@example.com&gt; </div><div>Date: 21/11/2026  22:14  (GMT+00:00) </div><div>To: sam.carter@example.org </div><div>Subject: You will regret this </div><div><br></div></div><div>You will regret this.</div></body></html>""",
    ),
    "Proton Mail": (
        "Fw: You will regret this",
        f"""<div style="font-family: Arial, sans-serif; font-size: 14px;">He wrote again.</div><div class="protonmail_signature_block protonmail_signature_block-empty"></div><div class="protonmail_quote">------- Forwarded Message -------<br>From: Dan Frost &lt;{A}&gt;<br>Date: On Saturday, November 21st, 2026 at 10:14 PM<br>Subject: You will regret this<br>To: Sam Carter &lt;{S}&gt;<br><br><blockquote class="protonmail_quote" type="cite"><div>You will regret this.</div></blockquote></div>""",
    ),
    "Thunderbird": (
        "Fwd: You will regret this",
        f"""<html><head><meta http-equiv="content-type" content="text/html; charset=UTF-8"></head><body><p>He wrote again.</p><div class="moz-forward-container"><br><br>-------- Forwarded Message --------<table class="moz-email-headers-table" cellspacing="0" cellpadding="0" border="0"><tbody><tr><th valign="BASELINE" align="RIGHT" nowrap="nowrap">Subject: </th><td>You will regret this</td></tr><tr><th valign="BASELINE" align="RIGHT" nowrap="nowrap">Date: </th><td>Sat, 21 Nov 2026 22:14:08 +0000</td></tr><tr><th valign="BASELINE" align="RIGHT" nowrap="nowrap">From: </th><td>Dan Frost <a class="moz-txt-link-rfc2396E" href="mailto:dan.frost@example.com">&lt;dan.frost@example.com&gt;</a></td></tr><tr><th valign="BASELINE" align="RIGHT" nowrap="nowrap">To: </th><td>{S}</td></tr></tbody></table><br><br>You will regret this.</div></body></html>""",
    ),
    "Thunderbird in a language we have no words of": (
        "Fwd: You will regret this",
        f"""<body><p>He wrote again.</p><div class="moz-forward-container"><br>-------- Xyzzyed plughage --------<table class="moz-email-headers-table" cellspacing="0"><tbody><tr><th>Aboutic: </th><td>You will regret this</td></tr><tr><th>Whenic: </th><td>Sat, 21 Nov 2026 22:14:08 +0000</td></tr><tr><th>Frobnic: </th><td>Dan Frost <a href="mailto:dan.frost@example.com">&lt;dan.frost@example.com&gt;</a></td></tr><tr><th>Untoic: </th><td>{S}</td></tr></tbody></table><br><br>You will regret this.</div></body>""",
    ),
    "Roundcube": (
        "Fwd: You will regret this",
        """<p>He wrote again.</p><p id="v1forwardintro">-------- Original Message --------</p><table border="0" cellspacing="0" cellpadding="0"><tbody><tr><th align="right" nowrap="nowrap" valign="baseline">Subject:</th><td>You will regret this</td></tr><tr><th align="right">Date:</th><td>2026-11-21 22:14</td></tr><tr><th align="right">From:</th><td>Dan Frost &lt;dan.frost@example.com&gt;</td></tr><tr><th align="right">To:</th><td>sam.carter@example.org</td></tr></tbody></table><p><br></p><p>You will regret this.</p>""",
    ),
    "Zoho": (
        "Fwd: You will regret this",
        f"""<div>He wrote again.<br></div><div class="zmail_extra" style="font-family:Verdana"><div id="Zm-_Id_-Sgn1">============ Forwarded message ============<br></div><div>From: Dan Frost &lt;{A}&gt;<br></div><div>To: "Sam Carter"&lt;{S}&gt;<br></div><div>Date: Sat, 21 Nov 2026 22:14:08 +0000<br></div><div>Subject: You will regret this<br></div><div>============ Forwarded message ============<br></div><blockquote id="blockquote_zmail"><div>You will regret this.</div></blockquote></div>""",
    ),
    "Fastmail": (
        "Fwd: You will regret this",
        f"""<div>He wrote again.</div><div><br></div><div>----- Original message -----</div><div>From: Dan Frost &lt;{A}&gt;</div><div>To: Sam Carter &lt;{S}&gt;</div><div>Subject: You will regret this</div><div>Date: Saturday, November 21, 2026 10:14 PM</div><div><br></div><blockquote type="cite" id="qt"><div>You will regret this.</div></blockquote>""",
    ),
    "GMX": (
        "Fw: You will regret this",
        """<div>He wrote again.</div><div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0 0 10px 0;"><b>Gesendet:</b>&nbsp;Samstag, 21. November 2026 um 22:14 Uhr<br/><b>Von:</b>&nbsp;&quot;Dan Frost&quot; &lt;dan.frost@example.com&gt;<br/><b>An:</b>&nbsp;sam.carter@example.org<br/><b>Betreff:</b>&nbsp;You will regret this</div><div name="quoted-content">You will regret this.</div></div>""",
    ),
    "Yandex": (
        "Fwd: You will regret this",
        """<div>He wrote again.</div><div>-------- Пересылаемое сообщение --------</div><div>21.11.2026, 22:14, "Dan Frost" &lt;dan.frost@example.com&gt;:</div><div> </div><div>You will regret this.</div><div>-------- Конец пересылаемого сообщения --------</div>""",
    ),
    "QQ": (
        "Fw: You will regret this",
        """<div>He wrote again.</div><div><br></div><div style="font-size: 12px;">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b>&nbsp;"Dan Frost"&lt;dan.frost@example.com&gt;;</div><div><b>发送时间:</b>&nbsp;2026年11月21日(星期六) 晚上10:14</div><div><b>收件人:</b>&nbsp;"Sam Carter"&lt;sam.carter@example.org&gt;;</div><div></div><div><b>主题:</b>&nbsp;You will regret this</div></div><div><br></div><div>You will regret this.</div>""",
    ),
    "eM Client": (
        "Fwd: You will regret this",
        """<div>He wrote again.</div><div><br></div><div>------ Forwarded Message ------</div><div>From: "Dan Frost" &lt;<a href="mailto:dan.frost@example.com">dan.frost@example.com</a>&gt;</div><div>To: "Sam Carter" &lt;<a href="mailto:sam.carter@example.org">sam.carter@example.org</a>&gt;</div><div>Date: 21/11/2026 22:14:08</div><div>Subject: You will regret this</div><div><br></div><div id="x1"><blockquote type="cite" class="cite2"><div>You will regret this.</div></blockquote></div>""",
    ),
}
