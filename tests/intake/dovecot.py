"""A Dovecot of one test worker's own: any user name, one password, Maildirs that tests drop files into."""

import base64
import hmac
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from services.ports import free_port

PROGRAM = Path("/usr/sbin/dovecot")
PASSWORD = "pass:/@word"
START_SECONDS = 20

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 200
imap_capability = {capability}
namespace inbox {{
  inbox = yes
  separator = /
}}
{passdb}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


BY_PASSWORD = """
passdb {{
  driver = static
  args = password={password}
}}
"""

# As Gmail and Microsoft 365: no password, but tokens, here JWTs that the server checks by itself.
BY_TOKEN = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""


class Dovecot:
    """`capability` replaces what the server says it can do: `IMAP4rev1 IDLE` is one without MOVE.

    With `token_secret` it takes no password, but tokens that `access_token` makes.
    """

    def __init__(self, capability="", *, token_secret=None):
        # Short, for its sockets' names; passable, for the user mail belongs to.
        self.folder = Path(tempfile.mkdtemp(prefix="dc-", dir="/tmp"))
        self.folder.chmod(0o711)
        self.port = free_port([])
        self.owner = (8, 8) if os.getuid() == 0 else (os.getuid(), os.getgid())
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", *self.owner)
        self.token_secret = token_secret
        if token_secret:
            keys = self.folder / "keys" / "default" / "HS256"
            keys.mkdir(parents=True)
            (keys / "default").write_text(base64.b64encode(token_secret).decode())
            (self.folder / "oauth2.conf").write_text(OAUTH2.format(folder=self.folder))
        (self.folder / "dovecot.conf").write_text(self._config(capability))
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [PROGRAM, "-F", "-c", self.folder / "dovecot.conf"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._wait()

    def _config(self, capability):
        root, me = os.getuid() == 0, pwd.getpwuid(os.getuid())
        passdb = BY_TOKEN if self.token_secret else BY_PASSWORD
        return CONFIG.format(
            folder=self.folder,
            port=self.port,
            passdb=passdb.format(folder=self.folder, password=PASSWORD),
            mechanisms="xoauth2 oauthbearer" if self.token_secret else "plain",
            capability=capability,
            internal="dovecot" if root else me.pw_name,
            group="dovecot" if root else me.pw_gid,
            login="dovenull" if root else me.pw_name,
            uid=self.owner[0],
            gid=self.owner[1],
        )

    def _wait(self):
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    if probe.recv(4) == b"* OK":
                        return
            except OSError:
                pass
            if time.monotonic() > give_up_at or self._process.poll() is not None:
                raise RuntimeError((self.folder / "output").read_text() + self._log())
            time.sleep(0.02)

    def _log(self):
        log = self.folder / "dovecot.log"
        return log.read_text() if log.exists() else ""

    def url(self, user, folder="INBOX"):
        return f"imap://{user}:pass%3A%2F%40word@127.0.0.1:{self.port}/{folder}"

    def url_by_token(self, user, folder="INBOX"):
        return f"imap://{user};AUTH=XOAUTH2@127.0.0.1:{self.port}/{folder}"

    def access_token(self, user, *, seconds=3600, secret=None):
        """A JWT for this user (RFC 7515, HS256), good for so many seconds from now."""
        issued = int(time.time())
        head = {"alg": "HS256", "typ": "JWT", "kid": "default"}
        claims = {"email": user, "sub": user, "iat": issued - 60, "nbf": issued - 60, "exp": issued + seconds}
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        seal = hmac.digest(secret or self.token_secret, signed.encode(), "sha256")
        return f"{signed}.{_base64url(seal)}"

    def drop(self, user, raw, *, name, at=None, folder=""):
        """Put a mail into a user's Maildir exactly as it is; `at`: seconds since 1970, its INTERNALDATE."""
        home = self.folder / "mail" / user
        inbox = home / "Maildir" / folder
        for part in (home, home / "Maildir", inbox, *(inbox / each for each in ("tmp", "new", "cur"))):
            if not part.exists():
                part.mkdir()
                os.chown(part, *self.owner)
        waiting = inbox / "tmp" / name
        waiting.write_bytes(raw)
        os.chown(waiting, *self.owner)
        if at is not None:
            os.utime(waiting, (at, at))
        waiting.rename(inbox / "new" / name)

    def forget(self, user):
        """Lose the index, as after a restored backup: another UIDVALIDITY, UIDs from 1 again."""
        maildir = self.folder / "mail" / user / "Maildir"
        for pattern in ("dovecot-uidlist", "dovecot.index*"):
            for path in maildir.glob(pattern):
                path.unlink()

    def close(self):
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


def _base64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
