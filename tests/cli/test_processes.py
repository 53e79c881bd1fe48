"""Processes that run on while something is away."""

import errno
import threading

from click.testing import CliRunner

from cli import processes


class Placer:
    """A sequencer whose disk is full at first."""

    def __init__(self, stop):
        self.stop, self.tries = stop, 0

    def announce(self):
        pass

    def run_once(self):
        self.tries += 1
        if self.tries == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.stop.set()
        return 1


def test_the_sequencer_waits_for_room_on_its_disk(monkeypatch):
    stop = threading.Event()
    placer = Placer(stop)
    monkeypatch.setattr(processes, "set_up_logs", lambda _name: None)
    monkeypatch.setattr(processes, "stopped_by_signals", lambda: stop)
    monkeypatch.setattr(processes.composition, "sequencer", lambda _settings: placer)
    done = CliRunner().invoke(processes.sequencer, catch_exceptions=False)
    assert done.exit_code == 0
    assert placer.tries == 2
