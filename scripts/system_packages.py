"""Add the Debian packages that only tests need, where this user may; else name the one command that does.

In CI nothing may be skipped for an absent program, so there a missing one ends the run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# Program (or font file pattern) that shows the package is there, and the package.
NEEDED = {
    "/usr/sbin/dovecot": "dovecot-imapd",
    "chromium": "chromium",
    "openssl": "openssl",
    "/usr/share/fonts/truetype/liberation": "fonts-liberation",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf": "fonts-noto-core",
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf": "fonts-noto-color-emoji",
}


def missing() -> list[str]:
    """Packages whose sign is not there."""
    return [package for sign, package in NEEDED.items() if not (os.path.exists(sign) or shutil.which(sign))]  # noqa: PTH110


def main() -> None:
    """Install what is missing, or say how."""
    packages = missing()
    if not packages:
        return
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    by_hand = f"apt-get update && {' '.join(command)}"
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if shutil.which("apt-get") and (not as_root or shutil.which("sudo")):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        print("Adding Debian packages that only tests need:", *packages, flush=True)
        subprocess.run([*as_root, "apt-get", "update", "--quiet"], check=False, env=environment)
        subprocess.run([*as_root, *command], check=False, env=environment)
    if missing():
        sentence = f"tests need {', '.join(missing())}; run as root: {by_hand}"
        if os.environ.get("CI"):
            sys.exit(f"holdfast: {sentence}")
        print(f"holdfast: {sentence}\nTests that need them will fail.", file=sys.stderr)


if __name__ == "__main__":
    main()
