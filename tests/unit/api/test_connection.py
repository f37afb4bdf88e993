"""A client has its time: for silence, for dripping, and for not reading."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pipeline.api import connection
from pipeline.api.connection import PatientSocket, TooSlow

WAIT_S, GIVEN_UP_S = 0.05, 20.0


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PatientSocket, socket.socket]]:
    monkeypatch.setattr(connection, "SILENCE_MAX_S", WAIT_S)
    ours, theirs = socket.socketpair()
    patient = PatientSocket(fileno=ours.detach())
    patient.setblocking(True)
    # Whoever would wait for ever is told the end.
    ends = threading.Timer(GIVEN_UP_S, theirs.close)
    ends.start()
    with patient, theirs:
        yield patient, theirs
    ends.cancel()


Pair = tuple[PatientSocket, socket.socket]


def test_a_silent_client_is_given_up(pair: Pair) -> None:
    with pytest.raises(TooSlow):
        pair[0].recv(10)


def test_one_that_drips_is_given_up_although_it_is_never_silent(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, theirs = pair
    monkeypatch.setattr(connection, "SILENCE_MAX_S", 30.0)
    monkeypatch.setattr(connection, "BEGINNING_S", 0.2)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.01):
            theirs.send(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    received: list[bytes] = []
    with pytest.raises(TooSlow):
        received.extend(iter(lambda: patient.recv(1), b""))
    stop.set()
    dripping.join()


def test_each_request_has_its_own_time(pair: Pair) -> None:
    patient, theirs = pair
    patient._waited_s = 1e9
    patient.setblocking(True)
    theirs.send(b"x")

    assert patient.recv(1) == b"x"
    assert patient.gettimeout() == WAIT_S


def test_what_is_there_already_is_taken_however_late(pair: Pair) -> None:
    patient, theirs = pair
    theirs.send(b"x")
    patient._waited_s = 1e9

    assert patient.recv(1) == b"x"


def test_much_that_has_come_gives_more_time(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENCE_MAX_S", 30.0)
    patient, theirs = pair
    patient.setblocking(True)
    patient._waited_s = connection.BEGINNING_S + 1
    patient._received = 10 * connection.BYTES_PER_S_MIN
    threading.Timer(WAIT_S / 5, theirs.send, (b"x",)).start()

    assert patient.recv(1) == b"x"


def test_a_client_that_does_not_read_is_given_up(pair: Pair) -> None:
    with pytest.raises(TooSlow):
        pair[0].sendall(bytes(1 << 24))


def test_a_socket_that_waits_for_nobody_stays_so(pair: Pair) -> None:
    patient, _ = pair
    patient.setblocking(False)

    with pytest.raises(BlockingIOError):
        patient.recv(1)
