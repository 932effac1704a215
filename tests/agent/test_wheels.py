"""psutil for machines of another kind: fetched once by the hub, by hash, or put by hand."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from servers.install import wheels
from servers.install.bundle import bundle_for


@pytest.fixture
def data(tmp_path: Path, settings: Any) -> Path:
    settings.DATA = tmp_path / "data"
    settings.DATA.mkdir()
    wheels._failed.clear()
    bundle_for.cache_clear()
    return Path(settings.DATA)


def fake_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, works: bool = True) -> Path:
    """An installer that notes how it was asked and unpacks a small psutil."""
    folder = tmp_path / "bin"
    folder.mkdir()
    asked = tmp_path / "asked"
    script = f"""#!/bin/sh
echo "$@" >> {asked}
while [ $# -gt 0 ]; do
    if [ "$1" = --target ]; then mkdir -p "$2/psutil"; echo > "$2/psutil/__init__.py"; fi
    shift
done
exit {0 if works else 1}
"""
    (folder / "uv").write_text(script)
    (folder / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return asked


def test_psutil_for_another_system_is_fetched_once_and_by_hash(
    client: Client, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake_uv(tmp_path, monkeypatch)
    for _ in range(2):
        digest = client.get("/agent/bundle.sha256?platform=win32-AMD64-none").content.decode().strip()
        archive = client.get("/agent/bundle.tar.gz?platform=win32-AMD64-none").content
        assert hashlib.sha256(archive).hexdigest() == digest
        bundle_for.cache_clear()
    (words,) = asked.read_text().splitlines()
    assert "--require-hashes" in words
    assert "--python-platform x86_64-pc-windows-msvc" in words
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        assert {"psutil/__init__.py", "__main__.py", "watchkeeper_agent/loop.py"} <= set(found.getnames())
    assert sorted(path.name for path in (data / "wheels").iterdir()) == ["win32-AMD64-none"]


def test_without_internet_the_hub_says_which_file_to_put_where_and_takes_it(
    client: Client, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake_uv(tmp_path, monkeypatch, works=False)
    address = "/agent/bundle.sha256?platform=darwin-arm64-none"
    answer = client.get(address)
    assert answer.status_code == 404
    assert "pip download psutil==" in answer.content.decode()
    assert str(data / "wheels") in answer.content.decode()
    client.get(address)
    assert len(asked.read_text().splitlines()) == 1, "not asked again and again"
    version = wheels._locked()[0]
    path = data / "wheels" / f"psutil-{version}-cp36-abi3-macosx_11_0_arm64.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("psutil/__init__.py", "")
    assert client.get(address).status_code == 404, "its hash is not in the lock"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(wheels, "_locked", lambda: (version, {digest}))
    assert client.get(address).status_code == 200


def test_few_threads_of_the_hub_wait_for_the_internet(client: Client, data: Path) -> None:
    for _ in range(2):
        wheels._few.acquire()
    try:
        answer = client.get("/agent/bundle.sha256?platform=darwin-arm64-none")
    finally:
        wheels._few.release(2)
    assert answer.status_code == 404
    assert "Paste the line again" in answer.content.decode()


@pytest.mark.parametrize("platform", ["linux-riscv64-glibc", "../../etc", "win32-AMD64-none/.."])
def test_a_system_nobody_knows_is_refused(client: Client, data: Path, platform: str) -> None:
    answer = client.get("/agent/bundle.sha256", {"platform": platform})
    assert answer.status_code == 404
    assert not (data / "wheels").exists()
