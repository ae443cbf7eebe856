"""Sessions take turns at the network, everybody knows their place, and who leaves gives it up."""

import threading

import numpy as np
import pytest

from tests.tiny_models import install_tiny_model
from tests.tiny_training import until
from wbc_core.errors import BusyError
from wbc_core.inference import waiting_line
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.waiting_line import WaitingLine, prediction_turn, the_line, waiting_as


@pytest.fixture(autouse=True)
def told_soon(monkeypatch):
    monkeypatch.setattr(waiting_line, "TOLD_EVERY_S", 0.01)


class Scene:
    """Sessions that wait behind one that holds the only place until it is let go."""

    def __init__(self, longest=100):
        self.line = WaitingLine(1, longest)
        self.served, self.places, self.threads = [], {}, []
        self.let_go = threading.Event()

    def begin(self):
        began = threading.Event()

        def hold():
            with self.line.turn("first"):
                began.set()
                self.let_go.wait()

        self._start(hold)
        began.wait()

    def join(self, session, name):
        """Let a picture join the line behind all that wait."""

        def wait():
            with self.line.turn(session, lambda place: self.places.setdefault(name, []).append(place)):
                self.served.append(name)

        before = len(self.line)
        self._start(wait)
        until(lambda: len(self.line) == before + 1, "it did not join")

    def end(self):
        self.let_go.set()
        for thread in self.threads:
            thread.join()
        assert len(self.line) == 0

    def _start(self, work):
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()


ORDERS = [
    # (session, picture) as they come, and the order in which they are served
    ("one session keeps its order", ["a1", "a2", "a3"], ["a1", "a2", "a3"]),
    ("many pictures do not hold up one", ["a1", "a2", "a3", "a4", "b1"], ["a1", "b1", "a2", "a3", "a4"]),
    ("three sessions take turns", ["a1", "a2", "b1", "b2", "c1"], ["a1", "b1", "c1", "a2", "b2"]),
    ("first come, first served between them", ["c1", "b1", "a1"], ["c1", "b1", "a1"]),
]


@pytest.mark.parametrize(("coming", "expected"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS])
def test_sessions_take_turns_and_the_place_told_is_the_turn_that_comes(coming, expected):
    scene = Scene()
    scene.begin()
    for name in coming:
        scene.join(name[0], name)
    until(lambda: len(scene.places) == len(coming), "not everybody was told a place")
    scene.places.clear()
    until(lambda: len(scene.places) == len(coming), "not everybody was told a place again")
    told = {name: places[0] for name, places in list(scene.places.items())}
    scene.end()
    assert scene.served == expected
    assert told == {name: expected.index(name) + 1 for name in coming}


def test_a_full_line_refuses_visitors_with_a_reason_and_never_the_servers_own_work():
    scene = Scene(longest=1)
    scene.begin()
    scene.join("a", "a1")
    with pytest.raises(BusyError) as refused, scene.line.turn("b", lambda place: None):
        pass
    assert str(refused.value) == "The server is busy: 1 picture waits already. Try again in a minute."
    scene._start(lambda: scene.line.turn("batches").__enter__())
    until(lambda: len(scene.line) == 2, "the server's own work was refused")
    scene.end()


class Left(Exception):
    pass


def test_who_leaves_while_waiting_gives_up_the_place_and_nobody_else_waits_longer():
    scene = Scene()
    scene.begin()

    def gone(place):
        raise Left

    with pytest.raises(Left), scene.line.turn("a", gone):
        pass
    assert len(scene.line) == 0
    scene.join("b", "b1")
    scene.end()
    assert scene.served == ["b1"]


def test_a_prediction_that_fails_gives_its_place_back():
    line = WaitingLine(1, 10)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), line.turn("a", lambda place: None):
            raise ZeroDivisionError
    with line.turn("b"):
        assert len(line) == 0


@pytest.mark.parametrize("places", [1, 3])
def test_no_more_are_at_work_at_once_than_there_are_places(places):
    line, lock = WaitingLine(places, 100), threading.Lock()
    now, most = 0, 0

    def work(session):
        nonlocal now, most
        for _ in range(20):
            with line.turn(session, lambda place: None):
                with lock:
                    now += 1
                    most = max(most, now)
                threading.Event().wait(0.0005)
                with lock:
                    now -= 1

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, now, len(line)) == (places, 0, 0)


def test_every_call_of_a_network_waits_in_the_line_of_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_PREDICTIONS_AT_ONCE", "1")
    waiting_line.settings.cache_clear()
    the_line.cache_clear()
    try:
        classifier = Classifier(install_tiny_model(tmp_path, "tiny", "Tiny", ("neutrophil", "monocyte")), 1)
        crops = np.zeros((2, 64, 64, 3), np.uint8)
        places, shapes = [], []

        def visit():
            with waiting_as("visitor", places.append):
                shapes.append(classifier.look(crops)[0].shape)

        with prediction_turn():
            classifier.look(crops)  # who holds a place already does not wait for a second one
            thread = threading.Thread(target=visit)
            thread.start()
            until(lambda: places, "the visitor was not told a place")
            assert not shapes
        thread.join()
        assert (set(places), shapes) == ({1}, [(2, 2)])
    finally:
        waiting_line.settings.cache_clear()
        the_line.cache_clear()
