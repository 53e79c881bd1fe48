"""From bytes on the wire to bytes and to text: transfer encodings (RFC 2045) and character sets, in linear time.

Every function here is total: any bytes give a result, and a second value says what was wrong with them.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from typing import Final

_NOT_BASE64: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_BASE64_LINE: Final = 4
XML_BASE64: Final = "base64 in xml"
"""Base64 in an attribute of XML, its line ends written as references (`&#10;`)."""
_REFERENCE: Final = re.compile(rb"&#?[0-9A-Za-z]{1,8};")
_UU_LINE_LIMIT: Final = 200_000

# Only true character sets: `bytes.decode` also knows "punycode" and "idna", which are slow, and "unicode_escape".
_CHARACTER_SETS: Final = re.compile(
    r"ascii|utf-(7|8|16|32)([-_]?(le|be|sig))?|iso8859-\d+|cp\d+|koi8-[rtu]|mac-[a-z0-9-]+|shift_jis\w*|euc_\w+"
    r"|iso2022_\w+|gb2312|gbk|gb18030|big5\w*|hz|johab|tis-620|ptcp154|kz1048|hp-roman8",
    re.ASCII,
)
_ALSO_KNOWN_AS: Final = {
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-1": "cp1252",  # as every mail program reads it (WHATWG Encoding)
    "latin1": "cp1252",
    "unicode-1-1-utf-7": "utf-7",
    "x-unknown": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}


def decode_transfer(data: bytes, encoding: str) -> tuple[bytes, str | None]:
    """The bytes that `data` stands for in a Content-Transfer-Encoding, and what was wrong (None: nothing).

    An encoding we do not know leaves the bytes as they are, as RFC 2049 asks.
    """
    if encoding in ("", "7bit", "8bit", "binary"):
        return data, None
    if encoding == "base64":
        return decode_base64(data)
    if encoding == XML_BASE64:
        return decode_base64(_REFERENCE.sub(b"", data))
    if encoding == "quoted-printable":
        return quopri.decodestring(data), None
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _decode_uu(data)
    return data, f"unknown transfer encoding {encoding[:40]}"


def decode_base64(data: bytes) -> tuple[bytes, str | None]:
    """Every run of base64 in `data`, joined.

    The standard library stops silently at the first padding (CPython issue 137687).
    """
    letters = data.translate(None, _NOT_BASE64)
    odd = None if len(letters) + data.count(b"\n") + data.count(b"\r") == len(data) else "characters outside base64"
    runs = [run for run in re.split(b"=+", letters) if run]
    decoded = b"".join(map(_decode_run, runs))
    if any(len(run) % _BASE64_LINE == 1 for run in runs):
        odd = "base64 that was cut"
    return decoded, odd


def _decode_run(run: bytes) -> bytes:
    remainder = len(run) % _BASE64_LINE
    if remainder == 1:  # a single letter carries less than a byte
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % _BASE64_LINE))


def _decode_uu(data: bytes) -> tuple[bytes, str | None]:
    decoded: list[bytes] = []
    inside = False
    odd: str | None = None
    for line in data.splitlines()[:_UU_LINE_LIMIT]:
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.rstrip() in (b"end", b"`", b""):
            inside = line.rstrip() != b"end"
        else:
            try:
                decoded.append(binascii.a2b_uu(line))
            except binascii.Error:
                odd = "uuencoded text that was damaged"
    return (b"".join(decoded), odd) if decoded else (data, "no uuencoded text found")


def decode_text(data: bytes, charset: str | None) -> tuple[str, str | None]:
    """`data` as text for display, and what was wrong.

    The stated character set first; UTF-8 where none is stated or it does not fit; then Windows-1252, in which every
    byte but five is a character. Undecodable bytes become U+FFFD and are reported.
    """
    if charset is None:
        try:
            return data.decode(), None
        except UnicodeDecodeError:
            return data.decode("cp1252", "replace"), "bytes that are not utf-8"
    stated = character_set(charset)
    for name in dict.fromkeys((stated or "utf-8", "utf-8")):
        try:
            text = data.decode(name)
        except (UnicodeError, ValueError):
            continue
        if stated is None:
            return text, f"unknown character set {charset[:40]}"
        return text, None if name == (stated or "utf-8") else f"not in the stated character set {charset}"
    fallback = stated if stated not in (None, "utf-8") else "cp1252"
    return data.decode(fallback, "replace"), f"bytes that are not {stated or 'utf-8'}"


def character_set(name: str) -> str | None:
    """The codec for a stated character set; None for one that is unknown or not a character set."""
    wanted = name.strip().strip("\"'").lower()[:40]
    wanted = _ALSO_KNOWN_AS.get(wanted, wanted)
    try:
        found = codecs.lookup(wanted).name
    except (LookupError, ValueError, UnicodeError):
        return None
    return found if _CHARACTER_SETS.fullmatch(found) else None
