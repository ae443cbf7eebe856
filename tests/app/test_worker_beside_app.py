"""The app keeps one worker for training jobs while its server runs, unless the settings say otherwise."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wbc_core.settings import settings
from wbc_core.ui import startup

IMPORTS = "import sys, pathlib, signal, time;"
SIGN = "pathlib.Path(sys.argv[1]).open('a').write('started ');"
WAITS = "signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(sys.argv[1]).open('a').write('ended'), sys.exit()));"


def run(scene):
    """Play a scene in a thread of its own: this one may hold the event loop of a browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, scene).result()


async def until(condition):
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def said(path):
    return path.read_text() if path.exists() else ""


@pytest.fixture
def sign(tmp_path):
    return tmp_path / "sign"


def test_the_worker_ends_when_its_task_is_cancelled(sign):
    async def scene():
        program = f"{IMPORTS}{WAITS}{SIGN}time.sleep(600)"
        task = asyncio.create_task(startup.keep_worker((sys.executable, "-c", program, str(sign))))
        await until(lambda: said(sign) == "started ")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scene())
    assert said(sign) == "started ended"


def test_a_worker_that_dies_is_started_again(sign):
    async def scene():
        task = asyncio.create_task(startup.keep_worker((sys.executable, "-c", IMPORTS + SIGN, str(sign)), pause_s=0.01))
        await until(lambda: said(sign).count("started") >= 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scene())


def test_a_worker_that_does_not_listen_is_killed(sign):
    async def scene():
        program = f"{IMPORTS}signal.signal(signal.SIGTERM, signal.SIG_IGN);{SIGN}time.sleep(600)"
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(sign))
        await until(lambda: said(sign))
        await startup.end_worker(worker, wait_s=0.5)
        assert worker.returncode < 0

    run(scene())


@pytest.mark.parametrize("wanted", [True, False])
def test_the_settings_decide_whether_there_is_a_worker(monkeypatch, wanted):
    kept = []

    async def stand_in():
        kept.append("worker")

    async def no_model():
        pass

    monkeypatch.setenv("WBC_JOBS_WORKER", str(wanted))
    settings.cache_clear()
    monkeypatch.setattr(startup, "keep_worker", stand_in)
    monkeypatch.setattr(startup, "load_model", no_model)
    monkeypatch.setattr(startup, "spool_uploads_in_memory", lambda: None)

    async def scene():
        async with startup.lifespan(None):
            for _ in range(10):  # turns of the event loop
                await asyncio.sleep(0)

    try:
        run(scene())
    finally:
        settings.cache_clear()
    assert kept == (["worker"] if wanted else [])


def test_the_worker_waits_for_what_the_app_loads_even_in_vain(monkeypatch):
    events = []

    async def stand_in():
        events.append("worker")

    async def load():
        await asyncio.sleep(0)
        events.append("loaded")
        raise OSError

    monkeypatch.setattr(startup, "keep_worker", stand_in)

    async def scene():
        await startup.keep_worker_after(asyncio.create_task(load()))

    run(scene())
    assert events == ["loaded", "worker"]


def test_the_command_of_the_worker_is_a_command_of_the_program():
    assert startup.WORKER[1:] == ("-m", "wbc_core", "jobs", "worker", "--beside-app")
    assert "beside-app" in Path(startup.ROOT / "wbc_core" / "cli" / "jobs.py").read_text()
