"""However a training ends, its job says so in plain words, and goes where it should."""

import time

import pytest

from wbc_core.jobs.attempts import End
from wbc_core.jobs.endings import judge
from wbc_core.runs.folder import RunStatus

RESUMED = "It continues from its last finished epoch when it is resumed."
SMALLER = (
    "Make optimisation.batch_size or preprocessing.size smaller under a new id, or close other programs and resume."
)
BY_ITSELF = "It goes on by itself from its last finished epoch."
KILLED = "The training was killed from outside, or because the machine ran out of memory."


def status(state, message="", hint=""):
    return RunStatus(state=state, heartbeat=time.time(), message=message, hint=hint)


@pytest.mark.parametrize(
    ("code", "said", "lines", "asked", "state", "message", "hint"),
    [
        (0, status("finished"), (), None, "finished", "", ""),
        (0, status("finished"), (), "cancel", "finished", "", ""),  # it was done before the signal came
        (3, status("cancelled"), (), "cancel", "cancelled", "Cancelled.", RESUMED),
        (-15, status("preparing"), (), "cancel", "cancelled", "Cancelled.", RESUMED),  # before it could listen
        (-9, status("running"), (), "cancel", "cancelled", "Cancelled.", RESUMED),
        (
            3,
            status("cancelled"),
            (),
            "shutdown",
            "interrupted",
            "The worker was ended.",
            "It goes on by itself when a worker starts.",
        ),
        (3, status("cancelled"), (), None, "cancelled", "Somebody ended the training with a signal.", RESUMED),
        (
            75,
            status("running"),
            (),
            None,
            "interrupted",
            "Another process still works in its run folder.",
            "It is tried again.",
        ),
        (
            1,
            status("failed", "No such set.", "Import it."),
            ("Traceback",),
            None,
            "failed",
            "No such set.",
            "Import it.",
        ),
        (
            1,
            status("running"),
            ("OSError: [Errno 28] No space left on device",),
            None,
            "failed",
            "The disk is full: the run could not write its files.",
            f"Make room. {RESUMED}",
        ),
        (1, None, ("ResourceExhaustedError: OOM",), None, "failed", "The run ran out of memory.", SMALLER),
        (1, None, ("terminate: std::bad_alloc",), None, "failed", "The run ran out of memory.", SMALLER),
        (
            1,
            None,
            ("ModuleNotFoundError: No module named 'keras'",),
            None,
            "failed",
            "Training needs the package keras, which is not installed where the worker runs.",
            "Install it there: pip install -c constraints.txt -r requirements.txt.",
        ),
        (
            2,
            None,
            ("Usage: …", "Error: no such option", ""),
            None,
            "failed",
            "The training ended with exit code 2: Error: no such option",
            f"Its log says more. {RESUMED}",
        ),
        (
            127,
            None,
            (),
            None,
            "failed",
            "The training ended with exit code 127: its log is empty",
            f"Its log says more. {RESUMED}",
        ),
        (-9, status("running"), ("epoch 0 done",), None, "interrupted", KILLED, BY_ITSELF),
        (137, status("running"), (), None, "interrupted", KILLED, BY_ITSELF),  # through a shell
        (-11, status("running"), (), None, "interrupted", "The training crashed with the signal SIGSEGV.", BY_ITSELF),
        (200, None, (), None, "interrupted", "The training crashed with exit code 200.", BY_ITSELF),
        # Nobody saw how it ended: its folder has to say.
        (None, status("finished"), (), None, "finished", "", ""),
        (None, status("failed", "No such set.", "Import it."), (), None, "failed", "No such set.", "Import it."),
        (
            None,
            status("cancelled"),
            (),
            None,
            "cancelled",
            "Somebody ended the training with a signal.",
            RESUMED,
        ),
        (
            None,
            status("running"),
            (),
            None,
            "interrupted",
            "The training vanished, as when its machine restarts.",
            BY_ITSELF,
        ),
    ],
)
def test_an_end_is_put_into_words(code, said, lines, asked, state, message, hint):
    outcome = judge(End(code), said, lines, asked=asked)
    assert (outcome.state, outcome.message, outcome.hint) == (state, message, hint)


def test_what_is_killed_three_times_without_finishing_an_epoch_is_not_tried_again():
    first = judge(End(-9), status("running"), ())
    second = judge(End(-9), status("running"), (), deaths=first.deaths)
    third = judge(End(-9), status("running"), (), deaths=second.deaths)
    assert [first.state, second.state, third.state] == ["interrupted", "interrupted", "failed"]
    assert (third.message, third.hint) == (KILLED, f"{RESUMED} If memory ran out, make{SMALLER[4:]}")
    assert judge(End(-9), status("running"), (), deaths=second.deaths, progressed=True).deaths == 1


def test_what_the_backend_says_helps_to_explain_a_failure():
    outcome = judge(End(1, ("ray: MemoryError",)), None, ())
    assert outcome.message == "The run ran out of memory."
