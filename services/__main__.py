"""`python -m services`: start the embedded parts, print how to use them, run until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from services.embedded import PARTS, embedded
from services.errors import ServiceError, StartInterruptedError
from services.process import start_ticks
from services.supervisor import say_on_stderr


def main() -> int:
    """Run the parts in the foreground; 1 when they could not be started."""
    parser = argparse.ArgumentParser(prog="python -m services", description="The embedded parts of one machine.")
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("HOLDFAST_HOME", ".holdfast")))
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), help="start these alone")
    parser.add_argument("--while", dest="process", type=int, help="stop when the process of this number is gone")
    options = parser.parse_args()
    born = None if options.process is None else start_ticks(options.process)
    parts = embedded(options.home, only=options.only)
    parts.supervisor.listen()
    try:
        with parts:
            for name, value in parts.environment().items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
            sys.stdout.flush()
            parts.supervisor.run(lambda: options.process is None or start_ticks(options.process) == born)
    except StartInterruptedError as error:
        say_on_stderr(str(error))
        return 0
    except ServiceError as error:
        say_on_stderr(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
