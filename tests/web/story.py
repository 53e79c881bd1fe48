"""A case as one really looks: weeks of texts and mails, forwarded in one go and since. Everyone in it is made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from tests.web.officers import Site

SENDER = "+447700900001"
OFFICER = "dc.jones@exampleshire.example"
TEXTS = (
    "From: Liam Hart\nSent: 5 October 2026 22:41\nI know you saw my message. Why are you doing this to me.",
    "From: Liam Hart\nSent: 5 October 2026 22:58\nAnswer me",
    "From: Liam Hart\nSent: 5 October 2026 23:20\nI will just wait outside then",
    "From: Liam Hart\nSent: 9 October 2026 07:15\nNice coat this morning. Blue suits you.",
    "From: 07700 900321\nSent: 17 October 2026 01:12\nnew number since you blocked the old one. we need to talk",
    "From: 07700 900321\nSent: 17 October 2026 01:40\nI can see your light is on",
    "From: 07700 900321\nSent: 2 November 2026 18:03\nwho was that in the silver car, AB12 CDE. I will find out",
    "He was stood opposite the bus stop again, did not say anything.",
    "STOP",
)
STRANGER = "Hello, you may win a prize. Reply YES."


def a_mail(subject: str, text: str, *, html: str = "", at: datetime) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Amy Beth Carter <amy@example.org>"
    mail["To"] = "intake@exampleshire.example"
    mail["Date"] = at
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{at:%Y%m%d%H%M%S}@mail.example.org>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def an_inline_forward(at: datetime) -> bytes:
    text = (
        "he has my work address now\n\n---------- Forwarded message ---------\n"
        "From: Liam Hart <liam.hart@example.com>\nDate: Wed, 11 Nov 2026 at 21:07\nSubject: You cannot ignore me\n"
        "To: Amy <amy@example.org>\n\n\nI asked at your office when you finish on Fridays. They were very helpful.\n\n"
        "I left something for you at the desk. Photos at http://photos.example.net/ah/77 if you want to see\n"
        "how much I think about you.\n\nL\n"
    )
    return a_mail("Fwd: You cannot ignore me", text, at=at).as_bytes()


def an_attached_original(at: datetime) -> bytes:
    original = EmailMessage(policy=SMTP)
    original["From"] = "Liam Hart <liam.hart@example.com>"
    original["To"] = "Amy <amy@example.org>"
    original["Date"] = datetime(2026, 11, 14, 23, 52, 10, tzinfo=UTC)
    original["Subject"] = "Last chance"
    original["Message-ID"] = "<last.chance@example.com>"
    original["Received"] = "from mail.example.com (192.0.2.10) by mx.example.org; Sat, 14 Nov 2026 23:52:12 +0000"
    original.set_content("If you go to the police you will be sorry. I mean it.\n\nCall me on 07700 900321.\n")
    original.add_alternative(
        "<p>If you go to the police you will be sorry. I mean it.</p><p>Call me on 07700 900321.</p>"
        '<img src="https://track.example.net/o.gif?u=amy" width="1" height="1">',
        subtype="html",
    )
    mail = a_mail("Fwd: Last chance", "the whole mail is attached like you said\n", at=at)
    mail.add_attachment(original)
    return mail.as_bytes()


def a_screenshot(at: datetime) -> bytes:
    mail = a_mail("screenshot", "this was on my phone when I woke up\n", at=at)
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(5000), maintype="image", subtype="png", filename="Screenshot.png")
    return mail.as_bytes()


def tell(site: Site) -> tuple[UUID, str, dict[str, UUID]]:
    """Make it all.

    Returns:
        The officer's account, the case's slug, and exhibits by what they are.
    """
    work = site.casework
    work.at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    officer = site.person(email=OFFICER)
    case = site.case("42/1234/26", officer, "Operation Larch")
    site.case("42/0988/26", officer)
    work.enrol(case, phone=SENDER, email="amy@example.org")
    items = {}
    for number, body in enumerate(TEXTS):
        work.later(seconds=70)
        items[f"text {number}"] = work.text(body, sender=SENDER)
    work.later(hours=2)
    items["inline"] = work.mail(an_inline_forward(work.at))
    items["attached"] = work.mail(an_attached_original(work.at + timedelta(minutes=9)))
    items["screenshot"] = work.mail(a_screenshot(work.at + timedelta(minutes=12)))
    work.text(STRANGER, sender="+447700900888")
    work.at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    work.seal()
    return officer, case.slug, items
