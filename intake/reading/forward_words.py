"""The words that mail programs put around a forwarded message, by language. Data only.

Labels: what stands before the colon in a quoted header. Kept by language, because a label's language settles which month
"listopada" is, and because Yahoo writes all labels in one line, where only a language's own set can tell them apart.
"""

# ruff: noqa: E501, RUF001 - one row for a language, in its own letters
from __future__ import annotations

from typing import Final, Literal, TypeAlias

Field: TypeAlias = Literal["from", "to", "cc", "subject", "date", "other"]
_FIELDS: Final[tuple[Field, ...]] = ("from", "to", "cc", "subject", "date", "other")

# language | from | to | cc | subject | date | others, which are passed over
_LABEL_ROWS: Final = """
en|from/sender|to|cc|subject|date/sent|bcc/reply-to/reply to/followup-to/delivered-to/user-agent/mime-version/content-type/in-reply-to/references/return-path/list-id/x-priority/sent by/resent-from/organization/organisation/attachments/attachment/importance/sensitivity/priority/message-id/newsgroups/x-mailer/when/where/categories/security
de|von/absender|an/empfänger|cc/kopie/kopie (cc)/cc (kopie)|betreff|datum/gesendet/gesendet am/gesendet um|antwort an/bcc/blindkopie/anlagen/anhänge/wichtigkeit/priorität/organisation
fr|de/expéditeur/envoyé par|à/a/pour/destinataire/destinataires|cc/copie à/copie|objet/sujet|date/envoyé/envoyé le/date d'envoi/date d’envoi|répondre à/cci/pièces jointes/pièce jointe/importance
es|de/remitente/enviado por|para/a/destinatario|cc/copia/con copia/copiar a|asunto|fecha/enviado/enviado el/fecha de envío|responder a/cco/datos adjuntos/archivos adjuntos/adjuntos/importancia
it|da/mittente/inviato da|a/destinatario/per|cc/copia/copia per conoscenza|oggetto|data/inviato/inviato il/data invio|rispondi a/ccn/allegati/allegato/priorità
pt|de/remetente|para/destinatário|cc/cópia/com cópia|assunto|data/enviado/enviada/enviado em/enviada em/enviado a|responder a/responder para/cco/bcc/anexos/anexo/importância
nl|van/afzender|aan/naar/ontvanger/ontvangers|cc/kopie|onderwerp|datum/verzonden/verstuurd/verzonden op|antwoord aan/beantwoorden/bcc/bijlagen/bijlage/urgentie/prioriteit
sv|från/avsändare|till/mottagare|cc/kopia/kopia till|ämne|datum/skickat/skickad|svara till/svar till/bcc/hemlig kopia/bilagor/prioritet
da|fra/afsender|til/modtager|cc/kopi|emne|dato/sendt|svar til/bcc/vedhæftede filer/vedhæftet fil/prioritet
no|fra/avsender|til/mottaker|cc/kopi|emne|dato/sendt|svar til/bcc/blindkopi/vedlegg/prioritet
fi|lähettäjä|vastaanottaja/saaja|kopio/cc/kopiot/kopio (cc)|aihe/otsikko/asia|päivämäärä/lähetetty/päiväys/pvm|vastausosoite/vastaus/piilokopio/bcc/liitteet/tärkeys
pl|od/nadawca|do/adresat/odbiorca|dw/do wiadomości/kopia/cc|temat|data/wysłano/wysłane/data wysłania/wysłany|odpowiedz do/odpowiedź do/udw/odpowiedź-do/odpowiedz-do/załączniki/ważność
cs|od/odesílatel|komu/pro/příjemce|kopie/cc|předmět|datum/odesláno/odeslané/dne|odpověď komu/odpovědět komu/odpověď/odpověď na/skrytá kopie/přílohy/důležitost
sk|od/odosielateľ|komu/pre/príjemca|kópia/cc|predmet|dátum/odoslané/dňa/odoslaná|odpovedať komu/odpoveď komu/odpovedať-pre/odpovedať pre/skrytá kópia/prílohy/dôležitosť
hu|feladó/küldő|címzett/címzettek/kinek|másolat/másolatot kap/cc/másolatot kapnak|tárgy|dátum/küldve/elküldve/küldés dátuma/küldés ideje|válaszcím/titkos másolat/mellékletek/fontosság
ro|de la/expeditor/expeditorul/din partea|către/destinatar/destinatarul/catre|cc/copie/copie carbon|subiect/subiectul|dată/data/trimis/trimis la/trimisă/data trimiterii|răspuns către/răspunde la/bcc/atașări/importanță
hr|šalje/od/pošiljatelj/pošiljalac|prima/za/primatelj/kome|cc/kopija/kopija za|predmet/naslov|datum/poslano/poslano dana/slanje|odgovori na/odgovor na/bcc/privici/važnost
uk|від/від кого/відправник|кому/до/одержувач/отримувач|копія/cc|тема|дата/надіслано/відправлено|відповідь/кому відповісти/відповісти/зворотна адреса/вкладення/прихована копія/важливість
ru|от/от кого/отправитель|кому/получатель|копия/cc|тема/тема письма|дата/отправлено/отправлен/дата отправки|ответить/ответ-кому/ответ кому/обратный адрес/ответ на/скрытая копия/вложения/важность
tr|kimden/gönderen/kimden (gönderen)|kime/alıcı/alici|bilgi/cc/karbon kopya/kopya|konu|tarih/gönderildi/gönderilen/gönderme tarihi/gönderilme tarihi/gönderilme|yanıtla/yanıt adresi/gizli/ekler/önem
et|saatja/kellelt|saaja/kellele/adressaat|koopia/cc|teema|kuupäev/saadetud|vasta/pimekoopia/manused
ja|差出人/送信者/送信元|宛先/受信者/送信先|cc/ｃｃ|件名|日付/日時/送信日時/送信済み|返信先/bcc/添付ファイル
ko|보낸 사람/보낸사람/발신자/발신/보내는 사람|받는 사람/받는사람/수신자/수신/받은 사람|참조/cc|제목|날짜/보낸 날짜/보낸날짜/일시/보낸 시간|답장 받는 사람/회신 주소/숨은 참조/첨부
zh|发件人/寄件者/寄件人/发送人/發件人|收件人/收件者|抄送/副本/抄送人/cc|主题/主旨/主題/标题|日期/发送时间/發送時間/寄件日期/发送日期/時間/时间|回复地址/回复至/回覆/密送/附件
el|από/αποστολέας|προς/παραλήπτης|κοιν/κοινοποίηση/cc|θέμα|ημερομηνία/στάλθηκε|απάντηση προς/συνημμένα
bg|от|до/за|копие/як/cc|относно/тема|дата/изпратено|отговор до
sl|od/pošiljatelj|za/komu/prejemnik|kp/cc|zadeva|datum/poslano|odgovori na
lt|nuo|kam|kopija/cc|tema|data/išsiųsta|atsakyti
ca|de/remitent|per a/a/destinatari|cc|assumpte/tema|data/enviat|respon a
is|frá/sendandi|til/viðtakandi|afrit/cc|efni|dags/dagsetning/sent|svara til
cy|oddi wrth/gan|at|copi/cc|pwnc/testun|dyddiad/anfonwyd|ateb i
he|מאת|אל|עותק/cc|נושא|תאריך/נשלח|השב אל
ar|من|إلى|نسخة/cc|الموضوع|التاريخ/تاريخ الإرسال|الرد على
vi|từ/người gửi|đến/tới|cc|chủ đề/tiêu đề|ngày/đã gửi/vào|trả lời
id|dari|kepada/ke|cc|perihal/subjek|tanggal/dikirim|balas ke
sr|шаље/од|прима/за/коме|копија/cc|наслов/предмет|датум/послато|одговор на
fa|از/فرستنده|به/گیرنده|رونوشت/cc|موضوع|تاریخ|پاسخ به
th|จาก|ถึง|สำเนา/cc|เรื่อง|วันที่/ส่ง|ตอบกลับ
gl|de/remitente|para/a|cc/copia|asunto|data/enviado|responder a
eu|nork/bidaltzailea|nori/hartzailea|cc/kopia|gaia|data/bidalia|erantzun
ms|daripada|kepada|sk/cc|subjek|tarikh/dihantar|balas kepada
"""


def fold(text: str) -> str:
    """`text` for comparing: case-folded, and with the Turkish İ as an i."""
    return text.casefold().replace("i\u0307", "i")


def _labels() -> dict[str, dict[str, Field]]:
    table: dict[str, dict[str, Field]] = {}
    for row in filter(None, _LABEL_ROWS.split("\n")):
        language, *cells = row.split("|")
        for name, cell in zip(_FIELDS, cells, strict=True):
            for label in cell.split("/"):
                table.setdefault(fold(label), {}).setdefault(language, name)
    return table


LABELS: Final = _labels()
"""Case-folded label → language → the field it names there."""

LONGEST_LABEL: Final = max(map(len, LABELS))

FORWARDED: Final = tuple(
    fold(stem)
    for stem in (
        "forwarded", "weitergeleitet", "doorgestuurd", "inoltrato", "inoltrata", "reenviado", "reenviat", "encaminhad", "reencaminhad",
        "transféré", "transmis", "réexpédié", "vidarebefordra", "vidarebefodra", "videresend", "vidaresend", "välitetty", "edelleenlähetetty",
        "przesłan", "przekazan", "przekazywan", "přeposlan", "přeposílan", "preposlan", "preposielan", "továbbított", "redirecționat",
        "redirectionat", "înaintat", "proslijeđen", "prosleđen", "пересл", "пересыл", "перенаправ", "переадрес", "перенаправл", "iletilen", "iletilmiş", "presmerovan", "edelleen",
        "yönlendirilen", "edastatud", "転送", "전달", "转发", "轉寄", "轉發", "προωθημ", "προώθ", "препрат", "posredovan", "persiųst",
        "áframsent", "прослеђен", "ส่งต่อ", "فوروارد", "هدایت شده", "reenviado", "birbidali", "dimajukan", "proslijedjen", "przesyłan", "anfonwyd ymlaen", "הועבר", "معاد توجيه", "chuyển tiếp", "diteruskan",
    )
)  # fmt: skip
"""Stems that say "forwarded" in the line of dashes above a forwarded message."""

ENDS: Final = tuple(
    fold(word) + " "
    for word in (
        "end", "end of", "ende", "fin", "fin du", "fine", "fim", "final", "einde", "slut", "slutt", "loppu", "konec", "koniec", "kraj", "vége",
        "sfârșitul", "конец", "кінець", "край", "τέλος", "diwedd",
    )
)  # fmt: skip
"""How the line of dashes begins that stands below a forwarded message."""

OPENINGS: Final = frozenset(
    fold(phrase)
    for phrase in (
        "Begin forwarded message", "Forwarded message", "This is a forwarded message", "Začátek přeposílané zprávy", "Start på videresendt besked", "Videresendt besked",
        "Begyndelse på videresendt besked", "Anfang der weitergeleiteten Nachricht", "Anfang der weitergeleiteten E-Mail",
        "Inicio del mensaje reenviado", "Välitetty viesti alkaa", "Välitetty viesti", "Début du message réexpédié",
        "Début du message transféré", "Début du message transmis", "Započni proslijeđenu poruku", "Početak proslijeđene poruke",
        "Továbbított levél kezdete", "Továbbított üzenet kezdete", "Inizio messaggio inoltrato", "Inizio del messaggio inoltrato",
        "Begin doorgestuurd bericht", "Begin van doorgestuurd bericht", "Videresendt melding", "Start på videresendt melding",
        "Początek przekazywanej wiadomości", "Początek przesłanej wiadomości", "Początek przesłanej dalej wiadomości",
        "Início da mensagem reencaminhada", "Início da mensagem encaminhada", "Início da mensagem transmitida",
        "Începe mesajul redirecționat", "Începutul mesajului redirecționat", "Начало переадресованного сообщения",
        "Начало пересылаемого сообщения", "Начало перенаправленного сообщения", "Začiatok preposlanej správy", "Vidarebefordrat mejl",
        "Vidarebefordrat brev", "Vidarebefordrat meddelande", "Början på vidarebefordrat meddelande", "Början av vidarebefordrat meddelande",
        "İleti başlangıcı", "Yönlendirilen iletinin başlangıcı", "İletilen iletinin başlangıcı", "Початок листа, що пересилається",
        "Початок пересланого листа", "Початок переадресованого повідомлення", "Початок повідомлення, що пересилається",
        "Edastatud kirja algus", "Edastatud sõnumi algus", "転送されたメッセージ", "以下は転送されたメッセージです", "전달된 메시지",
        "전달된 메시지 시작", "开始转发的邮件", "以下是转发的邮件", "開始轉寄郵件", "開始轉寄訊息", "Αρχή προωθημένου μηνύματος",
        "Inici del missatge reenviat", "Dechrau neges a anfonwyd ymlaen",
    )
)  # fmt: skip
"""Whole lines that open a forwarded message (Apple Mail, iOS, MailMate), without their colon."""

WROTE: Final = tuple(
    fold(word)
    for word in (
        "wrote", "schrieb", "a écrit", "escribió", "escribio", "ha scritto", "escreveu", "schreef", "geschreven", "skrev", "kirjoitti",
        "napisał", "napisał(a)", "napisała", "napsal", "napsal(a)", "napísal", "napísal(a)", "ezt írta", "írta", "a scris", "je napisao",
        "je napisao/la", "napisao", "piše", "написав", "пише", "написал", "написал(а)", "пишет", "şunu yazdı", "yazdı", "kirjutas",
        "のメール", "さんは書きました", "さんのメッセージ", "님이 작성", "作成", "写道", "寫道", "έγραψε", "написа", "je napisal", "va escriure", "rašė", "ysgrifennodd",
        "đã viết", "menulis", "följande", "følgende",
    )
)  # fmt: skip
"""Words of the line above a quoted message: "On Tuesday Dan wrote:"."""

FORWARD_PREFIXES: Final = frozenset(
    fold(prefix)
    for prefix in (
        "fw", "fwd", "fwd.", "forward", "forwarded", "wg", "tr", "rv", "i", "vb", "pd", "enc", "vl", "vs", "fs", "fv", "ilt", "İlt", "doorst", "tov",
        "továbbítás", "ΠΡΘ", "přep", "prep", "prr", "пер", "переслано", "пересл", "препр", "edasi", "転送", "전달", "转发", "轉寄", "轉發",
        "rediff", "redir", "redir.", "videresend", "videresendt", "videres", "viderest", "vidarebefordrat", "ymlaen", "chuyển tiếp", "trs", "yml", "הועבר", "إعادة توجيه",
    )
)  # fmt: skip
"""What stands before the subject of a forward. ("VS" is Danish and Norwegian; in Finnish it is a reply, see REPLY_IN.)"""

REPLY_PREFIXES: Final = frozenset(
    fold(prefix)
    for prefix in (
        "re", "aw", "antw", "antwort", "sv", "odp", "ynt", "yanıt", "rif", "r", "res", "resp", "ré", "réf", "rép", "ref", "svar", "vast", "vá", "válasz",
        "отв", "ответ", "відп", "ΑΠ", "回复", "回覆", "答复", "答覆", "返信", "답장", "回复", "atb", "bls", "odg", "vast.", "ts", "השב", "رد",
    )
)  # fmt: skip

REPLY_IN: Final = {"vs": "fi"}
"""Prefixes that mean a reply in one language and a forward in others."""

USER_WORDS: Final = (
    "tarihinde",
    "napsal(a)",
    "napsal",
    "пользователь",
    "користувач",
    "používateľ",
    "uživatel",
    "użytkownik",
    "korisnik",
    "skrev",
    "schrieb",
    "schreef",
    "escreveu",
    "écrit",
    "utilizatorul",
    "időpontban",
    "heeft",
)
"""Words between a date and a name in such a line."""

PARTICLES: Final = frozenset(
    ("de", "del", "della", "di", "da", "dos", "du", "des", "la", "le", "van", "von", "vom", "zu", "zur", "ter", "ten", "den", "der", "el", "al", "bin", "ibn", "ben", "af", "av", "y", "e", "san", "st")
)  # fmt: skip
"""Words in small letters that a surname may begin with."""
