"""Month names, as mail programs write them, and zone names that mean one offset. Data only.

A month's row: language code, then the twelve months, each with its forms separated by "/": full names in the cases that
dates use (Czech "října", Finnish "lokakuuta"), and the abbreviations without their dots.
"""

# ruff: noqa: E501, RUF001 - one row for a language, in its own letters
from __future__ import annotations

from datetime import timedelta
from typing import Final

_ROWS: Final = """
en january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sept/sep october/oct november/nov december/dec
de januar/jänner/jan februar/feber/feb märz/mär/mrz april/apr mai juni/jun juli/jul august/aug september/sept/sep oktober/okt november/nov dezember/dez
fr janvier/janv février/févr/fév mars avril/avr mai juin juillet/juil août septembre/sept octobre/oct novembre/nov décembre/déc
es enero/ene febrero/feb marzo/mar abril/abr mayo/may junio/jun julio/jul agosto/ago septiembre/setiembre/sept/sep octubre/oct noviembre/nov diciembre/dic
it gennaio/gen febbraio/feb marzo/mar aprile/apr maggio/mag giugno/giu luglio/lug agosto/ago settembre/set ottobre/ott novembre/nov dicembre/dic
pt janeiro/jan fevereiro/fev março/mar abril/abr maio/mai junho/jun julho/jul agosto/ago setembro/set outubro/out novembro/nov dezembro/dez
nl januari/jan februari/feb maart/mrt april/apr mei juni/jun juli/jul augustus/aug september/sept/sep oktober/okt november/nov december/dec
sv januari/jan februari/feb mars/mar april/apr maj juni/jun juli/jul augusti/aug september/sept/sep oktober/okt november/nov december/dec
da januar/jan februar/feb marts/mar april/apr maj juni/jun juli/jul august/aug september/sept/sep oktober/okt november/nov december/dec
no januar/jan februar/feb mars/mar april/apr mai juni/jun juli/jul august/aug september/sept/sep oktober/okt november/nov desember/des
fi tammikuuta/tammikuu/tammi/tammik helmikuuta/helmikuu/helmi/helmik maaliskuuta/maaliskuu/maalis/maalisk huhtikuuta/huhtikuu/huhti/huhtik toukokuuta/toukokuu/touko/toukok kesäkuuta/kesäkuu/kesä/kesäk heinäkuuta/heinäkuu/heinä/heinäk elokuuta/elokuu/elo/elok syyskuuta/syyskuu/syys/syysk lokakuuta/lokakuu/loka/lokak marraskuuta/marraskuu/marras/marrask joulukuuta/joulukuu/joulu/jouluk
pl stycznia/styczeń/sty lutego/luty/lut marca/marzec/mar kwietnia/kwiecień/kwi maja/maj czerwca/czerwiec/cze lipca/lipiec/lip sierpnia/sierpień/sie września/wrzesień/wrz października/październik/paź listopada/listopad/lis grudnia/grudzień/gru
cs ledna/leden/led února/únor/úno března/březen/bře dubna/duben/dub května/květen/kvě června/červen/čvn července/červenec/čvc srpna/srpen/srp září/zář října/říjen/říj listopadu/listopad/lis prosince/prosinec/pro
sk januára/január/jan februára/február/feb marca/marec/mar apríla/apríl/apr mája/máj júna/jún júla/júl augusta/august/aug septembra/september/sep októbra/október/okt novembra/november/nov decembra/december/dec
hu január/jan február/febr/feb március/márc április/ápr május/máj június/jún július/júl augusztus/aug szeptember/szept október/okt november/nov december/dec
ro ianuarie/ian februarie/feb martie/mar aprilie/apr mai iunie/iun iulie/iul august/aug septembrie/sept octombrie/oct noiembrie/nov/noi decembrie/dec
hr siječnja/siječanj/sij veljače/veljača/velj ožujka/ožujak/ožu travnja/travanj/tra svibnja/svibanj/svi lipnja/lipanj/lip srpnja/srpanj/srp kolovoza/kolovoz/kol rujna/rujan/ruj listopada/listopad/lis studenoga/studenog/studeni/stu prosinca/prosinac/pro
uk січня/січень/січ лютого/лютий/лют березня/березень/бер квітня/квітень/квіт травня/травень/трав червня/червень/черв липня/липень/лип серпня/серпень/серп вересня/вересень/вер жовтня/жовтень/жовт листопада/листопад/лист грудня/грудень/груд
ru января/январь/янв февраля/февраль/февр/фев марта/март/мар апреля/апрель/апр мая/май июня/июнь/июн июля/июль/июл августа/август/авг сентября/сентябрь/сент/сен октября/октябрь/окт ноября/ноябрь/нояб/ноя декабря/декабрь/дек
tr ocak/oca şubat/şub mart/mar nisan/nis mayıs/may haziran/haz temmuz/tem ağustos/ağu eylül/eyl ekim/eki kasım/kas aralık/ara
et jaanuar/jaan veebruar/veebr märts aprill/apr mai juuni juuli august/aug september/sept oktoober/okt november/nov detsember/dets
sl januar/januarja/jan februar/februarja/feb marec/marca/mar april/aprila/apr maj/maja junij/junija/jun julij/julija/jul avgust/avgusta/avg september/septembra/sep oktober/oktobra/okt november/novembra/nov december/decembra/dec
el ιανουαρίου/ιαν φεβρουαρίου/φεβ μαρτίου/μαρ απριλίου/απρ μαΐου/μαϊ ιουνίου/ιουν ιουλίου/ιουλ αυγούστου/αυγ σεπτεμβρίου/σεπ οκτωβρίου/οκτ νοεμβρίου/νοε δεκεμβρίου/δεκ
bg януари/яну февруари/фев март април/апр май юни юли август/авг септември/сеп октомври/окт ноември/ноем декември/дек
ca gener/gen febrer/febr març abril/abr maig juny juliol/jul agost/ag setembre/set octubre/oct novembre/nov desembre/des
cy ionawr/ion chwefror/chwef mawrth/maw ebrill/ebr mai mehefin/meh gorffennaf/gorff awst medi hydref/hyd tachwedd/tach rhagfyr/rhag
"""


def _months() -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for row in _ROWS.split("\n"):
        language, *months = row.split() or [""]
        for number, forms in enumerate(months, start=1):
            for form in forms.split("/"):
                table.setdefault(form, {})[language] = number
    return table


MONTHS: Final = _months()
"""Lower-case month name → language code → its number there."""

WEEKDAY_OR_MONTH: Final = frozenset({"mar"})
"""Also Tuesday, abbreviated, in French, Spanish, Italian and Romanian: a weekday wherever another month is named."""

_WEEKDAY_ROWS: Final = """
monday tuesday/tues wednesday thursday/thur/thurs friday saturday sunday
montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag
lundi/lun mardi mercredi/mer jeudi/jeu vendredi/ven samedi/sam dimanche/dim
lunes/lun martes miércoles/mié jueves/jue viernes/vie sábado/sáb domingo/dom
lunedì/lun martedì mercoledì/mer giovedì/gio venerdì/ven sabato/sab domenica/dom
segunda/seg terça/ter quarta/qua quinta/qui sexta/sex sábado/sáb domingo/dom
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
måndag/mån tisdag/tis onsdag/ons torsdag/tors/tor fredag/fre lördag/lör söndag/sön
mandag/man tirsdag/tir onsdag/ons torsdag/tor fredag/fre lørdag/lør søndag/søn
maanantai/maanantaina tiistai/tiistaina keskiviikko/keskiviikkona torstai/torstaina perjantai/perjantaina lauantai/lauantaina sunnuntai/sunnuntaina
poniedziałek/pon wtorek środa czwartek/czw piątek sobota/sob niedziela/niedz
pondělí úterý středa čtvrtek pátek sobota neděle
pondelok utorok streda štvrtok piatok sobota nedeľa
hétfő kedd szerda csütörtök péntek szombat vasárnap
luni/lun marți miercuri/mie joi vineri/vin sâmbătă/sâm duminică/dum
ponedjeljak/pon utorak/uto srijeda/sri četvrtak/čet petak/pet subota/sub nedjelja/ned
понеділок вівторок середа четвер пʼятниця субота неділя
понедельник вторник среда четверг пятница суббота воскресенье
pazartesi/pzt salı/sal çarşamba/çar perşembe/per cuma/cum cumartesi/cmt pazar/paz
esmaspäev teisipäev kolmapäev neljapäev reede laupäev pühapäev
ponedeljek/pon torek/tor sreda/sre četrtek/čet petek/pet sobota/sob nedelja/ned
δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή
понеделник вторник сряда четвъртък петък събота неделя
llun mawrth mercher iau gwener sadwrn sul
"""


def _weekdays() -> dict[str, int]:
    meanings: dict[str, set[int]] = {}
    for row in filter(None, _WEEKDAY_ROWS.split("\n")):
        for number, forms in enumerate(row.split()):
            for form in forms.split("/"):
                meanings.setdefault(form, set()).add(number)
    # English is abbreviated to three letters everywhere.
    for number, form in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun")):
        meanings.setdefault(form, set()).add(number)
    return {form: days.pop() for form, days in meanings.items() if len(days) == 1 and form not in MONTHS}


WEEKDAYS: Final = _weekdays()
"""Lower-case weekday, in any of the languages, that is one and the same day in all of them, and no month → 0 for Monday."""

# The North American names as RFC 5322 4.3 defines them for Date headers. Names that mean several zones (IST, CST in
# China, AMT, ...) are absent: then the local time is kept and the zone is unknown.
ZONES: Final = {
    name: timedelta(hours=hours)
    for name, hours in {
        "GMT": 0, "UTC": 0, "UT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "MEZ": 1, "SEČ": 1, "CEST": 2, "MESZ": 2, "SELČ": 2,
        "HNEC": 1, "HAEC": 2, "EET": 2, "OEZ": 2, "EEST": 3, "OESZ": 3, "MSK": 3, "TRT": 3, "JST": 9, "KST": 9,
        "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    }.items()
}  # fmt: skip
