"""Folders, secrets and ports of a home."""

import os
import socket
import stat

import pytest

from services.errors import NoFreePortError
from services.home import Home, write_private
from services.ports import FIRST_PORT, LAST_PORT, Ports, free_port


@pytest.fixture
def own_home(tmp_path):
    return Home(tmp_path / "home")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_secrets_are_for_their_owner_only(own_home):
    own_home.secret("one")
    assert mode(own_home.path) == (0o711 if os.geteuid() == 0 else 0o700)
    assert {mode(path) for path in own_home.path.iterdir() if path.is_dir()} == {0o700}
    assert mode(own_home.secret_file("one")) == 0o600


def test_secrets_differ_and_are_the_same_at_the_next_start(own_home):
    one, two = own_home.secret("one"), own_home.secret("two")
    assert one != two
    assert len(one) == 48
    assert Home(own_home.path).secret("one") == one


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "state"
    write_private(path, "old")

    def fail(_descriptor):
        raise OSError

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"^$"):
        write_private(path, "new")
    assert path.read_text() == "old"


def test_ports_are_low_distinct_and_remembered(own_home):
    ports = Ports(own_home)
    chosen = {name: ports[name] for name in "abcdefgh"}
    assert len(set(chosen.values())) == len(chosen)
    assert all(FIRST_PORT <= port <= LAST_PORT < 32768 for port in chosen.values())
    assert {name: Ports(own_home)[name] for name in chosen} == chosen


def test_a_port_that_somebody_took_is_chosen_again_and_that_is_told(own_home):
    ports = Ports(own_home)
    taken, other = ports["taken"], ports["other"]
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", taken))
        thief.listen()
        later = Ports(own_home)
        renewed = later.hold()
        later.release()
    assert set(renewed) == {"taken"}
    assert renewed["taken"] not in {taken, other}
    assert Ports(own_home)["taken"] == renewed["taken"]


def test_a_port_that_another_home_claimed_and_does_not_listen_on_yet_is_not_chosen(own_home, tmp_path):
    first, second_home = Ports(own_home), Home(tmp_path / "second")
    port = first["web"]
    write_private(second_home.state / "ports.json", f'{{"web": {port}}}')
    second = Ports(second_home)
    assert first.hold() == {}
    try:
        assert second.hold() == {"web": second["web"]}
        assert second["web"] != port
        assert not second.take(port)
        assert first.take(port), "what is ours already is ours"
    finally:
        first.release()
        second.release()
    assert second.take(port)
    second.release()


def test_a_port_with_a_stale_weed_socket_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr("services.ports.WEED_SOCKETS", tmp_path)
    monkeypatch.setattr("services.ports.LAST_PORT", FIRST_PORT + 1)
    (tmp_path / f"seaweedfs-filer-grpc-{FIRST_PORT}.sock").touch()
    assert free_port(()) == FIRST_PORT + 1
    with pytest.raises(NoFreePortError, match=f"between {FIRST_PORT} and {FIRST_PORT + 1}"):
        free_port({FIRST_PORT + 1})


def test_looking_whether_a_home_is_in_use_does_not_take_it(own_home):
    assert not own_home.is_locked()
    own_home.lock()
    assert Home(own_home.path).is_locked()
    own_home.unlock()
    assert not Home(own_home.path).is_locked()
