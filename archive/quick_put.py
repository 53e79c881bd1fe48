"""The ordinary put of a small object, at a third of the client's cost. Whatever is not ordinary is left to the client.

boto3 spends about as much on preparing a put as a server beside it on storing it (docs/benchmarks.md), and accession
puts one object for each message. So a body that is in memory goes out as one request, signed by botocore's own signer
and sent by the library that botocore sends with. Anything but a plain success, a lost connection included, is answered
with None: the caller then asks the client, which knows every error. A put may be repeated, since it never overwrites.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import urllib3
from botocore.auth import EMPTY_SHA256_HASH, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

MOST_BYTES: Final = 1024 * 1024
STORED: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of a stored object: its version, and the checksum of what it stored (base64)."""

    version: str
    checksum: str | None


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, told the body's digest: to compute it once more, it prepares and reads the whole request."""

    def payload(self, request: AWSRequest) -> str:
        """The digest that the signature covers. Not every server compares it; the checksum sent along, each must."""
        return str(request.context["sha256"])


class QuickWay:
    """Requests under one client's credentials to one endpoint, over connections of its own."""

    def __init__(self, client: Any, credentials: Any, *, connections: int) -> None:
        self._endpoint = client.meta.endpoint_url.rstrip("/")
        self._region = client.meta.region_name
        self._credentials = credentials
        config = client.meta.config
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=connections,
            timeout=urllib3.Timeout(connect=config.connect_timeout, read=config.read_timeout),
            ca_certs=get_cert_path(True),
            retries=False,
        )

    def send(
        self, method: str, path: str, *, body: bytes = b"", sha256: str = EMPTY_SHA256_HASH, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse | None:
        """Sign and send one request; None where no answer came.

        Args:
            method: `GET` or `PUT`.
            path: Bucket, key and query, quoted.
            body: All of it.
            sha256: Its digest, hex.
            headers: Of the S3 API; names in any case.
        """
        url = f"{self._endpoint}/{path}"
        request = AWSRequest(method, url, headers=dict(headers), data=body)
        request.context["sha256"] = sha256
        _Signer(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        try:
            return self._pool.urlopen(method, url, body=body, headers=dict(request.headers), redirect=False)
        except urllib3.exceptions.HTTPError:
            return None

    def close(self) -> None:
        """Close its connections."""
        self._pool.clear()


class QuickPut(QuickWay):
    """Puts of small objects."""

    def __call__(self, bucket: str, key: str, body: bytes, sha256: str, headers: Mapping[str, str]) -> Answer | None:
        """Put one object.

        Args:
            bucket: The bucket.
            key: The object's key.
            body: All of it; at most `MOST_BYTES`.
            sha256: Its digest, hex.
            headers: Of the S3 API; names in any case.

        Returns:
            None where it did not simply go well: it may or may not be stored, ask the client.
        """
        told = {**headers, "Content-Length": str(len(body))}
        answer = self.send("PUT", f"{bucket}/{quote(key, safe='/~')}", body=body, sha256=sha256, headers=told)
        version = answer.headers.get("x-amz-version-id") if answer else None
        if answer is None or answer.status != STORED or not version:
            return None
        return Answer(version, answer.headers.get("x-amz-checksum-sha256"))


def is_known(client: Any, credentials: Any) -> bool:
    """Whether there is a quick way beside this client.

    There is none to AWS, whose buckets are host names, behind a proxy, and where no credentials are found.
    """
    style = (client.meta.config.s3 or {}).get("addressing_style")
    return style == "path" and credentials is not None and not get_environ_proxies(client.meta.endpoint_url)


def quick_put(client: Any, credentials: Any, *, connections: int) -> QuickPut | None:
    """A quick put beside this client; None where only the client knows the way."""
    return QuickPut(client, credentials, connections=connections) if is_known(client, credentials) else None
