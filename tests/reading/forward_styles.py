"""Forwards as mail programs write them, by program and language: the same message, made here, so that one answer fits all.

The labels and phrases are facts about the programs; the people, the words and the dates are ours. Rows: language |
phrase | from | to | cc | subject | date | how the program writes 2 November 2026, 09:26:50.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SUBJECT: Final = "You will regret this"
BODY: Final = "You will regret this.\nI am outside: the number 12 is yours, isn't it?\n\nFrom now on I watch."
FROM: Final = "Dan Frost <dan.frost@example.com>"
TO: Final = "sam.carter@example.org"
CC: Final = "Kim Lee <kim.lee@example.net>, Robin <robin@example.net>"
NOTE: Final = "He wrote again.\n\nPlease keep this."


class Style(NamedTuple):
    """One program in one language: a mail's text and subject, and what is to be read out of it."""

    program: str
    language: str
    text: str
    subject: str | None
    date: str
    has_receivers: bool = True


_APPLE: Final = """
cs|Začátek přeposílané zprávy:|Od|Komu|Kopie|Předmět|Datum|2. listopadu 2026 9:26:50 GMT+1
da|Start på videresendt besked:|Fra|Til|Cc|Emne|Dato|2. november 2026 kl. 09.26.50 CET
de|Anfang der weitergeleiteten Nachricht:|Von|An|Kopie|Betreff|Datum|2. November 2026 um 09:26:50 MEZ
en|Begin forwarded message:|From|To|Cc|Subject|Date|2 November 2026 at 09:26:50 CET
es|Inicio del mensaje reenviado:|De|Para|Cc|Asunto|Fecha|2 de noviembre de 2026, 9:26:50 CET
fi|Välitetty viesti alkaa:|Lähettäjä|Vastaanottaja|Kopio|Aihe|Päivämäärä|2. marraskuuta 2026 klo 9.26.50 UTC+1
fr|Début du message réexpédié :|De|À|Cc|Objet|Date|2 novembre 2026 à 09:26:50 UTC+1
fr|Début du message transféré :|De|À|Cc|Objet|Date|2 novembre 2026 à 09:26:50 UTC+1
hr|Započni proslijeđenu poruku:|Šalje|Prima|Cc|Predmet|Datum|2. studenoga 2026. u 09:26:50 CET
hu|Továbbított levél kezdete:|Feladó|Címzett|Másolat|Tárgy|Dátum|2026. november 2. 9:26:50 CET
it|Inizio messaggio inoltrato:|Da|A|Cc|Oggetto|Data|2 novembre 2026 09:26:50 CET
nl|Begin doorgestuurd bericht:|Van|Aan|Kopie|Onderwerp|Datum|2 november 2026 om 09:26:50 CET
no|Videresendt melding:|Fra|Til|Kopi|Emne|Dato|2. november 2026 kl. 09:26:50 CET
pl|Początek przekazywanej wiadomości:|Od|Do|Dw|Temat|Data|2 listopada 2026 o 09:26:50 CET
pt|Início da mensagem reencaminhada:|De|Para|Cc|Assunto|Data|2 de novembro de 2026, 09:26:50 CET
pt-br|Início da mensagem encaminhada:|De|Para|Cc|Assunto|Data|2 de novembro de 2026 09:26:50 GMT+1
ro|Începe mesajul redirecționat:|Expeditorul|Destinatarul|Cc|Subiectul|Dată|2 noiembrie 2026, 09:26:50 CET
ru|Начало переадресованного сообщения:|Отправитель|Кому|Копия|Тема|Дата|2 ноября 2026 г., 09:26:50 GMT+1
sk|Začiatok preposlanej správy:|Od|Pre|Cc|Predmet|Dátum|2. novembra 2026 o 9:26:50 SEČ
sv|Vidarebefordrat mejl:|Från|Till|Kopia|Ämne|Datum|2 november 2026 09:26:50 CET
tr|İleti başlangıcı:|Kimden|Kime|Bilgi|Konu|Tarih|2 Kasım 2026 09:26:50 GMT+1
uk|Початок листа, що пересилається:|Від кого|Кому|Копія|Тема|Дата|2 листопада 2026 р. о 09:26:50 GMT+1
"""

_REPLY_TO: Final = {
    "cs": "Odpověď na", "da": "Svar til", "de": "Antwort an", "en": "Reply-To", "es": "Responder a", "fi": "Vastaus", "fr": "Répondre à", "hr": "Odgovori na", "hu": "Válaszcím",
    "it": "Rispondi a", "nl": "Antwoord aan", "no": "Svar til", "pl": "Odpowiedź-do", "pt": "Responder A", "pt-br": "Responder a", "ro": "Răspuns către", "ru": "Ответ-Кому",
    "sk": "Odpovedať-Pre", "sv": "Svara till", "tr": "Yanıt Adresi", "uk": "Кому відповісти",
}  # fmt: skip

# Only the From is in the reader's language.
_GMAIL: Final = """
cs|---------- Forwarded message ---------|Od|To|Cc|Subject|Date|po 2. 11. 2026 v 9:26
da|---------- Forwarded message ---------|Fra|To|Cc|Subject|Date|man. 2. nov. 2026 kl. 09.26
de|---------- Forwarded message ---------|Von|To|Cc|Subject|Date|Mo., 2. Nov. 2026 um 09:26 Uhr
en|---------- Forwarded message ---------|From|To|Cc|Subject|Date|Mon, Nov 2, 2026 at 9:26 AM
es|---------- Forwarded message ---------|De|To|Cc|Subject|Date|lun, 2 nov 2026 a las 9:26
et|---------- Forwarded message ---------|Saatja|To|Cc|Subject|Date|E, 2. november 2026 kell 09:26
fi|---------- Forwarded message ---------|Lähettäjä|To|Cc|Subject|Date|ma 2. marrask. 2026 klo 9.26
fr|---------- Forwarded message ---------|De|To|Cc|Subject|Date|lun. 2 nov. 2026 à 09:26
hr|---------- Forwarded message ---------|Šalje|To|Cc|Subject|Date|pon, 2. stu 2026. u 09:26
hu|---------- Forwarded message ---------|Feladó|To|Cc|Subject|Date|2026. nov. 2., H, 9:26
it|---------- Forwarded message ---------|Da|To|Cc|Subject|Date|lun 2 nov 2026 alle ore 09:26
nl|---------- Forwarded message ---------|Van|To|Cc|Subject|Date|ma 2 nov. 2026 om 09:26
no|---------- Forwarded message ---------|Fra|To|Cc|Subject|Date|man. 2. nov. 2026 kl. 09:26
pl|---------- Forwarded message ---------|Od|To|Cc|Subject|Date|pon., 2 lis 2026 o 09:26
pt|---------- Forwarded message ---------|De|To|Cc|Subject|Date|segunda, 2/11/2026 à(s) 09:26
pt-br|---------- Forwarded message ---------|De|To|Cc|Subject|Date|seg., 2 de nov. de 2026 às 09:26
ro|---------- Forwarded message ---------|De la|To|Cc|Subject|Date|lun., 2 nov. 2026 la 09:26
ru|---------- Forwarded message ---------|От|To|Cc|Subject|Date|пн, 2 нояб. 2026 г. в 09:26
sk|---------- Forwarded message ---------|Od|To|Cc|Subject|Date|po 2. 11. 2026 o 9:26
sv|---------- Forwarded message ---------|Från|To|Cc|Subject|Date|mån 2 nov. 2026 kl 09:26
tr|---------- Forwarded message ---------|Gönderen|To|Cc|Subject|Date|2 Kas 2026 Pzt, 09:26
uk|---------- Forwarded message ---------|Від|To|Cc|Subject|Date|пн, 2 лист. 2026 о 09:26
"""

_THUNDERBIRD: Final = """
cs|-------- Přeposlaná zpráva --------|Od|Komu|Kopie|Předmět|Datum|
da|-------- Videresendt meddelelse --------|From|To|CC|Subject|Date|
de|-------- Weitergeleitete Nachricht --------|Von|An|Kopie (CC)|Betreff|Datum|
en|-------- Forwarded Message --------|From|To|CC|Subject|Date|
es|-------- Mensaje reenviado --------|De|Para|CC|Asunto|Fecha|
fi|-------- Välitetty viesti / Fwd.Msg --------|Lähettäjä|Vastaanottaja|CC|Aihe|Päiväys|
fr|-------- Message transféré --------|De|Pour|Copie à|Sujet|Date|
hr|-------- Proslijeđena poruka --------|Šalje|Prima|CC|Naslov|Datum|
hu|-------- Továbbított üzenet --------|Feladó|Címzett|CC|Tárgy|Dátum|
it|-------- Messaggio Inoltrato --------|Mittente|A|CC|Oggetto|Data|
nl|-------- Doorgestuurd bericht --------|Van|Aan|CC|Onderwerp|Datum|
no|-------- Videresendt melding --------|Fra|Til|CC|Emne|Dato|
pl|--- Treść przekazanej wiadomości ---|Nadawca|Adresat|Kopia|Temat|Data|
pt|-------- Mensagem reencaminhada --------|De|Para|CC|Assunto|Data|
pt-br|-------- Mensagem encaminhada --------|De|Para|CC|Assunto|Data|
ro|-------- Mesaj redirecționat --------|de la|Către|CC|Subiectul|Dată|
ru|-------- Перенаправленное сообщение --------|От|Кому|Копия|Тема|Дата|
sk|-------- Preposlaná správa --- Forwarded Message --------|Od|Pre|Kópia|Predmet|Dátum|
sv|-------- Vidarebefordrat meddelande --------|Från|Till|Kopia|Ämne|Datum|
tr|-------- İletilen İleti --------|Kimden|Kime|CC|Konu|Tarih|
uk|-------- Переслане повідомлення --------|Від|Кому|CC|Тема|Дата|
"""

# All in one line, without spaces before the labels; some labels have lost their colon.
_YAHOO: Final = """
cs|----- Přeposlaná zpráva -----|Od: |Komu: |Kopie: |Předmět: |Datum: |pondělí 2. listopadu 2026 09:26:50 SEČ
da|----- Videresendt meddelelse -----|Fra: |Til: |Cc: |Emne: |Sendt: |mandag den 2. november 2026 09.26.50 CET
de|----- Weitergeleitete Nachricht -----|Von: |An: |CC: |Betreff: |Gesendet: |Montag, 2. November 2026, 09:26:50 MEZ
en|----- Forwarded Message -----|From: |To: |Cc: |Subject: |Sent: |Monday, November 2, 2026, 09:26:50 AM GMT+1
es|----- Mensaje reenviado -----|De: |Para: |CC: |Asunto: |Enviado: |lunes, 2 de noviembre de 2026 09:26:50 CET
fi|----- Edelleenlähetetty viesti -----|Lähettäjä: |Vastaanottaja: |Kopio: |Aihe: |Lähetetty: |maanantaina 2. marraskuuta 2026 klo 09.26.50 UTC+1
fr|----- Message transmis -----|De : |À : |Cc : |Objet : |Envoyé : |lundi 2 novembre 2026, 09:26:50 UTC+1
hu|----- Továbbított üzenet -----|Feladó: |Címzett: |Másolat: |Tárgy: |Elküldve: |2026. november 2., hétfő 09:26:50 CET
it|----- Messaggio inoltrato -----|Da: |A: |Cc: |Oggetto: |Inviato: |lunedì 2 novembre 2026, 09:26:50 CET
nl|----- Doorgestuurd bericht -----|Van: |Aan: |Cc: |Onderwerp: |Verzonden: |maandag 2 november 2026 09:26:50 CET
no|----- Videresendt melding -----|Fra: |Til: |Kopi: |Emne: |Sendt: |mandag 2. november 2026 kl. 09:26:50 CET
pl|----- Przekazana wiadomość -----|Od: |Do: |Dw |Temat: |Wysłano: |poniedziałek, 2 listopada 2026, 09:26:50 CET
pt|----- Mensagem reencaminhada -----|De: |Para: |Cc: |Assunto |Enviado: |segunda-feira, 2 de novembro de 2026, 09:26:50 CET
pt-br|----- Mensagem encaminhada -----|De: |Para: |Cc: |Assunto: |Enviado: |segunda-feira, 2 de novembro de 2026 09:26:50 GMT+1
ro|----- Mesaj redirecționat -----|De la: |Către: |Cc: |Subiect: |Trimis: |luni, 2 noiembrie 2026, 09:26:50 CET
ru|----- Пересылаемое сообщение -----|От: |Кому: |Копия: |Тема: |Отправлено: |понедельник, 2 ноября 2026 г., 09:26:50 GMT+1
sk|----- Preposlaná správa -----|Od: |Komu: |Kópia: |Predmet: |Odoslané: |pondelok 2. novembra 2026, 09:26:50 SEČ
sv|----- Vidarebefordrat meddelande -----|Från: |Till: |Kopia: |Ämne: |Skickat: |måndag 2 november 2026 09:26:50 CET
tr|----- İletilmiş Mesaj -----|Kimden: |Kime: |Cc: |Konu: |Gönderilen: |2 Kasım 2026 Pazartesi 09:26:50 GMT+1
uk|----- Перенаправлене повідомлення -----|Від: |Кому: |Копія: |Тема: |Відправлено: |понеділок, 2 листопада 2026 р., 09:26:50 GMT+1
"""

# The phrase is the prefix of the mail's subject.
_NEW_OUTLOOK: Final = """
cs|FW|Od|Komu|Kopie|Předmět|Datum|pondělí 2. listopadu 2026 9:26
da|VS|Fra|Til|Cc|Emne|Dato|mandag, 2. november 2026 kl. 09.26
de|WG|Von|An|Cc|Betreff|Datum|Montag, 2. November 2026 um 09:26
en|FW|From|To|Cc|Subject|Date|Monday, 2 November 2026 at 09:26
es|RV|De|Para|CC|Asunto|Fecha|lunes, 2 de noviembre de 2026, 9:26
fi|VL|Lähettäjä|Vastaanottaja|Kopio|Aihe|Päivämäärä|maanantaina, 2. marraskuuta 2026 klo 9.26
fr|TR|De |À |Cc |Objet |Date |lundi, 2 novembre 2026 à 09:26
hu|FW|Feladó|Címzett|Másolatot kap|Tárgy|Dátum|hétfő, 2026. november 2. 9:26
it|I|Da|A|Cc|Oggetto|Data|lunedì, 2 novembre 2026 09:26
nl|FW|Van|Aan|CC|Onderwerp|Datum|maandag, 2 november 2026 om 09:26
no|Videresend|Fra|Til|Kopi|Emne|Dato|mandag, 2. november 2026 kl. 09:26
pl|PD|Od|Do|DW|Temat|Data|poniedziałek, 2 listopada 2026 o 09:26
pt|FW|De|Para|CC|Assunto|Data|segunda-feira, 2 de novembro de 2026, 09:26
pt-br|ENC|De|Para|Cc|Assunto|Data|segunda-feira, 2 de novembro de 2026 09:26
ru|FW|От|Кому|Копия|Тема|Дата|понедельник, 2 ноября 2026 г. в 09:26
sk|FW|Od|Komu|Kópia|Predmet|Dátum|pondelok, 2. novembra 2026 9:26
sv|VB|Från|Till|Kopia|Ämne|Datum|måndag, 2 november 2026 09:26
tr|İLT|Kimden|Kime|Bilgi|Konu|Tarih|Pazartesi, 2 Kasım 2026 09:26
"""

_HUBSPOT: Final = """
de|---------- Weitergeleitete Nachricht ---------|Von|An|Cc|Betreff|Datum|Montag, 2. November 2026 09:26:50 +0100
en|---------- Forwarded message ---------|From|To|Cc|Subject|Date|Mon, 02 Nov 2026 09:26:50 +0100
es|---------- Mensaje reenviado ---------|De|A|Cc|Asunto|Fecha|lunes, 2 de noviembre de 2026 09:26:50 +0100
fi|---------- Edelleenlähetetty viesti ---------|Lähettäjä|Vastaanottaja|Kopio|Aihe|Päivämäärä|maanantai 2. marraskuuta 2026 klo 9.26.50 +0100
fr|---------- Message transféré ---------|De |À |Cc |Objet |Date |lundi 2 novembre 2026 09:26:50 +0100
it|---------- Messaggio inoltrato ---------|Da|A|Cc|Oggetto|Data|lunedì 2 novembre 2026 09:26:50 +0100
ja|---------- メッセージを転送 ---------|送信元|送信先|CC|件名|日付|2026年11月2日月曜日 09:26:50 +0100
nl|---------- Doorgestuurd bericht ---------|Van|Aan|Cc|Onderwerp|Datum|maandag 2 november 2026 09:26:50 +0100
pl|---------- Wiadomość przesłana dalej ---------|Od|Do|DW|Temat|Data|poniedziałek, 2 listopada 2026, 09:26:50 +0100
pt-br|---------- Mensagem encaminhada ---------|De|Para|Cc|Assunto|Data|segunda-feira, 2 de novembro de 2026 09:26:50 +0100
sv|---------- Vidarebefordrat meddelande ---------|Från|Till|Kopia|Ämne|Datum|måndag 2 november 2026 09:26:50 +0100
"""

# Outlook 2019 for Mac: the line above a quoted message, `{}` for the date.
_OUTLOOK_2019: Final = """
cs|Dne {}, Dan Frost <dan.frost@example.com> napsal(a):|28/10/2026 12:46
da|D. {} skrev "Dan Frost" <dan.frost@example.com>:|28/10/2026 12.46
de|Am {} schrieb "Dan Frost" <dan.frost@example.com>:|28/10/2026 12:46
en|On {}, "Dan Frost" <dan.frost@example.com> wrote:|28/10/2026 12:46
es|El {}, "Dan Frost" <dan.frost@example.com> escribió:|28/10/2026 12:46
fi|Dan Frost <dan.frost@example.com> kirjoitti {}:|28/10/2026 12.46
fr|Le {}, « Dan Frost » <dan.frost@example.com> a écrit :|28/10/2026 12:46
hu|{} időpontban Dan Frost (dan.frost@example.com) ezt írta:|28/10/2026 12:46
it|Il giorno {} "Dan Frost" <dan.frost@example.com> ha scritto:|28/10/2026, 12:46
nl|Op {} heeft Dan Frost <dan.frost@example.com> geschreven:|28/10/2026 12:46
no|Dan Frost <dan.frost@example.com> skrev følgende den {}:|28/10/2026, 12:46
pl|Dnia {} użytkownik „Dan Frost” <dan.frost@example.com> napisał:|28/10/2026, 12:46
pt|Em {}, "Dan Frost" <dan.frost@example.com> escreveu:|28/10/2026 12:46
ru|{} пользователь "Dan Frost" <dan.frost@example.com> написал:|28/10/2026, 12:46
sk|{} používateľ Dan Frost (<dan.frost@example.com>) napísal:|28/10/2026 12:46
sv|Den {} skrev "Dan Frost" <dan.frost@example.com> följande:|28/10/2026 12:46
tr|"Dan Frost" <dan.frost@example.com>, {} tarihinde şunu yazdı:|28/10/2026 12:46
"""

_LIVE_PREFIXES: Final = {
    "cs": "Fw", "da": "VS", "de": "WG", "en": "Fw", "es": "RV", "fi": "VL", "fr": "TR", "hr": "Fw", "hu": "Fw", "it": "I", "nl": "FW", "no": "Vs", "pl": "PD", "pt": "FW", "pt-br": "ENC",
    "ro": "Redir.", "sk": "Fw", "sv": "VB", "tr": "İLT",
}  # fmt: skip


def _rows(table: str) -> list[list[str]]:
    return [row.split("|") for row in table.strip().split("\n")]


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() if line else ">" for line in text.split("\n"))


def _apple(*, note: str = "", reply_to: bool = False) -> list[Style]:
    styles = []
    for language, phrase, who, to, cc, subject, date, when in _rows(_APPLE):
        head = f"{who}: {FROM}\n{subject}: {SUBJECT}\n{date}: {when}\n{to}: {TO}\n{cc}: {CC}\n"
        head += f"{_REPLY_TO[language]}: Other <other@example.net>\n" if reply_to else ""
        text = _quoted(f"{phrase}\n\n{head}\n{BODY}\n")
        name = "Apple Mail with Reply-To" if reply_to else "Apple Mail"
        styles.append(Style(name, language, f"{note}\n\n{text}" if note else text, None, when))
    return styles


def _iphone() -> list[Style]:
    styles = []
    for language, phrase, who, to, cc, subject, date, when in _rows(_APPLE):
        head = f"{who}: {FROM}\n{date}: {when}\n{to}: {TO}\n{cc}: {CC}\n{subject}: {SUBJECT}\n"
        text = f"{NOTE}\n\n{phrase}\n\n" + _quoted(f"{head}\n{BODY}\n")
        styles.append(Style("Apple Mail on a telephone", language, text, None, when))
    return styles


def _dashed(program: str, table: str, *, tab: str = "", order: str = "from date subject to cc") -> list[Style]:
    styles = []
    for language, phrase, who, to, cc, subject, date, when in _rows(table):
        shown = when or "Mon, 2 Nov 2026 09:26:50 +0100"
        colon = "：" if language == "ja" else ": "
        lines = {
            "from": f"{who}{colon}{tab}{FROM}",
            "date": f"{date}{colon}{tab}{shown}",
            "subject": f"{subject}{colon}{tab}{SUBJECT}",
            "to": f"{to}{colon}{tab}{TO}",
            "cc": f"{cc}{colon}{tab}{CC}",
        }
        head = "\n".join(lines[name] for name in order.split())
        styles.append(Style(program, language, f"{phrase}\n{head}\n\n\n{BODY}\n", None, shown))
    return styles


def _yahoo() -> list[Style]:
    several = CC.replace(",", ";")
    return [
        Style(
            "Yahoo",
            language,
            f'   {phrase} {who}{FROM}{to}"{TO}" <{TO}>{cc}{several}{date}{when}{subject}{SUBJECT}\n {BODY}',
            None,
            when,
        )
        for language, phrase, who, to, cc, subject, date, when in _rows(_YAHOO)
    ]


def _new_outlook() -> list[Style]:
    return [
        Style(
            "new Outlook",
            language,
            f"{who}: {FROM}\n{date}: {when}\n{to}: {TO} <{TO}>\n{cc}: {CC}\n{subject}: {SUBJECT}\n{BODY}\n",
            f"{prefix}: {SUBJECT}",
            when,
        )
        for language, prefix, who, to, cc, subject, date, when in _rows(_NEW_OUTLOOK)
    ]


def _outlook_live() -> list[Style]:
    when = "Monday, November 2, 2026 09:26"
    head = f"From: {FROM}\nSent: {when}\nTo: {TO} <{TO}>\nCc: {CC.replace(',', ';')}\nSubject: {SUBJECT}\n"
    return [
        Style("Outlook live", language, f"\n{'_' * 32}\n{head}\n{BODY}\n", f"{prefix}: {SUBJECT}", when)
        for language, prefix in _LIVE_PREFIXES.items()
    ]


def _outlook_2019() -> list[Style]:
    indented = "\n".join(f"    {line}" if line else "" for line in BODY.split("\n"))
    return [
        Style("Outlook 2019", language, f"\ufeff{line.format(when)}\n\n{indented}\n", f"FW: {SUBJECT}", when, False)
        for language, line, when in _rows(_OUTLOOK_2019)
    ]


STYLES: Final = [
    *_apple(),
    *_apple(note=NOTE),
    *_apple(reply_to=True),
    *_iphone(),
    *_dashed("Gmail", _GMAIL),
    *_dashed("Thunderbird", _THUNDERBIRD, tab="\t", order="subject date from to cc"),
    *_yahoo(),
    *_new_outlook(),
    *_outlook_live(),
    *_outlook_2019(),
    *_dashed("HubSpot", _HUBSPOT),
]
