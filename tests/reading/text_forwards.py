"""Forwards as further mail programs write them in text: of telephones, of the web, of offices, of terminals.

The phrases and labels are facts about the programs; the people, the words and the dates are ours.
"""

from __future__ import annotations

from typing import Final

D: Final = "Dan Frost <dan.frost@example.com>"
S: Final = "sam.carter@example.org"
B: Final = "You will regret this."
N: Final = "He wrote again.\n\n"

TEXTS: Final = {
    "Samsung en": (
        "Fwd: x",
        N
        + "Sent from my Galaxy\n\n-------- Original message --------\nFrom: "
        + D
        + " \nDate: 21/11/2026 22:14 (GMT+00:00) \nTo: "
        + S
        + " \nSubject: x \n\n"
        + B,
    ),
    "Samsung de": (
        "Fwd: x",
        N
        + "Von meinem Galaxy gesendet\n\n-------- Ursprüngliche Nachricht --------\nVon: "
        + D
        + " \nDatum: 21.11.26 22:14 (GMT+01:00) \nAn: "
        + S
        + " \nBetreff: x \n\n"
        + B,
    ),
    "Samsung fr": (
        "Fwd: x",
        N
        + "-------- Message d'origine --------\nDe : "
        + D
        + " \nDate : 21/11/2026 22:14 (GMT+01:00) \nÀ : "
        + S
        + " \nObjet : x \n\n"
        + B,
    ),
    "Samsung pl": (
        "Fwd: x",
        N
        + "-------- Oryginalna wiadomość --------\nOd: "
        + D
        + " \nData: 21.11.2026 22:14 (GMT+01:00) \nDo: "
        + S
        + " \nTemat: x \n\n"
        + B,
    ),
    "Outlook iOS": (
        "Fw: x",
        N
        + "Get Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: "
        + D
        + "\nSent: Saturday, November 21, 2026 10:14:08 PM\nTo: "
        + S
        + " <"
        + S
        + ">\nSubject: x\n\n"
        + B,
    ),
    "Outlook Android de": (
        "WG: x",
        N
        + "Outlook für Android<https://aka.ms/AAb9ysg> beziehen\n________________________________\nVon: "
        + D
        + "\nGesendet: Samstag, 21. November 2026 22:14:08\nAn: "
        + S
        + " <"
        + S
        + ">\nBetreff: x\n\n"
        + B,
    ),
    "Outlook desktop en": (
        "FW: x",
        N
        + "From: Dan Frost <dan.frost@example.com> \nSent: 21 November 2026 22:14\nTo: 'Sam Carter' <"
        + S
        + ">\nSubject: x\nImportance: High\n\n"
        + B,
    ),
    "Outlook desktop original": (
        "FW: x",
        N
        + "-----Original Message-----\nFrom: Dan Frost [mailto:dan.frost@example.com] \nSent: 21 November 2026 22:14\nTo: Sam Carter\nSubject: x\n\n"
        + B,
    ),
    "Outlook desktop fr": (
        "TR: x",
        N
        + "-----Message d'origine-----\nDe : Dan Frost [mailto:dan.frost@example.com] \nEnvoyé : samedi 21 novembre 2026 22:14\nÀ : Sam Carter\nObjet : x\n\n"
        + B,
    ),
    "Proton en": (
        "Fw: x",
        N
        + "------- Forwarded Message -------\nFrom: "
        + D
        + "\nDate: On Saturday, November 21st, 2026 at 10:14 PM\nSubject: x\nTo: Sam Carter <"
        + S
        + ">\n\n\n> "
        + B,
    ),
    "Proton fr": (
        "Fw: x",
        N
        + "------- Message transféré -------\nDe : "
        + D
        + "\nDate : Le samedi 21 novembre 2026 à 22:14\nObjet : x\nÀ : Sam Carter <"
        + S
        + ">\n\n\n> "
        + B,
    ),
    "Fastmail": (
        "Fwd: x",
        N
        + "----- Original message -----\nFrom: "
        + D
        + "\nTo: Sam Carter <"
        + S
        + ">\nSubject: x\nDate: Saturday, 21 November 2026 22:14\n\n"
        + B,
    ),
    "Zoho": (
        "Fwd: x",
        N
        + "============ Forwarded message ============\nFrom: "
        + D
        + "\nTo: <"
        + S
        + ">\nDate: Sat, 21 Nov 2026 22:14:08 +0000\nSubject: x\n============ Forwarded message ============\n\n"
        + B,
    ),
    "GMX de": (
        "Fw: x",
        N
        + 'Gesendet: Samstag, 21. November 2026 um 22:14 Uhr\nVon: "Dan Frost" <dan.frost@example.com>\nAn: '
        + S
        + "\nBetreff: x\n\n"
        + B,
    ),
    "GMX gesendet rule": (
        "Fw: x",
        N
        + " \n--\nDiese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.\nAm 21.11.26, 22:14 schrieb Dan Frost <dan.frost@example.com>:\n"
        + B,
    ),
    "web.de app": (
        "Fwd: x",
        N
        + "-------- Weitergeleitete Nachricht --------\nVon: "
        + D
        + "\nAn: "
        + S
        + "\nBetreff: x\nDatum: 21.11.2026 22:14\n\n"
        + B,
    ),
    "Spark": (
        "Fwd: x",
        N
        + "---------- Forwarded message ----------\nFrom: "
        + D
        + "\nDate: 21 Nov 2026 at 22:14 +0000\nTo: "
        + S
        + "\nSubject: x\n\n> "
        + B,
    ),
    "AOL": (
        "Fwd: x",
        N
        + "\n-----Original Message-----\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nSent: Sat, Nov 21, 2026 10:14 pm\nSubject: x\n\n"
        + B,
    ),
    "AOL new": (
        "Fw: x",
        N
        + '   ----- Forwarded Message ----- From: Dan Frost <dan.frost@example.com>To: "'
        + S
        + '" <'
        + S
        + ">Sent: Saturday, November 21, 2026 at 10:14:08 PM GMTSubject: x\n "
        + B,
    ),
    "Yahoo mobile": (
        "Fw: x",
        N
        + 'Sent from Yahoo Mail on Android\n\n   ----- Forwarded message ----- \nFrom: "Dan Frost" <dan.frost@example.com>\nTo: "Sam" <'
        + S
        + ">\nSent: Sat, Nov 21, 2026 at 22:14\nSubject: x\n"
        + B,
    ),
    "Yahoo iphone": (
        "Fw: x",
        N
        + "Sent from Yahoo Mail for iPhone\n\nBegin forwarded message:\n\nOn Saturday, November 21, 2026, 10:14 PM, Dan Frost <dan.frost@example.com> wrote:\n\n"
        + B,
    ),
    "iCloud web": (
        "Fwd: x",
        N
        + "Begin forwarded message:\n\nFrom: "
        + D
        + "\nDate: November 21, 2026 at 10:14:08 PM GMT\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B,
    ),
    "K-9 en": (
        "Fwd: x",
        N
        + "-------- Original Message --------\nFrom: "
        + D
        + "\nSent: 21 November 2026 22:14:08 GMT\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B,
    ),
    "K-9 de": (
        "Fwd: x",
        N
        + "-------- Originalnachricht --------\nVon: "
        + D
        + "\nGesendet: 21. November 2026 22:14:08 MEZ\nAn: "
        + S
        + "\nBetreff: x\n\n"
        + B,
    ),
    "K-9 fr": (
        "Fwd: x",
        N
        + "-------- Message original --------\nDe : "
        + D
        + "\nEnvoyé : 21 novembre 2026 22:14:08 GMT+01:00\nÀ : "
        + S
        + "\nObjet : x\n\n"
        + B,
    ),
    "eM Client": (
        "Fwd: x",
        N
        + '------ Forwarded Message ------\nFrom "Dan Frost" <dan.frost@example.com>\nTo "Sam" <'
        + S
        + ">\nDate 21/11/2026 22:14:08\nSubject x\n\n"
        + B,
    ),
    "eM Client old": (
        "Fwd: x",
        N
        + '------ Forwarded Message ------\nFrom: "Dan Frost" <dan.frost@example.com>\nTo: "Sam" <'
        + S
        + ">\nSent: 21/11/2026 22:14:08\nSubject: x\n\n"
        + B,
    ),
    "eM de": (
        "WG: x",
        N
        + '------ Weitergeleitete Nachricht ------\nVon "Dan Frost" <dan.frost@example.com>\nAn "Sam" <'
        + S
        + ">\nDatum 21.11.2026 22:14:08\nBetreff x\n\n"
        + B,
    ),
    "Notes": (
        "Fw: x",
        N
        + '----- Forwarded by Sam Carter/London/Example on 22/11/2026 09:00 -----\n\nFrom: "Dan Frost" <dan.frost@example.com>\nTo: <'
        + S
        + ">\nDate: 21/11/2026 22:14\nSubject: x\n\n"
        + B,
    ),
    "Notes wrapped": (
        "Fw: x",
        N
        + "----- Forwarded by Sam Carter/London/Example on 22/11/2026 09:00 AM \n-----\n\nFrom:   Dan Frost <dan.frost@example.com>\nTo:     "
        + S
        + "\nDate:   21/11/2026 22:14\nSubject:        x\n\n\n"
        + B,
    ),
    "Notes de": (
        "WG: x",
        N
        + "----- Weitergeleitet von Sam Carter/London/Example am 22.11.2026 09:00 -----\n\nVon: Dan Frost <dan.frost@example.com>\nAn: "
        + S
        + "\nDatum: 21.11.2026 22:14\nBetreff: x\n\n"
        + B,
    ),
    "Zimbra": (
        "Fwd: x",
        N
        + '----- Forwarded Message -----\nFrom: "Dan Frost" <dan.frost@example.com>\nTo: "Sam" <'
        + S
        + ">\nSent: Saturday, November 21, 2026 10:14:08 PM\nSubject: x\n\n"
        + B,
    ),
    "Zimbra fr": (
        "Fwd: x",
        N
        + '----- Mail transféré -----\nDe: "Dan Frost" <dan.frost@example.com>\nÀ: "Sam" <'
        + S
        + ">\nEnvoyé: Samedi 21 Novembre 2026 22:14:08\nObjet: x\n\n"
        + B,
    ),
    "Roundcube": (
        "Fwd: x",
        N
        + "-------- Original Message --------\nSubject: x\nDate: 2026-11-21 22:14\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\n\n"
        + B,
    ),
    "Roundcube de": (
        "Fwd: x",
        N
        + "-------- Originalnachricht --------\nBetreff: x\nDatum: 21.11.2026 22:14\nVon: "
        + D
        + "\nAn: "
        + S
        + "\n\n"
        + B,
    ),
    "Horde": (
        "Fwd: x",
        N
        + "----- Forwarded message from Dan Frost <dan.frost@example.com> -----\n    Date: Sat, 21 Nov 2026 22:14:08 +0000\n    From: Dan Frost <dan.frost@example.com>\n Subject: x\n      To: "
        + S
        + "\n\n"
        + B
        + "\n\n----- End forwarded message -----\n",
    ),
    "Horde de": (
        "Fwd: x",
        N
        + "----- Weitergeleitete Nachricht von Dan Frost <dan.frost@example.com> -----\n    Datum: Sat, 21 Nov 2026 22:14:08 +0000\n      Von: Dan Frost <dan.frost@example.com>\n  Betreff: x\n       An: "
        + S
        + "\n\n"
        + B
        + "\n\n----- Ende der weitergeleiteten Nachricht -----\n",
    ),
    "Mutt": (
        "Fwd: x",
        N
        + "----- Forwarded message from Dan Frost <dan.frost@example.com> -----\n\nDate: Sat, 21 Nov 2026 22:14:08 +0000\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nSubject: x\nUser-Agent: Mutt/2.2\n\n"
        + B
        + "\n\n----- End forwarded message -----\n",
    ),
    "Mutt allheaders": (
        "[dan.frost@example.com: x]",
        N
        + "----- Forwarded message from Dan Frost <dan.frost@example.com> -----\n\nDate: Sat, 21 Nov 2026 22:14:08 +0000\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B
        + "\n\n----- End forwarded message -----\n",
    ),
    "Alpine": (
        "x (fwd)",
        N
        + "---------- Forwarded message ----------\nDate: Sat, 21 Nov 2026 22:14:08 +0000\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B,
    ),
    "Evolution": (
        "Fwd: x",
        N
        + "-------- Forwarded Message --------\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nSubject: x\nDate: Sat, 21 Nov 2026 22:14:08 +0000\n\n"
        + B,
    ),
    "KMail": (
        "Fwd: x",
        N
        + "----------  Forwarded Message  ----------\n\nSubject: x\nDate: Saturday, 21 November 2026, 22:14:08 GMT\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\n\n"
        + B
        + "\n-----------------------------------------\n",
    ),
    "KMail de": (
        "Fwd: x",
        N
        + "----------  Weitergeleitete Nachricht  ----------\n\nBetreff: x\nDatum: Samstag, 21. November 2026, 22:14:08 CET\nVon: "
        + D
        + "\nAn: "
        + S
        + "\n\n"
        + B
        + "\n-----------------------------------------\n",
    ),
    "Bat": (
        "Fwd: x",
        N
        + "This is a forwarded message\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nDate: Saturday, November 21, 2026, 10:14:08 PM\nSubject: x\n\n===8<==============Original message text===============\n"
        + B
        + "\n\n===8<===========End of original message text===========\n",
    ),
    "Bat fwd2": (
        "Fwd: x",
        N
        + "*** Forwarded message ***\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\nDate: Saturday, November 21, 2026, 10:14:08 PM\nSubject: x\n\n"
        + B,
    ),
    "BlackBerry": (
        "Fw: x",
        N
        + "-----Original Message-----\nFrom: Dan Frost <dan.frost@example.com>\nDate: Sat, 21 Nov 2026 22:14:08 \nTo: <"
        + S
        + ">\nSubject: x\n\n"
        + B,
    ),
    "Tutanota": (
        "FWD: x",
        N
        + "--------------- Forwarded message ---------------\nFrom: dan.frost@example.com\nTo: "
        + S
        + "\nDate: 21. Nov 2026, 22:14\nSubject: x\n\n"
        + B,
    ),
    "mailru": (
        "Fwd: x",
        N
        + "-------- Пересылаемое сообщение --------\nОт кого: Dan Frost <dan.frost@example.com>\nКому: "
        + S
        + "\nДата: Суббота, 21 ноября 2026, 22:14 +03:00\nТема: x\n\n"
        + B,
    ),
    "naver": (
        "Fw: x",
        N
        + '-----Original Message-----\nFrom: "Dan Frost"<dan.frost@example.com>\nTo: <'
        + S
        + ">;\nCc:\nSent: 2026-11-21 (토) 22:14:08 (GMT+09:00)\nSubject: x\n\n"
        + B,
    ),
    "Thunderbird android": (
        "Fwd: x",
        N
        + "-------- Original Message --------\nFrom: "
        + D
        + "\nSent: Sat Nov 21 22:14:08 GMT 2026\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B,
    ),
    "SOGo": (
        "Fwd: x",
        N
        + "-------- Original Message --------\nSubject: x\nDate: Saturday, November 21, 2026 22:14 GMT\nFrom: "
        + D
        + "\nTo: "
        + S
        + "\n\n"
        + B,
    ),
    "Postbox/Airmail": (
        "Fwd: x",
        N + "On 21 November 2026 at 22:14:08, Dan Frost (dan.frost@example.com) wrote:\n\n> " + B,
    ),
    "Airmail fwd": (
        "Fwd: x",
        N
        + "Forwarded message:\n\nFrom: Dan Frost <dan.frost@example.com>\nReply: Dan Frost <dan.frost@example.com>\nDate: 21 November 2026 at 22:14:08\nTo: sam <"
        + S
        + ">\nSubject:  x\n\n> "
        + B,
    ),
    "Front": (
        "Fwd: x",
        N
        + "---------- Forwarded message ----------\nFrom: Dan Frost <dan.frost@example.com>\nDate: November 21, 2026 at 10:14 PM GMT\nSubject: x\nTo: "
        + S
        + "\n\n"
        + B,
    ),
    "HEY": (
        "Fwd: x",
        N
        + "---------- Forwarded message ----------\n\nFrom: Dan Frost <dan.frost@example.com>\nDate: Sat, 21 Nov 2026 22:14\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B,
    ),
    "OX": (
        "Fwd: x",
        N
        + "> ---------- Original Message ----------\n> From: Dan Frost <dan.frost@example.com>\n> To: "
        + S
        + "\n> Date: 21/11/2026 22:14 GMT\n> Subject: x\n> \n> "
        + B,
    ),
    "OX de": (
        "Fwd: x",
        N
        + "> ---------- Ursprüngliche Nachricht ----------\n> Von: Dan Frost <dan.frost@example.com>\n> An: "
        + S
        + "\n> Datum: 21.11.2026 22:14 CET\n> Betreff: x\n> \n> "
        + B,
    ),
    "BlueMail": (
        "Fwd: x",
        N
        + "-------- Original Message --------\nFrom: Dan Frost <dan.frost@example.com>\nSent: Saturday, 21 November 2026, 22:14\nTo: "
        + S
        + "\nSubject: x\n\n"
        + B,
    ),
}
"""Program → its prefix before the subject, and its text."""
