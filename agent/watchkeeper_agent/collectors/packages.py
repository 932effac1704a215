"""What each package manager says about pending updates: how it is asked, and its answer read."""

from __future__ import annotations

import json
import re
from typing import Callable, NamedTuple

APT = re.compile(r"^Inst (\S+) (?:\[([^\]]*)\] )?\((\S+) (.*)\)")
DNF = re.compile(r"^(\S+)\.(?:noarch|x86_64|i[3-6]86|aarch64|armv7hl|ppc64le|s390x|src)\s+(\S+)\s+(\S+)\s*$")
ZYPPER = re.compile(r"<update [^>]*>")
ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
MAC = re.compile(r"^\s*\* (?:Label: )?(.+)$", re.MULTILINE)


class Update(NamedTuple):
    name: str
    before: str
    after: str
    security: bool


def apt(text: str) -> list[Update]:
    """`apt-get -s dist-upgrade`: a line `Inst name [old] (new Origin:Suite [arch])` for each."""
    found = []
    for line in text.splitlines():
        match = APT.match(line)
        if match and match[2]:  # without an old version it is a new package that comes along
            found.append(Update(match[1], match[2], match[3], "security" in match[4].lower()))
    return found


def dnf(text: str) -> list[Update]:
    """`dnf -C check-update`: name.arch, version and repository in columns; what is replaced stands behind a title."""
    found = []
    for line in text.partition("Obsoleting ")[0].splitlines():
        match = DNF.match(line)
        if match:
            found.append(Update(match[1], "", match[2], security=False))
    return found


def zypper(text: str) -> list[Update]:
    """`zypper --xmlout list-updates`."""
    found = []
    for match in ZYPPER.finditer(text):
        told = dict(ATTRIBUTE.findall(match[0]))
        found.append(
            Update(told.get("name", "?"), told.get("edition-old", ""), told.get("edition", ""), security=False)
        )
    return found


def zypper_patches(text: str) -> list[Update]:
    """`zypper --xmlout list-patches --category security`."""
    return [one._replace(security=True) for one in zypper(text)]


def windows(text: str) -> list[Update]:
    """What our line of PowerShell prints: a JSON list of title and severity."""
    told = json.loads(text or "[]")
    rows = told if isinstance(told, list) else [told]
    return [
        Update(str(row["Title"])[:120], "", "", bool(row.get("Severity")) or "security" in str(row["Title"]).lower())
        for row in rows
    ]


def mac(text: str) -> list[Update]:
    """`softwareupdate -l --no-scan`."""
    return [Update(name.strip()[:120], "", "", "security" in name.lower()) for name in MAC.findall(text)]


# The local catalogue alone: Online = false never asks Microsoft.
WINDOWS = (
    "$s = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher(); $s.Online = $false; "
    "$u = $s.Search('IsInstalled=0 and IsHidden=0').Updates; "
    "ConvertTo-Json -Compress @($u | ForEach-Object { @{Title=$_.Title; Severity=$_.MsrcSeverity} })"
)


class Manager(NamedTuple):
    """A package manager: the question for all, the one for security alone, and which exit states are answers."""

    name: str
    pending: list[str]
    read: Callable[[str], list[Update]]
    security: list[str] | None = None
    read_security: Callable[[str], list[Update]] | None = None
    good: tuple[int, ...] = (0,)


MANAGERS = (
    Manager("apt", ["apt-get", "-s", "-q", "-o", "Debug::NoLocking=true", "dist-upgrade"], apt),
    Manager(
        "dnf",
        ["dnf", "-q", "-C", "check-update"],
        dnf,
        ["dnf", "-q", "-C", "check-update", "--security"],
        dnf,
        (0, 100),
    ),
    Manager(
        "yum",
        ["yum", "-q", "-C", "check-update"],
        dnf,
        ["yum", "-q", "-C", "check-update", "--security"],
        dnf,
        (0, 100),
    ),
    Manager(
        "zypper",
        ["zypper", "--no-refresh", "--non-interactive", "--xmlout", "list-updates"],
        zypper,
        ["zypper", "--no-refresh", "--non-interactive", "--xmlout", "list-patches", "--category", "security"],
        zypper_patches,
    ),
    Manager("Windows Update", ["powershell", "-NoProfile", "-NonInteractive", "-Command", WINDOWS], windows),
    Manager("softwareupdate", ["softwareupdate", "-l", "--no-scan"], mac),
)
