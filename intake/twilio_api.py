"""Twilio's REST side: list texts, fetch one as Twilio tells it, fetch media, redact or delete its copy. Sends nothing.

Media are fetched with the account's credentials from Twilio's own host only; where that redirects, the next request
goes without them, and only to a host on the list. Nothing a text says can make us ask anyone else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, TypeAlias
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from intake.addresses import normal_phone
from intake.errors import MediaNotThereYetError, MediaRefusedError, TwilioRefusedError, TwilioUnavailableError
from intake.loopback import is_loopback
from intake.twilio_list import PAGE_SIZE, SeenText, pages

TWILIO_URL = "https://api.twilio.com"
API_VERSION = "2010-04-01"
CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
MEDIA_SECONDS = 120.0
MOST_REDIRECTS = 3
CHUNK_BYTES = 64 * 1024
MOST_BYTES = 64 * 1024 * 1024
MEDIA_TYPES = ("*/*",)

NOT_FOUND = f"status {requests.codes.not_found}"

Authentication: TypeAlias = tuple[str, str] | Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class FetchedMedia:
    """Media as a host gave them.

    Attributes:
        raw: The bytes.
        media_type: What the answer says they are; None where it does not.
        host: Which host gave them.
        headers: The answer's headers.
    """

    raw: bytes
    media_type: str | None
    host: str
    headers: tuple[tuple[str, str], ...]


class _ElsewhereClient(TwilioHttpClient):  # type: ignore[misc] # twilio ships no types
    """Twilio's own HTTP client, with the host of a stand-in or a proxy in place of Twilio's."""

    def __init__(self, api_url: str) -> None:
        super().__init__(timeout=READ_SECONDS)
        self._api_url = api_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace(TWILIO_URL, self._api_url, 1), *args, **kwargs)


class _OneHopSession(requests.Session):
    """Follows nothing. Told not to, requests still reads a redirect's body, without a limit, and parses its target."""

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())


def _without_credentials(request: Any) -> Any:
    """Add nothing: given as `auth`, it also keeps requests from looking for a password in ~/.netrc."""
    return request


@contextmanager
def _speaking(act: str) -> Iterator[None]:
    """Turn what requests and twilio raise into our errors."""
    try:
        yield
    except TwilioRestException as error:
        raise _of_status(act, error.status) from error
    except TwilioException as error:
        # A page of a list that fails is told by the answer alone.
        status = getattr(error.args[-1], "status_code", None) if error.args else None
        raise (_of_status(act, status) if status else TwilioUnavailableError(act, type(error).__name__)) from error
    except requests.RequestException as error:
        raise TwilioUnavailableError(act, type(error).__name__) from error


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Take "not found" for done: what was to go is gone."""
    try:
        yield
    except TwilioRefusedError as error:
        if error.because != NOT_FOUND:
            raise


def _of_status(act: str, status: int) -> TwilioUnavailableError | TwilioRefusedError:
    if status == requests.codes.too_many_requests or status >= requests.codes.internal_server_error:
        return TwilioUnavailableError(act, f"status {status}")
    return TwilioRefusedError(act, f"status {status}")


class TwilioApi:
    """One Twilio account. Safe to share between threads as far as `requests.Session` is."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        number: str | None = None,
        api_url: str | None = None,
        media_hosts: Sequence[str] = (),
        most_bytes: int = MOST_BYTES,
        media_types: Sequence[str] = MEDIA_TYPES,
    ) -> None:
        """Say whose texts, and from where.

        Args:
            account_sid: The account.
            auth_token: Its token.
            number: Only texts to this number are ours; all of the account where None.
            api_url: What stands in for `https://api.twilio.com`.
            media_hosts: Hosts that media may be fetched from besides, by redirects too; over https.
            most_bytes: Larger media are refused.
            media_types: Types that media may have, `image/*` for every picture; others are refused.
        """
        self._api_url = (api_url or TWILIO_URL).rstrip("/")
        self._credentials = (account_sid, auth_token)
        self._number = normal_phone(number) if number else None
        self._hosts = frozenset(host.lower() for host in media_hosts)
        self._most_bytes = most_bytes
        self._types = tuple(each.lower() for each in media_types)
        self._path = f"/{API_VERSION}/Accounts/{quote(account_sid, safe='')}/Messages"
        self._root = f"{self._api_url}{self._path}"
        self._http = _ElsewhereClient(self._api_url)
        self._client = Client(account_sid, auth_token, http_client=self._http)
        self._session = _OneHopSession()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        if self._http.session is not None:
            self._http.session.close()

    def listed(self, since: datetime) -> Iterator[list[SeenText]]:
        """Everything the account has from the day of `since` on, in and out, a page at a time, newest first.

        Raises:
            TwilioUnavailableError: Try again.
            TwilioRefusedError: The credentials are wrong.
        """
        path = f"{self._path}.json"
        return pages(lambda query: self._get("list texts", f"{self._api_url}{query}"), path, since, self._number)

    def texts_since(self, since: datetime) -> Iterator[SeenText]:
        """Every text to us that Twilio has from the day of `since` on, newest first, each once; raises as `listed`."""
        for page in self.listed(since):
            yield from (text for text in page if text.inbound and text.ours)

    def text(self, sid: str) -> bytes:
        """One text as Twilio tells it now: a JSON document, byte for byte as it answered."""
        return self._get("tell of a text", f"{self._root}/{quote(sid, safe='')}.json")

    def _get(self, act: str, url: str) -> bytes:
        with _speaking(act):
            answer = self._session.get(
                url,
                auth=self._credentials,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            if answer.status_code != requests.codes.ok:
                raise _of_status(act, answer.status_code)
            return answer.content

    def redact(self, sid: str) -> None:
        """Empty the words of Twilio's own copy of a text and delete its media there; what is gone already is done.

        Raises:
            TwilioUnavailableError: Try again: it is safe to repeat.
            TwilioRefusedError: The credentials are wrong.
        """
        with _unless_gone(), _speaking("redact a text"):
            for item in self._client.messages(sid).media.list(page_size=PAGE_SIZE):
                item.delete()
            self._client.messages(sid).update(body="")

    def delete(self, sid: str) -> None:
        """Delete Twilio's own copy of a text, with its media; raises as `redact`."""
        with _unless_gone(), _speaking("delete a text"):
            self._client.messages(sid).delete()

    def media_urls(self, sid: str) -> list[tuple[str, str]]:
        """Address and media type of each of a text's media, as Twilio lists them."""
        with _speaking("list media"):
            listed = self._client.messages(sid).media.list(page_size=PAGE_SIZE)
            return [(f"{self._root}/{quote(sid, safe='')}/Media/{item.sid}", item.content_type) for item in listed]

    def fetch(self, url: str) -> FetchedMedia:
        """The bytes at one media address.

        Raises:
            MediaRefusedError: The host, a redirect or the type is not allowed, or there are more than `most_bytes`.
            MediaNotThereYetError: Not found: media of a fresh text may lag behind it.
            TwilioUnavailableError: Try again.
            TwilioRefusedError: The credentials are wrong.
        """
        authentication: Authentication = self._credentials
        for _ in range(MOST_REDIRECTS + 1):
            parts = self._allowed(url)
            if _origin(parts) != _origin(urlsplit(self._api_url)):
                authentication = _without_credentials
            with (
                _speaking("give media"),
                self._session.get(
                    url,
                    auth=authentication,
                    allow_redirects=False,
                    stream=True,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    headers={"Accept-Encoding": "identity"},
                ) as answer,
            ):
                if not answer.is_redirect:
                    return self._body(answer, url)
                url = _joined(url, answer.headers["Location"])
            authentication = _without_credentials
        raise MediaRefusedError(f"more than {MOST_REDIRECTS} redirects")

    def _allowed(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except ValueError:
            raise MediaRefusedError("its address is not one") from None
        scheme, host, port = origin
        if "@" in parts.netloc or not host:
            raise MediaRefusedError("its address is not a plain one")
        if scheme != "https" and not (scheme == "http" and is_loopback(host)):
            raise MediaRefusedError(f"{host} is not asked over https")
        if origin != _origin(urlsplit(self._api_url)) and not (host in self._hosts and port == _PORTS["https"]):
            raise MediaRefusedError(f"{host} is not on the list of media hosts")
        return parts

    def _body(self, answer: requests.Response, url: str) -> FetchedMedia:
        if answer.status_code in {requests.codes.not_found, requests.codes.gone}:
            raise MediaNotThereYetError(urlsplit(url).path.rpartition("/")[2])
        if answer.status_code != requests.codes.ok:
            raise _of_status("give media", answer.status_code)
        declared = answer.headers.get("Content-Type")
        self._require_type(declared)
        raw, until = bytearray(), time.monotonic() + MEDIA_SECONDS
        for piece in answer.iter_content(CHUNK_BYTES):
            raw += piece
            if len(raw) > self._most_bytes:
                raise MediaRefusedError(f"it has more than {self._most_bytes} bytes")
            if time.monotonic() > until:
                raise TwilioUnavailableError("give media", f"not done after {MEDIA_SECONDS:.0f} s")
        return FetchedMedia(bytes(raw), declared, urlsplit(url).netloc, tuple(answer.headers.items()))

    def _require_type(self, declared: str | None) -> None:
        """Make sure that what the answer says it is may come in; an answer that says no type is any bytes."""
        said = (declared or "").partition(";")[0].strip().lower()
        said = said if "/" in said else "application/octet-stream"
        if not any(fnmatchcase(said, allowed) for allowed in self._types):
            raise MediaRefusedError(f"its type {said[:100]} is not on the list of media types")


_PORTS = {"http": 80, "https": 443}


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise MediaRefusedError("it redirects to what is no address") from None
