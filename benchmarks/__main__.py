"""`python -m benchmarks [NAME …]`: run, print one table, say which target each ratio is measured against."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    accession,
    backup,
    checkpoint,
    fetchers,
    mailbag,
    package,
    publishing,
    put,
    readings,
    reconcile,
    sequencer,
    verify,
    webhook,
)
from benchmarks.quiet import log_aside
from benchmarks.result import Result

UNSIZED: dict[str, Callable[[Path], list[Result]]] = {
    "webhook": webhook.run,
    "accession": accession.run,
    "put": put.run,
    "sequencer": sequencer.run,
    "readings": readings.run,
}
SIZED: dict[str, Callable[..., list[Result]]] = {
    "verify": verify.run,
    "package": package.run,
    "mailbag": mailbag.run,
    "checkpoint": checkpoint.run,
    "publishing": publishing.run,
    "reconcile": reconcile.run,
    "fetchers": fetchers.run,
    "backup": backup.run,
}
BENCHMARKS = UNSIZED | SIZED


def main() -> int:
    """Run what was asked for; 1 if a ratio misses its target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--size", type=int, metavar="N", help=f"smaller or larger, of {', '.join(SIZED)}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if options.size and (unsized := set(options.names or BENCHMARKS) - set(SIZED)):
        parser.error(f"they have one size: {', '.join(sorted(unsized))}")
    log_aside()
    results: list[Result] = []
    for name in options.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
            Path(folder).chmod(0o711)
            results += BENCHMARKS[name](Path(folder), *([options.size] if options.size else []))
    if options.json:
        print(json.dumps([each.to_json() for each in results], indent=1))
    else:
        print(f"load average {os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores")
        for each in results:
            print(each)
    return 0 if all(each.ratio >= each.target for each in results) else 1


if __name__ == "__main__":
    sys.exit(main())
