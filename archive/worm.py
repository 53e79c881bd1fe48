"""The WORM self-test: does this server really refuse what Object Lock forbids?

Several S3 servers accept lock and checksum headers and ignore them, so nothing is assumed: each forbidden act is tried
on a canary that is locked for a day, and each must be refused. The bucket must not be readable by the public either.
"""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from archive.errors import VaultUnavailableError
from archive.vault import LOCK_MODE, Vault, create_locked_bucket

CANARY = b"holdfast canary: this object must outlive every act below\n"
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """One forbidden act and what the server answered.

    Attributes:
        act: What was tried, in words.
        refused: Whether the server refused it.
        answer: The server's error code, or what it did instead.
    """

    act: str
    refused: bool
    answer: str


def self_test(vault: Vault, *, now: datetime) -> list[Trial]:
    """Try every forbidden act on a fresh canary.

    Returns:
        One trial an act; the vault may be trusted only if each was refused.

    Raises:
        VaultUnavailableError: The bucket is away or takes no locked object at all.
    """
    client, bucket = vault.client, vault.bucket
    create_locked_bucket(client, bucket)
    stored = vault.put(
        f"self-test/{uuid4()}",
        CANARY,
        size_bytes=len(CANARY),
        sha256=hashlib.sha256(CANARY).hexdigest(),
        retain_until=now + ONE_DAY,
        metadata={"purpose": "worm-self-test"},
    )
    at = {"Bucket": bucket, "Key": stored.key, "VersionId": stored.version}
    trials = [_trial(act, call) for act, call in _forbidden_acts(client, bucket, at, now)]
    trials.append(_canary_survives(vault, stored.key, stored.version))
    trials.append(_public_reading_refused(client, at))
    return trials


def _forbidden_acts(
    client: Any, bucket: str, at: dict[str, str], now: datetime
) -> list[tuple[str, Callable[[], object]]]:
    def retention(mode: str | None, until: datetime | None, **extra: Any) -> object:
        asked = {"Mode": mode, "RetainUntilDate": until} if mode else {}
        return client.put_object_retention(**at, Retention=asked, **extra)

    soon, later = now + timedelta(hours=1), now + 2 * ONE_DAY
    return [
        (
            "suspend versioning",
            lambda: client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
        ),
        ("delete the locked version", lambda: client.delete_object(**at)),
        (
            "delete it with governance bypass",
            lambda: client.delete_object(**at, BypassGovernanceRetention=True),
        ),
        ("delete it in a multi-delete", lambda: _multi_delete(client, bucket, at)),
        ("shorten the lock", lambda: retention(LOCK_MODE, soon)),
        ("shorten it with bypass", lambda: retention(LOCK_MODE, soon, BypassGovernanceRetention=True)),
        ("downgrade to governance", lambda: retention("GOVERNANCE", later)),
        ("remove the retention", lambda: retention(None, None, BypassGovernanceRetention=True)),
        ("lock until a past date", lambda: _put(client, bucket, until=now - ONE_DAY)),
        ("store under a wrong SHA-256", lambda: _put(client, bucket, until=now + ONE_DAY, body=CANARY + b"x")),
        (
            "write a second object under the key",
            lambda: _put(client, bucket, until=now + ONE_DAY, key=at["Key"]),
        ),
        ("delete the bucket", lambda: client.delete_bucket(Bucket=bucket)),
    ]


def _put(client: Any, bucket: str, *, until: datetime, body: bytes = CANARY, key: str | None = None) -> object:
    return client.put_object(
        Bucket=bucket,
        Key=key or f"self-test/{uuid4()}",
        Body=body,
        ChecksumSHA256=base64.b64encode(hashlib.sha256(CANARY).digest()).decode(),
        IfNoneMatch="*",
        ObjectLockMode=LOCK_MODE,
        ObjectLockRetainUntilDate=until,
    )


class _RefusedInAnswerError(Exception):
    """A multi-delete answers 200 and names its refusals inside."""


def _multi_delete(client: Any, bucket: str, at: dict[str, str]) -> object:
    answer = client.delete_objects(
        Bucket=bucket,
        Delete={"Objects": [{"Key": at["Key"], "VersionId": at["VersionId"]}]},
        BypassGovernanceRetention=True,
    )
    if answer.get("Errors"):
        raise _RefusedInAnswerError(answer["Errors"][0].get("Code", "refused"))
    return answer


def _trial(act: str, call: Callable[[], object]) -> Trial:
    try:
        call()
    except _RefusedInAnswerError as error:
        return Trial(act, refused=True, answer=str(error))
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(error.response.get("Error", {}).get("Code", status))
        # A server that breaks has not refused: 4xx only.
        return Trial(act, refused=400 <= status < 500, answer=code)  # noqa: PLR2004 - the HTTP class
    except BotoCoreError as error:
        raise VaultUnavailableError(f"answer the self-test ({act})", type(error).__name__) from error
    return Trial(act, refused=False, answer="accepted")


def _canary_survives(vault: Vault, key: str, version: str) -> Trial:
    """Refusals could be words only: the canary must still be there, whole and locked."""
    vault.look(key, version)
    intact = vault.digest(key, version) == hashlib.sha256(CANARY).hexdigest()
    return Trial("lose the canary meanwhile", refused=intact, answer="still there, whole" if intact else "changed")


def _public_reading_refused(client: Any, at: dict[str, str]) -> Trial:
    """Read the canary with no credentials at all: a public bucket is no place for evidence."""
    url = f"{client.meta.endpoint_url.rstrip('/')}/{at['Bucket']}/{at['Key']}?versionId={at['VersionId']}"
    if not url.startswith(("http://", "https://")):
        raise VaultUnavailableError("be asked without credentials", f"endpoint {client.meta.endpoint_url}")
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - the scheme was checked above
            return Trial("read without credentials", refused=False, answer="readable by anyone")
    except urllib.error.HTTPError as error:
        return Trial("read without credentials", refused=True, answer=str(error.code))
    except OSError as error:
        raise VaultUnavailableError("be asked without credentials", type(error).__name__) from error
