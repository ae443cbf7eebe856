"""No code here unpickles, evaluates text, opens a shell, or loads YAML and Keras files such that they run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from wbc_core.settings import ROOT

PLACES = ("wbc_core", "pages", "scripts", "benchmarks", "deploy")
SOURCES = [ROOT / "app.py", *sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))]

MODULES = frozenset({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch", "jsonpickle"})
"""Modules whose files run code when they are read."""

CALLS = frozenset({"eval", "exec", "compile", "__import__", "execfile"})
ATTRIBUTES = frozenset(
    {
        "read_pickle",
        "unsafe_load",
        "unsafe_load_all",
        "full_load",
        "full_load_all",
        "enable_unsafe_deserialization",
        "system",
        "popen",
    }
)
YAML_LOADERS = frozenset({"SafeLoader", "CSafeLoader"})


def dangers(source: str) -> list[str]:
    """Return what of a program would run what a file says, each with its line."""
    tree = ast.parse(source)
    safe_names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and _only_safe_loaders(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            found.append((node.lineno, str(node.module)))
        elif isinstance(node, ast.Call):
            found += [(node.lineno, word) for word in _of_call(node, safe_names)]
    return [f"line {line}: {word}" for line, word in sorted(found)]


def _of_call(node: ast.Call, safe_names: set[str]) -> list[str]:
    function, given = node.func, {word.arg: word.value for word in node.keywords}
    found = []
    if isinstance(function, ast.Name) and function.id in CALLS:
        found.append(function.id)
    if isinstance(function, ast.Attribute) and function.attr in ATTRIBUTES:
        found.append(function.attr)
    if "shell" in given and not _is(given["shell"], False):
        found.append("shell")
    if "allow_pickle" in given and not _is(given["allow_pickle"], False):
        found.append("allow_pickle")
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "load_model" and isinstance(function, ast.Attribute) and not _is(given.get("safe_mode"), True):
        found.append("load_model without safe_mode=True")
    if name in ("load", "load_all") and isinstance(function, ast.Attribute) and _named(function.value) == "yaml":
        loader = given.get("Loader") or (node.args[1] if len(node.args) > 1 else None)
        if loader is None or not (_named(loader) in safe_names or _only_safe_loaders(loader)):
            found.append(f"yaml.{name} without a safe loader")
    return found


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _only_safe_loaders(node: ast.expr) -> bool:
    names = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    names |= {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return bool(names) and names <= YAML_LOADERS


def test_nothing_runs_what_a_file_says() -> None:
    assert len(SOURCES) > 300
    found = {str(path.relative_to(ROOT)): dangers(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import pickle", "pickle"),
        ("from joblib import load", "joblib"),
        ("import torch.serialization", "torch.serialization"),
        ("import shelve, os", "shelve"),
        ("eval(text)", "eval"),
        ("exec(code)", "exec"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("np.load(path, allow_pickle=chosen)", "allow_pickle"),
        ("pd.read_pickle(path)", "read_pickle"),
        ("yaml.load(text)", "yaml.load without a safe loader"),
        ("yaml.load(text, Loader=yaml.FullLoader)", "yaml.load without a safe loader"),
        ("yaml.unsafe_load(text)", "unsafe_load"),
        ("keras.saving.load_model(path)", "load_model without safe_mode=True"),
        ("keras.saving.load_model(path, safe_mode=False)", "load_model without safe_mode=True"),
        ("keras.config.enable_unsafe_deserialization()", "enable_unsafe_deserialization"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("os.system(text)", "system"),
    ],
)
def test_the_scan_sees_each_of_them(line: str, found: str) -> None:
    assert dangers(f"x = 1\n{line}\n") == [f"line 2: {found}"]


@pytest.mark.parametrize(
    "line",
    [
        "np.load(path)",
        "np.load(path, allow_pickle=False)",
        "yaml.safe_load(text)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        'L = getattr(yaml, "CSafeLoader", yaml.SafeLoader); yaml.load(text, Loader=L)',
        "keras.saving.load_model(path, compile=False, safe_mode=True)",
        "re.compile(text)",
        "platform.system",
        "async_load_model()",
    ],
)
def test_the_scan_leaves_what_is_safe(line: str) -> None:
    assert dangers(line) == []


def test_arrays_with_objects_are_refused_by_default() -> None:
    """``np.load`` without a word on it refuses what would be unpickled; older NumPy did not."""
    import inspect

    import numpy as np

    assert inspect.signature(np.load).parameters["allow_pickle"].default is False


def test_no_stored_file_of_the_repository_is_a_pickle() -> None:
    files = [path for place in ("models", "wbc_core", "tests") for path in (ROOT / place).rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".joblib")] == []
    assert Path(__file__) in files
