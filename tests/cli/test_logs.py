"""What cannot be logged is lost; what it tells of is done all the same."""

import subprocess
import sys
from pathlib import Path

CODE = """
import structlog, sys
from cli.logs import set_up_logs
set_up_logs("tests")
log = structlog.get_logger()
for number in range(3000):
    log.info("tests.happened", number=number)
sys.stderr.write("went on")
"""


def test_a_process_whose_log_lies_on_a_full_disk_goes_on():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", CODE], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.startswith("went on")


def test_a_log_that_can_be_written_has_each_line():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3000
    assert '"number": 2999' in lines[-1]
