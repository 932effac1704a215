"""The launcher: old Pythons, missing parts, interrupted and simultaneous setups, wrong commands."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.launch import checks

ROOT = Path(__file__).resolve().parents[2]

# Stands in for uv: makes an environment without packages, and takes as long over them as it is told.
FAKE_UV = """#!{python}
import os, pathlib, subprocess, sys, time
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + "\\n")
if sys.argv[1] == "venv":
    sys.exit(subprocess.call([sys.executable, "-m", "venv", "--without-pip", sys.argv[-1]]))
if sys.argv[1] == "pip":
    (here / "started").touch()
    time.sleep(float(os.environ.get("SLOW", "0")))
    sys.exit(int(os.environ.get("FAIL", "0")))
print("uv 0.9")
"""


class Tree:
    """A copy of what the launcher needs, with a stand-in for uv, and a bench that says it ran."""

    def __init__(self, folder: Path) -> None:
        self.root, self.bin = folder / "tree", folder / "bin"
        self.root.mkdir()
        self.bin.mkdir()
        for name in ("watchkeeper", "monitor/launch", "monitor/__init__.py", "requirements"):
            source, target = ROOT / name, self.root / name
            target.parent.mkdir(exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
        (self.root / "bench").mkdir()
        (self.root / "bench" / "hello.py").write_text("print('it ran')\n")
        uv = self.bin / "uv"
        uv.write_text(FAKE_UV.format(python=sys.executable))
        uv.chmod(0o755)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", **environment}
        return subprocess.Popen(
            [sys.executable, self.root / "watchkeeper", *(words or ("bench", "hello"))], env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        child = self.start(*words, **environment)
        text, _ = child.communicate(timeout=60)
        return child.returncode, text

    def calls(self) -> list[str]:
        return (self.bin / "calls").read_text().splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_launcher_parses_on_pythons_that_are_too_old() -> None:
    source = (ROOT / "watchkeeper").read_text()
    parsed = ast.parse(source, feature_version=(3, 4))
    assert not [node for node in ast.walk(parsed) if isinstance(node, ast.JoinedStr | ast.AnnAssign)]
    assert "from __future__" not in source.replace('"from __future__', "")


def test_an_old_python_says_one_sentence() -> None:
    code, text = _stubbed("sys.version_info = (3, 9, 2, 'final', 0)", "up")
    assert code == 1
    assert text.startswith("Watchkeeper needs Python 3.11 or newer; this is 3.9. Install python3.11")
    assert text.count("\n") == 1


def test_a_python_without_venv_says_the_one_command_that_mends_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    stub = "real = importlib.util.find_spec; "
    stub += "importlib.util.find_spec = lambda name, *more: None if name == 'ensurepip' else real(name, *more)"
    code, text = _stubbed(stub, "up", root=tree.root)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert code == 1
    assert text.splitlines()[-1].endswith(f"apt install -y python{version}-venv")
    assert "Traceback" not in text
    assert not (tree.root / ".venv").exists()


def test_bench_without_a_name_lists_them_and_sets_nothing_up(tree: Tree) -> None:
    (tree.root / "bench" / "hello.py").write_text('"""Says that it ran.\n\nMore of it."""\n')
    (tree.root / "bench" / "_part.py").write_text("")
    code, text = tree.run("bench")
    assert code == 0
    assert text.splitlines()[0] == "  hello      Says that it ran."
    assert "_part" not in text
    assert not (tree.root / ".venv").exists()


def test_manage_stays_where_it_was_called_so_that_files_are_meant_as_named(tree: Tree) -> None:
    (tree.root / "manage.py").write_text("import os\nprint(os.getcwd())\n")
    code, text = tree.run("manage", "rules", "export", "rules.yaml")
    assert (code, text.splitlines()[-1]) == (0, str(Path.cwd())), text


def test_a_second_setup_installs_nothing(tree: Tree) -> None:
    code, text = tree.run()
    assert (code, text.splitlines()[-1]) == (0, "it ran"), text
    before = tree.calls()
    code, text = tree.run()
    assert (code, text) == (0, "it ran\n")
    assert tree.calls() == before


def test_compiled_code_is_kept_though_the_shell_says_that_none_is_to_be_written(tree: Tree) -> None:
    (tree.root / "bench" / "again.py").write_text("import bench.hello\n")
    code, text = tree.run("bench", "again", PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="")
    assert code == 0, text
    assert len(list((tree.root / ".cache" / "compiled").rglob("hello.*.pyc"))) == 1
    assert not list(tree.root.glob("bench/__pycache__"))


def test_a_changed_lock_is_installed_and_only_that(tree: Tree) -> None:
    tree.run()
    lock = tree.root / "requirements" / "develop.lock"
    lock.write_text(lock.read_text() + "# changed\n")
    before = tree.calls().count("pip install")
    assert tree.run()[0] == 0
    assert tree.calls().count("pip install") == before + 1


def test_a_setup_that_was_killed_is_repaired_by_the_next(tree: Tree) -> None:
    child = tree.start(SLOW="60")
    _wait_for(tree.bin / "started")
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    (tree.root / ".venv" / "half").touch()

    code, text = tree.run()

    assert (code, text.splitlines()[-1]) == (0, "it ran"), text
    assert not (tree.root / ".venv" / "half").exists(), "what was cut off is made anew"


def test_an_installer_that_outlives_a_killed_setup_is_waited_for(tree: Tree) -> None:
    child = tree.start(SLOW="2")
    _wait_for(tree.bin / "started")
    child.kill()  # the launcher alone
    code, text = tree.run()
    child.communicate()
    assert code == 0
    assert "Another setup runs in this folder" in text


def test_a_half_made_venv_is_made_anew(tree: Tree) -> None:
    (tree.root / ".venv" / "bin").mkdir(parents=True)
    (tree.root / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.11")
    code, text = tree.run()
    assert (code, text.splitlines()[-1]) == (0, "it ran"), text


def test_two_setups_at_once_wait_for_each_other(tree: Tree) -> None:
    first = tree.start(SLOW="1")
    _wait_for(tree.bin / "started")
    code, text = tree.run()
    assert code == 0
    assert "Another setup runs in this folder" in text
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert tree.calls().count("pip install") == 3, "run, develop and learning, once each"


def test_a_failed_installation_says_so_in_one_sentence(tree: Tree) -> None:
    code, text = tree.run(FAIL="1")
    assert code == 1
    assert "check the network" in text.splitlines()[-1]
    assert "Traceback" not in text
    assert tree.run()[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fly"], 'There is no command "fly"'),
        (["run", "everything"], "Name one role"),
        (["backup"], "Name one file"),
        (["restore", "a", "b"], "Name one file"),
        (["bench", "nothing"], "There is no such benchmark"),
        (["lock", "run"], "lock takes no arguments"),
        (["check", "--fast"], "check takes no arguments"),
    ],
)
def test_a_wrong_command_is_one_sentence(tree: Tree, words: list[str], said: str) -> None:
    tree.run()
    code, text = tree.run(*words)
    assert code == 2
    assert text.startswith(said)
    assert text.count("\n") == 1


def test_help_names_every_command(tree: Tree) -> None:
    code, text = tree.run("--help")
    assert code == 0
    for name in ("up", "test", "check", "bench", "manage", "run web", "backup", "restore", "doctor", "lock"):
        assert f"./watchkeeper {name}" in text


def test_no_lock_names_an_address() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert {lock.stem for lock in locks} == {"run", "learning", "develop", "tool"}
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        assert "--hash=sha256:" in text


def test_the_readme_says_the_command_that_the_gate_runs() -> None:
    assert f"```\n{checks.TESTS}\n```" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "workers"),
    [([], True), (["--db", "postgres"], True), (["tests/launch"], False), (["-k", "door"], False), (["-n2"], False)],
)
def test_everything_runs_on_workers_and_what_was_picked_does_not(words: list[str], workers: bool) -> None:
    assert (checks.spread(words)[:2] == ["-n", str(checks.WORKERS)]) is workers
    assert checks.spread(words)[-len(words) :] == words or not words


def _stubbed(stub: str, *words: str, root: Path = ROOT) -> tuple[int, str]:
    """The launcher under a Python changed by a line of code, with nothing useful on PATH."""
    program = f"import importlib.util, runpy, sys; sys.argv[1:] = {list(words)!r}; {stub}; "
    program += (
        f"sys.path.insert(0, {str(root)!r}); runpy.run_path({str(root / 'watchkeeper')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def _wait_for(file: Path) -> None:
    until = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} never came"
        time.sleep(0.02)
