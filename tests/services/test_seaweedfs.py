"""The vault's server: locks hold, and the administrator's doors are shut."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import requests
from botocore.exceptions import ClientError

from services.process import CHECKOUT
from tests.services.test_embedded import s3

LOCKED = b"locked bytes"


@pytest.fixture
def locked(environment):
    """A client, and the bucket, key and version of an object under a lock."""
    client, bucket = s3(environment), environment["HOLDFAST_S3_BUCKET"]
    put = client.put_object(
        Bucket=bucket, Key="item", Body=LOCKED, ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=1), ChecksumAlgorithm="SHA256", IfNoneMatch="*",
    )  # fmt: skip
    return client, {"Bucket": bucket, "Key": "item", "VersionId": put["VersionId"]}


def test_a_locked_version_cannot_be_deleted_even_with_bypass(locked):
    client, item = locked
    for bypass in (False, True):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(**item, BypassGovernanceRetention=bypass)
    assert client.get_object(**item)["Body"].read() == LOCKED


def test_a_second_put_under_if_none_match_is_refused(locked):
    client, item = locked
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=item["Bucket"], Key="item", Body=b"other", IfNoneMatch="*")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


def test_a_bucket_that_was_not_made_does_not_appear_by_a_put(environment):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3(environment).put_object(Bucket="mistyped-bucket", Key="x", Body=b"x")


def test_the_http_doors_of_master_volume_and_filer_take_no_orders(stack, locked):
    client, item = locked
    ports = stack.parts.seaweedfs._ports
    tries = [
        ("DELETE", f"http://127.0.0.1:{ports['filer']}/buckets/{item['Bucket']}/item?recursive=true"),
        ("DELETE", f"http://127.0.0.1:{ports['filer']}/buckets/{item['Bucket']}/item.versions?recursive=true"),
        ("PUT", f"http://127.0.0.1:{ports['filer']}/buckets/{item['Bucket']}/new"),
        ("GET", f"http://127.0.0.1:{ports['master']}/col/delete?collection={item['Bucket']}"),
        ("POST", f"http://127.0.0.1:{ports['master']}/col/delete?collection={item['Bucket']}"),
        ("GET", f"http://127.0.0.1:{ports['master']}/vol/grow?count=1"),
        ("DELETE", f"http://127.0.0.1:{ports['volume']}/3,0000000000"),
        ("GET", f"http://127.0.0.1:{ports['admin']}/"),
    ]
    for method, url in tries:
        try:
            status = requests.request(method, url, data=b"x" if method == "PUT" else None, timeout=5).status_code
        except requests.ConnectionError:
            status = "no door"
        assert status in {401, 403, 404, 405, "no door"}, url
    assert client.get_object(**item)["Body"].read() == LOCKED


def test_a_shell_without_the_homes_certificate_gets_nowhere(stack, tmp_path):
    seaweedfs = stack.parts.seaweedfs
    master = f"127.0.0.1:{seaweedfs._ports['master']}.{seaweedfs._grpc_ports['master']}"
    filer = f"127.0.0.1:{seaweedfs._ports['filer']}.{seaweedfs._grpc_ports['filer']}"
    command = [*seaweedfs._program(), "shell", f"-master={master}", f"-filer={filer}"]
    with pytest.raises(subprocess.TimeoutExpired) as stuck:
        # It tries to connect for ever; with the certificate it answers in 0.3 s.
        subprocess.run(command, input="fs.ls /buckets\nexit\n", capture_output=True, text=True, cwd=tmp_path,
                       env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, timeout=3, check=False)  # fmt: skip
    assert b"holdfast-vault" not in (stuck.value.stdout or b"")
    assert "holdfast-vault" in seaweedfs.shell("fs.ls /buckets")


def test_each_put_is_flushed_to_disk_before_it_is_answered(stack):
    assert '"fsync":  true' in stack.parts.seaweedfs.shell("fs.configure")


def test_the_secrets_of_the_server_are_readable_by_us_alone(stack):
    for name in ("security.toml", "s3.json", "peer.key"):
        assert (stack.parts.home.path / "weed" / name).stat().st_mode & 0o777 == 0o600
    assert CHECKOUT not in stack.parts.home.path.parents


@pytest.mark.parametrize("credentials", [(None, None), ("AKIA0", "guess")])
def test_strangers_read_nothing(locked, environment, credentials):
    _client, item = locked
    url = f"{environment['HOLDFAST_S3_ENDPOINT_URL']}/{item['Bucket']}/item"
    assert requests.get(url, auth=credentials if credentials[0] else None, timeout=5).status_code == 403
