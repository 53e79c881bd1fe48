"""The supervisor with small children that behave badly on purpose."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from services.ending import end_in_order
from services.errors import HomeInUseError, StartFailedError, StartInterruptedError
from services.home import Home, write_private
from services.process import CHECKOUT, Process, Sighting, start_ticks, working_in
from services.supervisor import Supervisor

ENVIRONMENT = {"PATH": os.defpath}


def python(code):
    return (sys.executable, "-S", "-c", textwrap.dedent(code))


def sleeper(name="sleeper", **changes):
    return Process(name=name, command=("sleep", "600"), environment=ENVIRONMENT, **changes)


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(tmp_path, said):
    with Supervisor(Home(tmp_path / "home"), said.append) as supervisor:
        yield supervisor


def wait_until(true, seconds=10.0):
    give_up_at = time.monotonic() + seconds
    while not true() and time.monotonic() < give_up_at:
        time.sleep(0.02)
    assert true()


def test_children_stop_in_their_order_and_each_is_gone_before_the_next_is_asked(supervisor, tmp_path):
    log = tmp_path / "order"
    code = """
        import signal, sys, time
        def end(*_):
            time.sleep(0.2)
            open({log!r}, "a").write({name!r} + " gone\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        open({ready!r}, "w").close()
        signal.pause()
    """
    processes = []
    for order, name in [(30, "last"), (10, "first"), (20, "middle")]:
        ready = tmp_path / name
        command = python(code.format(log=str(log), name=name, ready=str(ready)))
        processes.append(Process(name, command, ENVIRONMENT, ready=ready.exists, stop_order=order))
    supervisor.start(processes)
    supervisor.stop()
    assert log.read_text().split() == ["first", "gone", "middle", "gone", "last", "gone"]


def test_a_child_that_ignores_the_signal_is_killed_with_its_own_children(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr("services.ending.PATIENCE_SECONDS", 0.3)
    pid_file = tmp_path / "grandchild"
    code = f"""
        import signal, subprocess, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open({str(pid_file)!r}, "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
        time.sleep(600)
    """
    supervisor.start(
        [Process("deaf", python(code), ENVIRONMENT, ready=lambda: pid_file.exists() and pid_file.read_text() != "")]
    )
    grandchild, deaf = int(pid_file.read_text()), supervisor.pid("deaf")
    supervisor.stop()
    assert start_ticks(deaf) is None
    wait_until(lambda: start_ticks(grandchild) is None)


def test_a_dead_child_is_started_again_with_growing_pauses_and_that_is_said(supervisor, said):
    supervisor.start([sleeper()])
    pauses = []
    for _ in range(3):
        old = supervisor.pid("sleeper")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: supervisor.tend() or len(said) > len(pauses))
        pauses.append(said[-1])
        wait_until(lambda old=old: supervisor.tend() or supervisor.pid("sleeper") != old)
        assert start_ticks(supervisor.pid("sleeper")) is not None
    assert [sentence.split(";")[0] for sentence in pauses] == ["sleeper ended with SIGKILL"] * 3
    assert [sentence.split(" in ")[1].split(" s;")[0] for sentence in pauses] == ["0.5", "1", "2"]
    assert all(str(supervisor.home.log("sleeper")) in sentence for sentence in pauses)


def test_a_child_that_says_it_is_beyond_help_is_started_again_and_its_words_are_not_read_twice(supervisor, said):
    code = """
        import os, time
        print("all is well, beyond hope", flush=True)
        while not os.path.exists("stuck"):
            time.sleep(0.01)
        os.unlink("stuck")
        print("no more writes", end="", flush=True)
        time.sleep(0.3)
        print(": journal is stuck", flush=True)
        time.sleep(600)
    """
    folder = supervisor.home.path
    helpless = re.compile(rb"^no more writes: ")
    supervisor.start([Process("store", python(code), ENVIRONMENT, cwd=folder, beyond_help=helpless)])
    old = supervisor.pid("store")
    (folder / "stuck").touch()
    wait_until(lambda: supervisor.tend() or supervisor.pid("store") != old)
    assert said[0] == "store does no more good until it is started again: no more writes: journal is stuck"
    assert said[1].startswith("store ended with SIGKILL; starting it again in 0.5 s")
    new, until = supervisor.pid("store"), time.monotonic() + 1
    while time.monotonic() < until:
        supervisor.tend()
        time.sleep(0.02)
    assert supervisor.pid("store") == new
    assert start_ticks(new) is not None
    assert len(said) == 2


def test_a_log_with_lines_longer_than_one_read_is_read_to_its_end(supervisor, said, monkeypatch):
    monkeypatch.setattr("services.supervisor.MOST_READ_BYTES", 64)
    code = "print('x' * 1000); print('stuck', flush=True); import time; time.sleep(600)"
    supervisor.start([Process("store", python(code), ENVIRONMENT, beyond_help=re.compile(rb"stuck$"))])
    wait_until(lambda: supervisor.tend() or said)
    assert said[0].endswith(": stuck") or said[0].endswith("xstuck")


def test_a_child_that_ends_while_starting_is_named_with_its_log_and_nothing_is_left(supervisor):
    failing = Process("broken", python("print('no such luck'); raise SystemExit(3)"), ENVIRONMENT, ready=lambda: False)
    with pytest.raises(StartFailedError, match="broken did not start: it ended with exit code 3") as caught:
        supervisor.start([sleeper(), failing])
    assert str(supervisor.home.log("broken")) in str(caught.value)
    assert "no such luck" in str(caught.value)
    assert working_children(supervisor.home) == []


def working_children(home):
    state = json.loads((home.state / "children.json").read_text())
    return [child["name"] for child in state["children"] if start_ticks(child["pid"]) == child["start_ticks"]]


def test_a_program_that_is_not_there_is_an_error_that_names_it(supervisor):
    with pytest.raises(StartFailedError, match="/no/such/program"):
        supervisor.start([Process("absent", ("/no/such/program",), ENVIRONMENT)])


def test_a_child_that_is_never_ready_gives_up(supervisor):
    with pytest.raises(StartFailedError, match="was not ready within 0 s"):
        supervisor.start([sleeper(ready=lambda: False, ready_seconds=0.1)])


def test_asking_for_the_end_while_starting_stops_what_ran(supervisor):
    threading.Timer(0.3, supervisor.ask_to_end).start()
    with pytest.raises(StartInterruptedError):
        supervisor.start([sleeper("ready"), sleeper("waiting", ready=lambda: False)])
    assert working_children(supervisor.home) == []


def test_one_home_has_one_supervisor(supervisor):
    other = Supervisor(Home(supervisor.home.path), lambda _sentence: None)
    with pytest.raises(HomeInUseError, match=str(os.getpid())):
        other.take_over()
    other.stop()
    assert supervisor.home.is_held


def test_a_killed_supervisors_children_are_ended_by_the_next(tmp_path, said):
    code = """
        import sys, pathlib, time
        from services.home import Home, write_private
        from services.process import CHECKOUT, Process
        from services.supervisor import Supervisor
        supervisor = Supervisor(Home(pathlib.Path(sys.argv[1])))
        supervisor.take_over()
        supervisor.start([Process(name, ("sleep", "600"), {"PATH": "/bin:/usr/bin"}) for name in ("a", "b")])
        print("started", flush=True)
        time.sleep(600)
    """
    home = tmp_path / "home"
    command = [sys.executable, "-c", textwrap.dedent(code), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT) as killed:
        assert killed.stdout.readline() == b"started\n"
        killed.kill()
    state = json.loads((home / "state" / "children.json").read_text())
    pids = [child["pid"] for child in state["children"]]
    assert all(start_ticks(pid) is not None for pid in pids)
    # The record of one was lost: the mark in its environment is enough.
    state["children"].pop()
    (home / "state" / "children.json").write_text(json.dumps(state))
    with Supervisor(Home(home), said.append) as supervisor:
        wait_until(lambda: all(start_ticks(pid) is None for pid in pids))
        supervisor.start([sleeper("a")])
    assert said == [f"ending what an earlier run left in {home}: a"]


def test_a_process_that_only_has_the_number_of_a_child_is_left_alone():
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as innocent:
        born = start_ticks(innocent.pid)
        end_in_order([Sighting("child", innocent.pid, born - 1)])
        assert start_ticks(innocent.pid) == born
        innocent.kill()


def test_a_record_of_another_boot_is_not_believed(tmp_path, said):
    home = Home(tmp_path / "home")
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as innocent:
        child = {
            "name": "x",
            "pid": innocent.pid,
            "start_ticks": start_ticks(innocent.pid),
            "stop_signal": 15,
            "stop_order": 1,
        }
        (home.state / "children.json").write_text(
            json.dumps({"boot_id": "another", "children": [child | {"sweep": None}]})
        )
        with Supervisor(home, said.append):
            assert start_ticks(innocent.pid) is not None
        innocent.kill()
    assert said == []


def test_whatever_still_works_in_the_data_folder_is_swept(supervisor, tmp_path):
    """As PostgreSQL's backends do: a session of their own, alive after the parent."""
    data = tmp_path / "data"
    data.mkdir()
    code = f"""
        import subprocess, time
        subprocess.Popen(["sleep", "600"], cwd={str(data)!r}, start_new_session=True)
        time.sleep(600)
    """
    supervisor.start([Process("forking", python(code), ENVIRONMENT, ready=lambda: bool(working_in(data)), sweep=data)])
    supervisor.stop()
    assert working_in(data) == []


def test_children_inherit_nothing_but_what_they_are_given(supervisor, monkeypatch):
    monkeypatch.setenv("HOLDFAST_SECRET_OF_THE_SHELL", "x")
    supervisor.start(
        [Process("env", python("import os, time; print(sorted(os.environ), flush=True); time.sleep(600)"), ENVIRONMENT)]
    )
    wait_until(lambda: supervisor.home.log("env").read_text() != "")
    assert "SHELL" not in supervisor.home.log("env").read_text()
    assert supervisor.home.log("env").stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_written_does_not_end_the_house(tmp_path):
    def full(_sentence):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Supervisor(Home(tmp_path / "home"), full) as supervisor:
        supervisor.start([sleeper()])
        killed = supervisor.pid("sleeper")
        os.kill(killed, signal.SIGKILL)
        give_up_at = time.monotonic() + 20
        while supervisor.pid("sleeper") == killed and time.monotonic() < give_up_at:
            supervisor.tend()
            time.sleep(0.05)
        assert supervisor.pid("sleeper") != killed


def test_a_child_started_while_no_record_could_be_written_is_recorded_once_there_is_room(supervisor, said, monkeypatch):
    supervisor.start([sleeper()])
    killed = supervisor.pid("sleeper")
    room = threading.Event()
    writes = []

    def write(path, text):
        writes.append(path)
        if not room.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        write_private(path, text)

    monkeypatch.setattr("services.supervisor.write_private", write)
    os.kill(killed, signal.SIGKILL)
    give_up_at = time.monotonic() + 20
    while len(writes) < 3 and time.monotonic() < give_up_at:
        supervisor.tend()
        time.sleep(0.05)
    started = supervisor.pid("sleeper")
    assert started != killed
    assert start_ticks(started)
    assert not any("could not be started" in sentence for sentence in said)
    room.set()
    supervisor.tend()
    recorded = json.loads((supervisor.home.state / "children.json").read_text())
    assert [child["pid"] for child in recorded["children"]] == [started]
    supervisor.tend()
    assert supervisor.pid("sleeper") == started
