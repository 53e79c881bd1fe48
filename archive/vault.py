"""The vault: an S3 bucket with Object Lock that holds original bytes.

Promise: what `put` returns is in the vault under its own key, locked, and its SHA-256 was checked by the server or
read back by us. Objects are always read by version id: a delete marker can hide a locked version, never remove it.

`put_object` is used and never the multipart helpers: those cannot carry `IfNoneMatch` or a whole-object SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import RawIOBase
from typing import Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from archive.errors import (
    DigestMismatchError,
    LockMissingError,
    MissingFromVaultError,
    OverwrittenError,
    VaultUnavailableError,
)
from archive.quick_get import QuickGet, quick_get
from archive.quick_put import MOST_BYTES, Answer, QuickPut, quick_put

CHUNK_BYTES = 1024 * 1024
LOCK_MODE = "COMPLIANCE"
# S3 keeps whole seconds; a server may round down what we asked for.
LOCK_SLACK = timedelta(seconds=1)
NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the vault: where it is, which version, how it is locked, and what travels with it.

    Attributes:
        key: Its key.
        version: Which version.
        retain_until: Nobody removes it before then.
        metadata: Custody facts.
        held: Whether a legal hold is on it, whatever the date.
    """

    key: str
    version: str
    retain_until: datetime
    metadata: Mapping[str, str]
    held: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key as the vault lists it, or one delete marker over it."""

    key: str
    version: str
    modified_at: datetime
    is_marker: bool


def open_vault(*, endpoint_url: str | None, region: str, bucket: str, connections: int) -> Vault:
    """The vault in one bucket, small objects by the quick way where there is one."""
    client = s3_client(endpoint_url=endpoint_url, region=region, connections=connections)
    credentials = boto3.session.Session().get_credentials()
    return Vault(
        client,
        bucket,
        # What repeats a put has to look first: the client itself never repeats one.
        putting=s3_client(endpoint_url=endpoint_url, region=region, connections=connections, attempts=1),
        quick=quick_put(client, credentials, connections=connections),
        quick_read=quick_get(client, credentials, connections=connections),
    )


def s3_client(
    *, endpoint_url: str | None, region: str, connections: int = 10, timeout_seconds: int = 20, attempts: int = 4
) -> Any:
    """A boto3 S3 client fit for evidence: signed payloads, bounded waits, credentials by the AWS variables."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        config=Config(
            s3={"payload_signing_enabled": True, "addressing_style": "path" if endpoint_url else "auto"},
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=3,
            read_timeout=timeout_seconds,
            max_pool_connections=connections,
        ),
    )


@contextmanager
def _speaking(act: str) -> Iterator[None]:
    """Turn what botocore raises into our transient error; refusals keep their own meaning."""
    try:
        yield
    except ClientError as error:
        raise VaultUnavailableError(act, _code(error)) from error
    except BotoCoreError as error:
        raise VaultUnavailableError(act, type(error).__name__) from error


@contextmanager
def _noticing_gone(key: str, version: str) -> Iterator[None]:
    """Tell what the vault does not have from what it cannot do now."""
    try:
        yield
    except ClientError as error:
        if _code(error) in NOT_THERE:
            raise MissingFromVaultError(key, version) from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


class Vault:
    """One bucket with Object Lock, and the only calls that touch it."""

    def __init__(
        self,
        client: Any,
        bucket: str,
        *,
        putting: Any = None,
        quick: QuickPut | None = None,
        quick_read: QuickGet | None = None,
    ) -> None:
        self.client, self.bucket, self._quick, self._quick_read = client, bucket, quick, quick_read
        self.putting = putting or client

    def put(
        self,
        key: str,
        body: bytes | BinaryIO | RawIOBase,
        *,
        size_bytes: int,
        sha256: str,
        retain_until: datetime,
        metadata: Mapping[str, str],
        look_back: bool = True,
        look_first: bool = False,
    ) -> StoredObject:
        """Write one object, once, locked; safe to repeat after a crash.

        Args:
            key: The object's own key; never shared between acquisitions.
            body: Exactly the bytes to keep, or a file open at its start.
            size_bytes: How many they are; at most 5 GiB.
            sha256: Hex digest computed when they were received.
            retain_until: Nobody removes the version before this moment.
            metadata: Custody facts that travel with the object; ASCII.
            look_back: Ask the server for the lock afterwards. The sum of what it stored is checked either way.
            look_first: A put under this key was begun before (`archive.putting`): take over what it left.

        Returns:
            The object as it lies in the vault. After a repeat this is the first one, with *its* metadata.

        Raises:
            VaultUnavailableError: The vault is away or refuses for now.
            OverwrittenError: Other bytes lie under the key.
            LockMissingError: The server did not lock it.
            DigestMismatchError: It lies there with other bytes than sent.
        """
        if look_first and (kept := self._left_behind(key, sha256)):
            return kept
        until = retain_until.replace(microsecond=0)
        answer = None
        if self._quick and isinstance(body, bytes) and len(body) <= MOST_BYTES:
            answer = self._put_quickly(self._quick, key, body, sha256, until, metadata)
            if answer is None and (kept := self._left_behind(key, sha256)):
                return kept
        if answer is None:
            answer = self._put_by_client(key, body, size_bytes, sha256, until, metadata)
        if answer is None:
            return self._already_there(key, sha256)
        asked = StoredObject(key, answer.version, until, dict(metadata))
        stored = self.look(key, asked.version) if look_back else asked
        self._check(stored, answer.checksum, sha256, retain_until)
        return stored

    def _put_quickly(
        self, quick: QuickPut, key: str, body: bytes, sha256: str, until: datetime, metadata: Mapping[str, str]
    ) -> Answer | None:
        headers = {
            "If-None-Match": "*",
            "x-amz-checksum-sha256": _base64_of(sha256),
            "x-amz-object-lock-mode": LOCK_MODE,
            "x-amz-object-lock-retain-until-date": until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{f"x-amz-meta-{name}": value for name, value in metadata.items()},
        }
        return quick(self.bucket, key, body, sha256, headers)

    def _put_by_client(
        self,
        key: str,
        body: bytes | BinaryIO | RawIOBase,
        size_bytes: int,
        sha256: str,
        until: datetime,
        metadata: Mapping[str, str],
    ) -> Answer | None:
        """Put with boto3; None where something lies under the key already."""
        try:
            answer = self.putting.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentLength=size_bytes,
                ChecksumSHA256=_base64_of(sha256),
                IfNoneMatch="*",
                ObjectLockMode=LOCK_MODE,
                ObjectLockRetainUntilDate=until,
                Metadata=dict(metadata),
            )
        except ClientError as error:
            if _code(error) in {"PreconditionFailed", "412"}:
                return None
            raise VaultUnavailableError(f"store {key}", _code(error)) from error
        except BotoCoreError as error:
            raise VaultUnavailableError(f"store {key}", type(error).__name__) from error
        if not answer.get("VersionId"):
            raise LockMissingError(key, "the server gave it no version")
        return Answer(answer["VersionId"], answer.get("ChecksumSHA256"))

    def close(self) -> None:
        """Close every connection."""
        self.client.close()
        self.putting.close()
        for quick in (self._quick, self._quick_read):
            if quick is not None:
                quick.close()

    def _already_there(self, key: str, sha256: str) -> StoredObject:
        stored = self.look(key, None)
        if self.digest(stored.key, stored.version) != sha256:
            raise OverwrittenError(key)
        return stored

    def _left_behind(self, key: str, sha256: str) -> StoredObject | None:
        """What a put that failed left under the key: locked, with just these bytes."""
        for page in self.versions(key):
            for one in page:
                stored = self._if_locked(one) if one.key == key and not one.is_marker else None
                if stored and self.digest(key, one.version) == sha256:
                    return stored
        return None

    def _if_locked(self, one: Version) -> StoredObject | None:
        try:
            return self.look(one.key, one.version)
        except (LockMissingError, MissingFromVaultError):
            return None

    def _check(self, stored: StoredObject, answered: str | None, sha256: str, retain_until: datetime) -> None:
        if answered != _base64_of(sha256):
            actual = self.digest(stored.key, stored.version)
            if actual != sha256:
                raise DigestMismatchError(stored.key, sha256, actual)
        if stored.retain_until < retain_until - LOCK_SLACK:
            raise LockMissingError(stored.key, f"locked until {stored.retain_until:%Y-%m-%d %H:%M:%S}")

    def look(self, key: str, version: str | None) -> StoredObject:
        """What the vault says of one version (of the current one where `version` is None).

        Raises:
            LockMissingError: The version is not locked in COMPLIANCE mode.
            MissingFromVaultError: It is not there.
        """
        extra = {"VersionId": version} if version else {}
        with _speaking(f"look at {key}"), _noticing_gone(key, version or "the current one"):
            head = self.client.head_object(Bucket=self.bucket, Key=key, **extra)
        return _stored(key, head)

    def fetch(self, key: str, version: str) -> tuple[StoredObject, Iterator[bytes]]:
        """One version with its lock and its bytes, in one call; the bytes in pieces of at most 1 MiB.

        Raises:
            LockMissingError: The version is not locked in COMPLIANCE mode.
            MissingFromVaultError: It is not there.
        """
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key, VersionId=version)
        except ClientError as error:
            if _code(error) in NOT_THERE:
                raise MissingFromVaultError(key, version) from error
            raise VaultUnavailableError(f"read {key}", _code(error)) from error
        except BotoCoreError as error:
            raise VaultUnavailableError(f"read {key}", type(error).__name__) from error
        return _stored(key, {**answer, "VersionId": version}), self._pieces(key, answer["Body"])

    def _pieces(self, key: str, body: Any) -> Iterator[bytes]:
        with _speaking(f"read {key}"):
            yield from body.iter_chunks(CHUNK_BYTES)

    def versions(self, prefix: str, *, after: str = "", at_once: int = 1000) -> Iterator[list[Version]]:
        """Every version and delete marker under a prefix, a page at a time, in the server's order of keys.

        Args:
            prefix: Which keys; all where empty.
            after: Go on behind this key, in the same order.
            at_once: Most in a page; the versions of one key may stand on two pages.
        """
        marks = {"KeyMarker": after} if after else {}
        while True:
            with _speaking(f"list {prefix}"):
                page = self.client.list_object_versions(Bucket=self.bucket, Prefix=prefix, MaxKeys=at_once, **marks)
            found = [_version(one, marker=False) for one in page.get("Versions", [])]
            found += [_version(one, marker=True) for one in page.get("DeleteMarkers", [])]
            yield sorted(found, key=lambda one: one.key)
            if not page.get("IsTruncated"):
                return
            marks = {"KeyMarker": page["NextKeyMarker"]}
            if page.get("NextVersionIdMarker"):
                marks["VersionIdMarker"] = page["NextVersionIdMarker"]

    def stream(self, key: str, version: str) -> Iterator[bytes]:
        """The bytes of one version, in pieces of at most 1 MiB."""
        with _speaking(f"read {key}"):
            body = self.client.get_object(Bucket=self.bucket, Key=key, VersionId=version)["Body"]
            yield from body.iter_chunks(CHUNK_BYTES)

    def whole(self, key: str, version: str) -> bytes:
        """All bytes of one small version, unchecked; safe to call from several threads."""
        found = self._quick_read(self.bucket, key, version) if self._quick_read else None
        return b"".join(self.stream(key, version)) if found is None else found

    def read(self, key: str, version: str, *, sha256: str) -> bytes:
        """The bytes of one version, checked against the digest recorded at receipt.

        Raises:
            DigestMismatchError: They are not what was received.
        """
        body = b"".join(self.stream(key, version))
        actual = hashlib.sha256(body).hexdigest()
        if actual != sha256:
            raise DigestMismatchError(key, sha256, actual)
        return body

    def digest(self, key: str, version: str) -> str:
        """SHA-256 of the bytes the vault holds, read back and computed here."""
        running = hashlib.sha256()
        for piece in self.stream(key, version):
            running.update(piece)
        return running.hexdigest()

    def extend(self, key: str, version: str, until: datetime) -> None:
        """Lock one version for longer; a COMPLIANCE lock can only grow.

        Raises:
            MissingFromVaultError: There is no such version.
        """
        with _speaking(f"extend the lock of {key}"), _noticing_gone(key, version):
            self.client.put_object_retention(
                Bucket=self.bucket,
                Key=key,
                VersionId=version,
                Retention={"Mode": LOCK_MODE, "RetainUntilDate": until.replace(microsecond=0)},
            )

    def hold(self, key: str, version: str, *, on: bool) -> None:
        """Place or lift the legal hold of one version: while it is on, nobody removes the version, lock or no lock.

        Raises:
            MissingFromVaultError: There is no such version.
        """
        with _speaking(f"change the hold of {key}"), _noticing_gone(key, version):
            self.client.put_object_legal_hold(
                Bucket=self.bucket, Key=key, VersionId=version, LegalHold={"Status": "ON" if on else "OFF"}
            )

    def remove(self, key: str, version: str) -> None:
        """Remove one version for good, once its lock is over. Disposal alone calls this.

        Raises:
            VaultUnavailableError: It is still locked or held, or the vault is away.
        """
        with _speaking(f"remove {key}"), _noticing_gone(key, version):
            self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)


def _stored(key: str, head: Mapping[str, Any]) -> StoredObject:
    mode, until = head.get("ObjectLockMode"), head.get("ObjectLockRetainUntilDate")
    if mode != LOCK_MODE or until is None or not head.get("VersionId"):
        raise LockMissingError(key, f"mode {mode}, until {until}")
    held = head.get("ObjectLockLegalHoldStatus") == "ON"
    return StoredObject(key, head["VersionId"], until.astimezone(UTC), dict(head.get("Metadata", {})), held)


def _version(listed: Mapping[str, Any], *, marker: bool) -> Version:
    return Version(listed["Key"], listed["VersionId"], listed["LastModified"].astimezone(UTC), marker)


def create_locked_bucket(client: Any, bucket: str) -> None:
    """Make a bucket with Object Lock, unless it is there."""
    with _speaking(f"create the bucket {bucket}"):
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError:
            client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)


def _base64_of(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()
