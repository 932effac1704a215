"""The pasted line, run by a real shell against a real small hub: verified, installed, harmless twice, removed."""

from __future__ import annotations

import hashlib
import io
import os
import plistlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from watchkeeper_agent import VERSION

from core import tls
from servers.install.bundle import bundle
from servers.install.services import lines
from tests.agent.hub import TinyHub
from tests.services import not_here

TOKEN = "wke_a.b"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificate:
    return tls.ensure(tmp_path_factory.mktemp("tls"), ["127.0.0.1"])


def serving(hub: TinyHub) -> TinyHub:
    """The hub's own views, asked through Django, served over its socket."""
    client = Client()
    for path in ("/agent/install.sh", "/agent/bundle.tar.gz"):
        hub.files[path] = client.get(path).content
    return hub


@pytest.fixture
def hub(certificate: tls.Certificate) -> Iterator[TinyHub]:
    with TinyHub(certificate=certificate) as one:
        one.files["/agent/ca.pem"] = certificate.ca.read_bytes()
        yield serving(one)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Where the agent goes; whatever it started is ended."""
    folder = tmp_path / "a home"
    folder.mkdir()
    yield folder
    started = folder / "wk" / "agent.pid"
    if started.exists() and alive(started.read_text().strip()):
        os.kill(int(started.read_text()), signal.SIGKILL)


def shell(
    *words: str, home: Path, path: str | None = None, cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    environment = more | {
        "PATH": path or os.environ["PATH"],
        "HOME": str(home),
        "WATCHKEEPER_AGENT_HOME": str(home / "wk"),
    }
    return subprocess.run(words, env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def paste(url: str, fingerprint: str | None, home: Path, tool: str = "curl") -> subprocess.CompletedProcess[str]:
    (line,) = [line["command"] for line in lines(url, TOKEN, fingerprint) if line["label"] == tool]
    return shell("sh", "-c", line, home=home)


def reported(hub: TinyHub) -> bool:
    end = time.monotonic() + 15
    while not hub.batches and time.monotonic() < end:
        time.sleep(0.05)
    return bool(hub.batches)


@pytest.mark.parametrize("tool", ["curl", "wget", "python3"])
def test_the_pasted_line_installs_enrols_and_starts(
    hub: TinyHub, certificate: tls.Certificate, home: Path, tool: str
) -> None:
    if not shutil.which(tool):
        not_here(f"{tool} is not installed")
    done = paste(hub.url, certificate.fingerprint, home, tool)
    assert done.returncode == 0, done.stderr
    assert "runs in the background" in done.stdout
    assert reported(hub)
    assert hub.batches[0]["agent"] == VERSION
    assert (home / "wk" / "agent.json").stat().st_mode & 0o777 == 0o600
    kept = (home / "wk" / "ca.pem").read_text()
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(kept)).hexdigest() == certificate.fingerprint


def test_pasting_again_leaves_one_agent_and_uninstall_leaves_nothing(
    hub: TinyHub, certificate: tls.Certificate, home: Path
) -> None:
    paste(hub.url, certificate.fingerprint, home)
    first = (home / "wk" / "agent.pid").read_text().strip()
    assert paste(hub.url, certificate.fingerprint, home).returncode == 0
    second = (home / "wk" / "agent.pid").read_text().strip()
    assert not alive(first)
    assert alive(second)
    kept = [f"{name}.json{part}" for name in ("collected", "logs", "probes") for part in ("", ".part")]
    for name in (*kept, "metrics.jsonl.1", "machine"):
        (home / "wk" / name).write_text("{}")
    done = shell("sh", "servers/install/install.sh", "--uninstall", home=home)
    assert done.returncode == 0, done.stderr
    assert "The agent is removed" in done.stdout
    assert not alive(second)
    assert not (home / "wk").exists()


def test_uninstall_where_no_agent_is_says_so(home: Path) -> None:
    done = shell("sh", "servers/install/install.sh", "--uninstall", home=home)
    assert done.returncode == 0, done.stderr
    assert f"There is no agent in {home}/wk." in done.stdout
    assert "is removed" not in done.stdout


def alive(pid: str) -> bool:
    try:
        return "watchkeeper_agent" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def test_a_used_up_token_keeps_the_enrolment_a_machine_has(
    hub: TinyHub, certificate: tls.Certificate, home: Path
) -> None:
    (home / "wk").mkdir()
    (home / "wk" / "agent.json").write_text(f'{{"url": "{hub.url}", "server": "s", "key": "wka_a.b"}}')
    healthy = hub.script
    hub.script = lambda path, document: (
        (401, {}, {"error": "bad_token", "detail": "Used up."}) if path.endswith("enrol") else healthy(path, document)
    )
    kept = (home / "wk" / "agent.json").read_text()
    done = paste(hub.url, certificate.fingerprint, home)
    assert done.returncode == 0, done.stderr
    assert "keeps the enrolment it has" in done.stdout
    assert (home / "wk" / "agent.json").read_text() == kept


def test_a_first_enrolment_that_is_refused_ends_the_line(
    hub: TinyHub, certificate: tls.Certificate, home: Path
) -> None:
    hub.script = lambda *_: (401, {}, {"error": "bad_token", "detail": "Used up."})
    done = paste(hub.url, certificate.fingerprint, home)
    assert done.returncode != 0
    assert "The enrolment token was refused: Used up." in done.stderr


def test_another_authority_than_the_pinned_one_is_not_trusted(
    hub: TinyHub, certificate: tls.Certificate, home: Path
) -> None:
    done = paste(hub.url, "0" * 64, home)
    assert done.returncode != 0
    assert "shows another certificate authority than this line expects" in done.stderr
    assert not (home / "wk").exists()
    assert not hub.posts


def test_a_second_authority_slipped_into_the_file_is_left_out(
    hub: TinyHub, certificate: tls.Certificate, home: Path, tmp_path: Path
) -> None:
    """Whoever sits in between shows our authority and theirs: the hash of both together fails."""
    stranger = tls.ensure(tmp_path / "stranger", ["127.0.0.1"])
    hub.files["/agent/ca.pem"] = stranger.ca.read_bytes() + certificate.ca.read_bytes()
    assert paste(hub.url, certificate.fingerprint, home).returncode != 0
    hidden = stranger.ca.read_text().replace("\n", "-----\n") + certificate.ca.read_text()
    hub.files["/agent/ca.pem"] = hidden.encode()
    paste(hub.url, certificate.fingerprint, home)
    kept = (home / "wk" / "ca.pem").read_text()
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(kept)).hexdigest() == certificate.fingerprint
    assert kept.count("BEGIN") == 1


def test_on_loopback_plain_http_does(home: Path) -> None:
    with TinyHub() as hub:
        serving(hub)
        done = paste(hub.url, None, home)
        assert done.returncode == 0, done.stderr
        assert reported(hub)


def test_a_machine_without_a_fitting_python_is_told_so(tmp_path: Path, home: Path) -> None:
    script = Path("servers/install/install.sh").read_text()
    for name in ("sh", "id", "uname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    bare = tmp_path / "install.sh"
    bare.write_text(script.replace("/usr/bin/python3 ", ""))
    done = shell("/bin/sh", str(bare), "--url", "https://hub", "--token", TOKEN, home=home, path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("Watchkeeper agent: Python 3.9 or later is needed")


def test_a_machine_of_another_kind_is_told_what_to_install(tmp_path: Path, home: Path) -> None:
    script = Path("servers/install/install.sh").read_text().replace("@PLATFORM@", "linux-riscv64-glibc-any")
    other = tmp_path / "install.sh"
    # A Python that has no psutil of its own.
    other.write_text(script.replace("import psutil", "raise SystemExit(1)"))
    done = shell("sh", str(other), "--url", "https://hub", "--token", TOKEN, home=home)
    assert done.returncode == 1
    assert "the hub carries psutil for linux-riscv64-glibc-any, and this machine is linux-" in done.stderr


@pytest.mark.parametrize("words", [(), ("--url",), ("--url", "https://hub"), ("--what", "is this")])
def test_a_line_copied_in_part_is_refused(home: Path, words: tuple[str, ...]) -> None:
    done = shell("sh", "servers/install/install.sh", *words, home=home)
    assert done.returncode == 1
    assert "Copy the whole line" in done.stderr


@pytest.mark.parametrize("url", ["https://hub.example.org:8000", "http://127.0.0.1:8000", "https://[fd00::1]"])
@pytest.mark.parametrize("token", ["wke_a.b", "wke_'; touch broken; '", "$(touch broken)"])
def test_nothing_in_a_line_is_run_by_accident(tmp_path: Path, url: str, token: str) -> None:
    for fingerprint in (None, "0" * 64):
        for line in lines(url, token, fingerprint):
            fake = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
            subprocess.run(
                ["/bin/sh", "-c", line["command"]], env=fake, cwd=tmp_path, capture_output=True, check=False
            )
            assert len(line["command"]) < 2000
    assert not (tmp_path / "broken").exists()


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("javascript:alert(1)", "hub", "https://"):
        with pytest.raises(ValueError, match="no address"):
            lines(url, TOKEN, None)


def test_the_bundle_is_the_same_bytes_each_time() -> None:
    made = bundle()
    bundle.cache_clear()
    assert bundle() == made
    with tarfile.open(fileobj=io.BytesIO(made.content)) as archive:
        names = archive.getnames()
        assert {entry.mtime for entry in archive} == {0}
    assert "watchkeeper_agent/collectors/cpu.py" in names
    assert any(name.startswith("psutil/") and name.endswith(".so") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("/", ".."))]


def test_the_script_names_the_bundle_it_belongs_to(client: Client) -> None:
    script = client.get("/agent/install.sh")
    archive = client.get("/agent/bundle.tar.gz")
    assert hashlib.sha256(archive.content).hexdigest() in script.content.decode()
    assert bundle().platform in script.content.decode()
    assert "@" not in script.content.decode().replace("$@", "")
    assert client.post("/agent/install.sh").status_code in {403, 405}


def test_without_an_authority_of_our_own_there_is_none_to_fetch(client: Client) -> None:
    assert client.get("/agent/ca.pem").status_code == 404


def test_modules_in_the_current_folder_are_never_run(
    hub: TinyHub, certificate: tls.Certificate, home: Path, tmp_path: Path
) -> None:
    trap = tmp_path / "downloads"
    trap.mkdir()
    for name in ("hashlib", "platform", "psutil", "tarfile", "compileall", "json", "argparse"):
        (trap / f"{name}.py").write_text(f"open({str(tmp_path / 'broken')!r}, 'w').close()\nraise SystemExit(3)\n")
    (trap / "install.sh").write_bytes(hub.files["/agent/install.sh"])
    (trap / "ca.pem").write_bytes(certificate.ca.read_bytes())
    words = ("sh", "install.sh", "--url", hub.url, "--token", TOKEN, "--ca", "ca.pem")
    done = shell(*words, home=home, cwd=trap)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "broken").exists()
    assert (home / "wk" / "ca.pem").read_bytes() == certificate.ca.read_bytes()


def test_links_in_the_agents_folder_lead_nowhere(
    hub: TinyHub, certificate: tls.Certificate, home: Path, tmp_path: Path
) -> None:
    """The folder belongs to the service's user; root writes into it when the line is pasted again."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    precious.chmod(0o640)
    state = home / "wk"
    state.mkdir()
    for name in ("agent.json", "agent.json.part", "ca.pem", "ca.pem.part"):
        (state / name).symlink_to(precious)
    done = paste(hub.url, certificate.fingerprint, home)
    assert done.returncode == 0, done.stderr
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("precious", 0o640)
    assert not (state / "ca.pem").is_symlink()
    assert (state / "ca.pem").stat().st_mode & 0o777 == 0o644


def test_the_token_may_come_by_the_environment(hub: TinyHub, certificate: tls.Certificate, home: Path) -> None:
    script = home / "install.sh"
    script.write_bytes(hub.files["/agent/install.sh"])
    words = ("sh", str(script), "--url", hub.url, "--ca", str(certificate.ca))
    done = shell(*words, home=home, WATCHKEEPER_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert hub.posts[0][1]["token"] == TOKEN
    pid = (home / "wk" / "agent.pid").read_text().strip()
    assert TOKEN not in Path(f"/proc/{pid}/environ").read_text()


@pytest.mark.parametrize(("state", "status"), [("0", 0), ("3", 1)])
def test_a_service_that_ends_at_once_is_no_success(tmp_path: Path, state: str, status: int) -> None:
    script = Path("servers/install/install.sh").read_text().replace("/etc/systemd/system", str(tmp_path))
    script = script.replace("/usr/local/bin", str(tmp_path / "made"))
    alone = tmp_path / "install.sh"
    variables = f"code={tmp_path} state={tmp_path} python=true"
    alone.write_text(script.replace('\nmain "$@"', f"\n{variables}\nstart_service"))
    for name, text in (("systemctl", f"case $1 in is-active) exit {state};; esac"), ("sleep", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = shell("sh", str(alone), home=tmp_path, path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == status
    assert ("did not stay running" in done.stderr) is bool(status)
    assert (tmp_path / "made" / "watchkeeper-agent").exists() is not bool(status)


def test_the_bundle_starts_by_itself(tmp_path: Path) -> None:
    """Where no service can be given a PYTHONPATH, the folder is the program."""
    with tarfile.open(fileobj=io.BytesIO(bundle().content)) as archive:
        archive.extractall(tmp_path, filter="data")
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path), "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == VERSION


def test_a_machine_of_another_kind_gets_its_own_bundle(
    hub: TinyHub, certificate: tls.Certificate, home: Path
) -> None:
    """As if the hub ran on another system: the script asks for what fits and gets it."""
    script = hub.files["/agent/install.sh"].decode().replace(bundle().platform, "linux-riscv64-glibc-any")
    hub.files["/agent/install.sh"] = script.encode()
    here = bundle().platform.rpartition("-")[0]
    hub.files[f"/agent/bundle.sha256?platform={here}"] = bundle().digest.encode()
    hub.files[f"/agent/bundle.tar.gz?platform={here}"] = hub.files["/agent/bundle.tar.gz"]
    done = paste(hub.url, certificate.fingerprint, home)
    assert done.returncode == 0, done.stderr
    assert reported(hub)


def windows_words(url: str, fingerprint: str | None, token: str = TOKEN) -> str:
    return next(line["command"] for line in lines(url, token, fingerprint) if line["label"] == "Windows PowerShell")


def test_what_the_windows_line_fetches_is_pinned(hub: TinyHub, certificate: tls.Certificate, tmp_path: Path) -> None:
    """Its Python part, run as PowerShell would run it."""
    hub.files["/agent/install.ps1"] = b"the script"
    program = windows_words(hub.url, certificate.fingerprint).partition("-I -c '")[2].partition("' '")[0]
    program = program.replace("''", "'")
    assert '"' not in program
    words = [sys.executable, "-I", "-c", program, hub.url]
    subprocess.run([*words, certificate.fingerprint, str(tmp_path)], check=True, timeout=30)
    assert (tmp_path / "install.ps1").read_bytes() == b"the script"
    kept = (tmp_path / "ca.pem").read_text()
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(kept)).hexdigest() == certificate.fingerprint
    (tmp_path / "install.ps1").unlink()
    wrong = subprocess.run([*words, "0" * 64, str(tmp_path)], capture_output=True, text=True, timeout=30, check=False)
    assert wrong.returncode == 1
    assert "another certificate authority" in wrong.stderr
    assert not (tmp_path / "install.ps1").exists()


def test_nothing_in_a_windows_line_leaves_its_quotes() -> None:
    line = windows_words("https://hub:8000", None, "a'; rm x; '\u2019; rm y")
    assert "'a''; rm x; ''\u2019\u2019; rm y'" in line


def test_the_windows_script_is_whole() -> None:
    """No PowerShell here: quotes and brackets are balanced, its Python compiles, every function it calls is there."""
    text = Path("servers/install/install.ps1").read_text()
    assert text.isascii(), "PowerShell 5 reads it in whatever code page the machine has"
    program = text.partition("$Fetch = @'\n")[2].partition("\n'@")[0]
    compile(program, "install.ps1", "exec")
    assert '"' not in program
    code = text.replace(f"@'\n{program}\n'@", "''")
    code = re.sub(r"(?m)(^|\s)#.*$", "", code)
    bare = re.sub(r"'[^'\n]*'|\"(?:`.|[^\"\n])*\"", "", code)
    assert not set(bare) & {"'", '"'}
    for pair in ("{}", "()", "[]"):
        assert bare.count(pair[0]) == bare.count(pair[1])
    named = set(re.findall(r"function ([\w-]+)", code))
    assert named >= {"Install-Agent", "Remove-Agent", "Register-Agent", "Find-Python", "Protect-Folders"}
    assert all(code.count(name) >= 2 for name in named), "none is left over"


def test_macos_gets_a_daemon_with_a_user_of_its_own(tmp_path: Path) -> None:
    """The launchd part run with stand-ins for Apple's programs."""
    calls = tmp_path / "calls"
    script = Path("servers/install/install.sh").read_text().replace("/Library/LaunchDaemons", str(tmp_path))
    script = script.replace("/usr/local/bin", str(tmp_path / "made"))
    variables = f"code={tmp_path}/code state={tmp_path} python=/usr/bin/python3 service=launchd"
    both = tmp_path / "both.sh"
    both.write_text(
        script.replace(
            '\nmain "$@"', f"\n{variables}\nlaunchd_folder\nstart_launchd\ncat $PLIST >{tmp_path}/kept\nremove"
        )
    )
    fakes = {
        "dscl": 'case "$*" in *-read*) exit 1;; *-list*) echo "_a 300"; echo "_b 301";; esac',
        "launchctl": 'case $1 in print) echo "state = running";; esac',
        "chown": "",
        "sleep": "",
    }
    for name, text in fakes.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{calls}\n{text}\n')
        (tmp_path / name).chmod(0o755)
    done = shell("sh", str(both), home=tmp_path, path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    made = plistlib.loads((tmp_path / "kept").read_bytes())
    assert made["UserName"] == "_watchkeeper"
    assert made["ProgramArguments"][-3:] == ["run", "--config", f"{tmp_path}/agent.json"]
    said = calls.read_text()
    assert "UniqueID 302" in said
    assert f"chown _watchkeeper {tmp_path}\n" in said, "the folder alone, before root writes into it"
    assert not list((tmp_path / "made").iterdir())
    assert "dscl . -delete /Users/_watchkeeper" in said
    assert not (tmp_path / "io.watchkeeper.agent.plist").exists()
