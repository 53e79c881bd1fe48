"""How much memory a process took at most; run as a script: `python peak.py FILE [ARGUMENT …]`, or `-m MODULE`."""

import runpy
import sys
from pathlib import Path


def peak_bytes() -> int:
    """Resident memory of this process at its highest, since it began to be the program it is."""
    # Not getrusage: that one remembers what the parent was before this program was loaded.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    code: object = 0
    try:
        if sys.argv[0] == "-m":
            sys.argv = sys.argv[1:]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    print(f"peak {peak_bytes()}", file=sys.stderr)
    sys.exit(0 if code is None else 1 if isinstance(code, str) else code)  # type: ignore[arg-type]
