"""Personal links for tests: somebody who holds one, and a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from archive.contributor import Contributor
from archive.link import Link, LinkKind, Terms, issue
from replies.egress import Egress
from replies.link_sending import LinkDesk
from replies.outcome import Outcome, Sent
from replies.policy import Limits
from replies.wall import wall_of
from tests.timeline.casework import BEGAN
from tests.web.officers import Site, make_site


@dataclass
class Holder:
    """Somebody with a personal link and a browser."""

    person: Contributor
    link: Link
    token: str
    client: FlaskClient

    @property
    def address(self) -> str:
        return f"/{self.link.kind}/{self.token}"

    def open(self) -> str:
        """Open the link; the address of the visit."""
        answer = self.client.get(self.address)
        assert answer.status_code == 303, answer.status_code
        return answer.headers["Location"]


def hold(site: Any, person: Contributor, kind: LinkKind = LinkKind.DIARY, *, days: float = 7, **terms: Any) -> Holder:
    """A link for somebody enrolled: `hold(site, site.casework.enrol(site.casework.case()), one_time=True)`."""
    casework = site.casework
    agreed = Terms(kind, casework.at + timedelta(days=days), **terms)
    with casework.archive.engine.begin() as connection:
        made, token = issue(connection, person, agreed, at=casework.at, actor="cli:tests")
    return Holder(person, made, token, site.app.test_client())


class Carrier:
    """Takes texts and answers as told."""

    def __init__(self) -> None:
        self.outcome: Outcome = Sent("SM1")
        self.sent: list[tuple[Any, Any]] = []

    def send(self, to: Any, words: Any) -> Outcome:
        self.sent.append((to, words))
        return self.outcome


def site_that_sends(installation: Any, carrier: Carrier) -> Site:
    """A web application whose links may be sent, by this carrier."""
    egress = Egress(carrier, None, wall_of(installation.engine))
    desk = LinkDesk(installation.engine, "https://larch.example.net/", egress, Limits(mails=False), lambda: BEGAN)
    return make_site(installation, links=desk)
