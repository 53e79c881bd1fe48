"""Who runs this installation, as its pages say it: names, numbers and links, with the UK's as defaults."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HEX_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
SAFE_LINK: Final = re.compile(r"https://[^\s\"'<>]+")
# WCAG 2.2, 1.4.3: white words on the colour, and words of the colour on white.
LEAST_CONTRAST: Final = 4.5
SRGB_LINEAR_UNTIL: Final = 0.04045


@dataclass(frozen=True, slots=True)
class Service:
    """A local support service: its name, and a number or link to reach it by."""

    name: str
    number: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        _require_link(self.link, "a support service's link")


@dataclass(frozen=True, slots=True)
class Brand:
    """Names, numbers and links of the body that runs this installation. Text only: nothing here is ever markup.

    Raises:
        ValueError: a link is not https, or the colour is not `#rrggbb` or too light to read; the sentence says which.
    """

    # Stands inside sentences, so it has no capital of its own unless it is a name: "Exampleshire Police".
    body_name: str = "your local police"
    # Stands in tabs, history and bookmarks of the public pages: it must not tell what they are about.
    public_name: str = "Advice and information"
    officer_name: str = "Holdfast"
    colour: str = "#1c4f56"
    # Language of the public and personal pages, as `locale/` has it; names and words above are given in it.
    language: str = "en"
    exit_link: str = "https://www.bbc.co.uk/weather"

    emergency_number: str = "999"
    # What to press when you cannot speak to the emergency operator from a mobile; empty where there is no such thing.
    silent_code: str = "55"
    non_emergency_number: str = "101"
    report_link: str = "https://www.police.uk/"

    helpline_name: str = "National Stalking Helpline"
    helpline_number: str = "0808 802 0300"
    helpline_body: str = "Suzy Lamplugh Trust"
    helpline_link: str = "https://www.suzylamplugh.org/"
    personal_safety_link: str = "https://www.suzylamplugh.org/"
    call_preference_link: str = "https://www.tpsonline.org.uk/"
    services: tuple[Service, ...] = ()

    # Where contributors forward to; empty: the page says that the person who enrolled them tells it.
    intake_number: str = ""
    intake_address: str = ""
    # The address of a contributor's alias, `*` for its secret part; empty: a plus in the one before.
    intake_alias: str = ""

    # Who answers for personal data and for pages that cannot be used.
    privacy_contact: str = ""
    accessibility_contact: str = ""

    def __post_init__(self) -> None:
        if not HEX_COLOUR.fullmatch(self.colour):
            raise ValueError(f"the brand colour must look like #1c4f56, not {self.colour!r}")
        if contrast_with_white(self.colour) < LEAST_CONTRAST:
            raise ValueError(f"the brand colour must look like #1c4f56: white words cannot be read on {self.colour}")
        for name in ("exit_link", "report_link", "helpline_link", "personal_safety_link", "call_preference_link"):
            _require_link(getattr(self, name), name)

    @property
    def alias_pattern(self) -> str:
        """The address of an alias, `*` for its secret part; empty where people forward to no address."""
        local, at, domain = self.intake_address.rpartition("@")
        return self.intake_alias or (f"{local}+*@{domain}" if at else "")


def contrast_with_white(colour: str) -> float:
    """Return the contrast of `#rrggbb` with white, from 1 (white) to 21 (black), as WCAG 2.2 defines it."""
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 1.05 / (luminance + 0.05)


def _linear(channel: float) -> float:
    # The guidelines give this formula and its numbers.
    return channel / 12.92 if channel <= SRGB_LINEAR_UNTIL else ((channel + 0.055) / 1.055) ** 2.4


def parse_services(lines: Iterable[str]) -> tuple[Service, ...]:
    """Read support services, one a line: `name | number | link`, the last two optional.

    Raises:
        ValueError: a line has no name, too many parts, or a link that is not https.
    """
    return tuple(_parse_service(line) for line in lines if line.strip())


def _parse_service(line: str) -> Service:
    parts = [part.strip() for part in line.split("|")]
    if not parts[0] or len(parts) > len(Service.__dataclass_fields__):
        raise ValueError(f"a support service is written 'name | number | link', not {line!r}")
    return Service(*parts)


def _require_link(link: str, name: str) -> None:
    if link and not SAFE_LINK.fullmatch(link):
        raise ValueError(f"{name} must be an https:// address, not {link!r}")
