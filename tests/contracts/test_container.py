"""The container: its steps carried out in a clean folder end in a small, running, public app that writes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from dockerfile_replay import KNOWN, Ignore, Image, replay, steps
from playwright.sync_api import expect, sync_playwright

from scripts.running_app import CHROMIUM_ARGUMENTS, answers, chromium_path, free_port
from wbc_core.settings import ROOT, Settings

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LARGEST_MB = 700
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
WAIT_S = 120


def test_the_image_runs_as_an_ordinary_user_on_a_port_of_the_settings_and_public() -> None:
    said = list(steps(DOCKERFILE))
    assert {name for name, _ in said} <= KNOWN
    last = dict(said)
    assert last["USER"] == "1000"
    assert last["EXPOSE"] == str(Settings.model_fields["port"].default)
    assert "WBC_MODE=public" in last["ENV"]
    assert "/healthz" in last["HEALTHCHECK"]
    assert last["CMD"] == '["python", "-m", "wbc_core", "serve"]'


def test_the_front_matter_of_the_readme_makes_a_space_of_it() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])  # type: ignore[index]
    assert front["sdk"] == "docker"
    assert str(front["app_port"]) == dict(steps(DOCKERFILE))["EXPOSE"]
    assert front["license"] == "mit"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("wbc_core/settings.py", True),
        ("wbc_core/biology/data/sources.yaml", True),
        ("models/wbc8-lite0/model.onnx", True),
        ("models/wbc8-lite0/model.keras", False),
        ("wbc_core/ui/__pycache__/frame.cpython-311.pyc", False),
        (".git/config", False),
        (".streamlit/secrets.toml", False),
        ("runs/a/spec.yaml", False),
        ("batches/a/rows.jsonl", False),
        ("tests/conftest.py", False),
    ],
)
def test_secrets_runs_and_training_files_are_not_sent_to_the_builder(path: str, sent: bool) -> None:
    assert Ignore((ROOT / ".dockerignore").read_text(encoding="utf-8")).leaves_out(path) is not sent


COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["app", "worker"])
def test_the_laboratorys_containers_write_to_their_volumes_and_memory_alone(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["environment"]["WBC_MODE"] == "laboratory"
    assert any(place.startswith(f"{service['environment']['TMPDIR']}:") for place in service["tmpfs"])
    named = {
        variable.removeprefix("WBC_").lower() for variable in service["environment"] if variable.startswith("WBC_")
    }
    assert named <= set(Settings.model_fields)


def test_only_the_proxy_of_a_laboratory_is_reached_from_outside() -> None:
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert [name for name, service in services.items() if "outside" in service["networks"]] == ["proxy"]
    assert [name for name, service in services.items() if "provider" in service["networks"]] == ["app"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    proxy = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert f"reverse_proxy app:{Settings.model_fields['port'].default}" in proxy


def test_every_variable_that_the_laboratory_must_fill_in_stands_in_the_example() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+)", text))
    example = (ROOT / "deploy" / "laboratory.env.example").read_text(encoding="utf-8")
    assert asked <= set(re.findall(r"^#? ?(\w+)=", example, re.MULTILINE))
    assert re.search(r"^POSTGRES_PASSWORD=$", example, re.MULTILINE), "the example holds no password"


@pytest.mark.parametrize("document", ["docs/deployment.md"])
def test_the_settings_that_the_guide_names_exist(document: str) -> None:
    named = set(re.findall(r"`WBC_([A-Z_]+)[`=]", (ROOT / document).read_text(encoding="utf-8")))
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields) | {"network", "tls"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The Dockerfile carried out; packages come from where this host's pip takes them, its cache included."""
    given = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    given |= {"PIP_NO_CACHE_DIR": "", "HOME": os.environ.get("HOME", "/")}
    began = time.perf_counter()
    try:
        made = replay(ROOT, tmp_path_factory.mktemp("image"), given)
    except RuntimeError as error:
        if IN_CI or "pip install" not in str(error):
            raise
        pytest.skip("The packages cannot be installed here: is there a network?")
    print(f"\nThe Dockerfile's steps took {time.perf_counter() - began:.0f} s.")
    return made


@pytest.fixture
def container(image: Image) -> Iterator[tuple[str, float, dict[str, str]]]:
    """Address of the app that the image's command serves, when it was started, and its environment."""
    port = free_port()
    environment = image.environment | {"WBC_PORT": str(port), "HOME": str(image.root)}
    began = time.perf_counter()
    server = subprocess.Popen(image.command, cwd=image.workdir, env=environment, start_new_session=True)
    yield f"http://127.0.0.1:{port}", began, environment
    server.terminate()
    assert server.wait(30) is not None


def files_of(root: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.browser
def test_the_image_is_small_starts_classifies_and_writes_nothing(
    image: Image, container: tuple[str, float, dict[str, str]]
) -> None:
    address, began, environment = container
    path = chromium_path()
    if path is None:
        reason = "Chromium is not installed: apt-get install chromium."
        pytest.fail(reason) if IN_CI else pytest.skip(reason)
    packages = next((image.root / "opt" / "venv" / "lib").glob("python3*/site-packages"))
    files = [path for path in packages.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"The slim set has {size:.0f} MB installed, with what is compiled.")
    assert size < LARGEST_MB
    assert not (packages / "tensorflow").exists()
    before = files_of(image.root)
    while not answers(address):
        assert time.perf_counter() - began < WAIT_S
        time.sleep(0.05)
    print(f"Cold start: {time.perf_counter() - began:.1f} s to the first answer.")
    health = subprocess.run(["/bin/sh", "-c", image.health], env=environment, check=False, capture_output=True)
    assert health.returncode == 0, health.stderr
    with ThreadPoolExecutor(1) as thread:  # the browser tests of this process may hold a running loop
        thread.submit(look_at, address, path).result()
    assert files_of(image.root) == before


def look_at(address: str, chromium: str) -> None:
    """Open the first page, have a sample classified, and see that what the image lacks is not offered."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(WAIT_S * 1e3)
        expect.set_options(timeout=WAIT_S * 1e3)
        opened = time.perf_counter()
        page.goto(address)
        expect(page.get_by_role("heading", name="The eight types it knows")).to_be_visible()
        print(f"First page {time.perf_counter() - opened:.1f} s later;", end=" ")
        asked = time.perf_counter()
        page.get_by_role("button", name="Lymphocyte", exact=True).click()
        expect(page.get_by_role("button", name="Download as JSON")).to_be_visible()
        print(f"first prediction {time.perf_counter() - asked:.1f} s after the click.")
        expect(page.get_by_role("link", name="Training jobs")).to_have_count(0)
        page.goto(f"{address}/compare_models")
        expect(page.get_by_role("button", name="Figures as CSV")).to_be_visible()
        expect(page.get_by_role("button", name="Charts as PNG")).to_have_count(0)
        browser.close()


@pytest.mark.slow
def test_the_health_check_fails_where_nothing_answers(image: Image) -> None:
    environment = image.environment | {"WBC_PORT": "9"}
    done = subprocess.run(["/bin/sh", "-c", image.health], env=environment, check=False, capture_output=True)
    assert done.returncode != 0
