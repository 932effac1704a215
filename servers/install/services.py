"""The line people paste on a machine: it verifies the hub before it trusts anything from it."""

from __future__ import annotations

import hashlib
import re
import shlex
import ssl
from typing import TypedDict
from urllib.parse import urlsplit

from django.conf import settings

# -I: nothing in the current folder is taken for a module.
_PYTHON = "python3 -Ic 'import ssl,sys,urllib.request as u;sys.stdout.buffer.write(u.urlopen(sys.argv[1]{}).read())'"
FETCH = {
    "curl": ("curl -fsSk", "curl -fsS --cacert ca.pem", "curl -fsS"),
    "wget": ("wget -qO- --no-check-certificate", "wget -qO- --ca-certificate=ca.pem", "wget -qO-"),
    # On machines with neither; the agent needs it anyway.
    "python3": (
        _PYTHON.format(",context=ssl._create_unverified_context()"),
        _PYTHON.format(',context=ssl.create_default_context(cafile="ca.pem")'),
        _PYTHON.format(""),
    ),
}


MACOS, WINDOWS = "macOS", "Windows PowerShell"


class Line(TypedDict):
    label: str
    command: str


def lines(url: str, token: str, ca_fingerprint: str | None) -> list[Line]:
    """One line per tool that may be there, and per other system; the fingerprint is of the hub's own authority."""
    own = _checked(url, ca_fingerprint)
    shells: list[Line] = [
        {"label": tool, "command": _pinned(tool, url, token, own) if own else _plain(tool, url, token)}
        for tool in FETCH
    ]
    mac = _pinned("curl", url, token, own, mac=True) if own else _plain("curl", url, token)
    return [
        *shells,
        {"label": MACOS, "command": mac},
        {"label": WINDOWS, "command": windows_line(url, token, ca_fingerprint)},
    ]


def _plain(tool: str, url: str, token: str) -> str:
    """Https that the machine trusts already, or a hub that serves plain http on purpose."""
    arguments = _arguments(url, token)
    if urlsplit(url).scheme == "http":
        arguments += " --insecure"
    return f"{FETCH[tool][2]} {_quoted(url, '/agent/install.sh')} | sh -s -- {arguments}"


def _pinned(tool: str, url: str, token: str, fingerprint: str, *, mac: bool = False) -> str:
    """Only the bytes with the pinned hash become the authority: the file is written anew from them.

    What else an attacker puts into the fetched file (a second certificate, words around it) is gone then.
    """
    blind, trusting, _ = FETCH[tool]
    # macOS has neither sha256sum nor the same base64.
    decode, encode, check = (
        ("openssl base64 -d", "openssl base64 -in ca.der", "shasum -a 256")
        if mac
        else ("base64 -d", "base64 ca.der", "sha256sum")
    )
    return (
        '(set -e; d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; cd "$d"; '
        f"{blind} {_quoted(url, '/agent/ca.pem')} | sed /-----/d | {decode} > ca.der || :; "
        f'[ "$({check} < ca.der)" = "{fingerprint}  -" ] || '
        f"{{ echo {_quoted(url)} shows another certificate authority than this line expects: nothing was done. >&2; "
        "exit 1; }; "
        f"{{ echo -----BEGIN CERTIFICATE-----; {encode}; echo -----END CERTIFICATE-----; }} > ca.pem; "
        f"{trusting} {_quoted(url, '/agent/install.sh')} > install.sh; "
        f"sh install.sh {_arguments(url, token)} --ca ca.pem)"
    )


# The certificate authority by its hash, then the script by that authority. Python fetches on all Windows alike:
# no double quotes in it, as PowerShell 5 loses them on the way to a program.
_WINDOWS = (
    "import hashlib,ssl,sys,urllib.request as u;a,f,d=sys.argv[1:];"
    "g=lambda p,c:u.build_opener(u.ProxyHandler({}),u.HTTPSHandler(context=c)).open(a+p,timeout=60).read();"
    "n=ssl._create_unverified_context();"
    "b=ssl.PEM_cert_to_DER_cert(g('/agent/ca.pem',n).decode().strip()) if f!='-' else b'';"
    "h=hashlib.sha256(b).hexdigest();"
    "f in ('-',h) or sys.exit(a+' shows another certificate authority than this line expects: nothing was done.');"
    "f=='-' or open(d+'/ca.pem','w').write(ssl.DER_cert_to_PEM_cert(b));"
    "c=ssl.create_default_context(cafile=d+'/ca.pem' if f!='-' else None);"
    "open(d+'/install.ps1','wb').write(g('/agent/install.ps1',c))"
)


def windows_line(url: str, token: str, ca_fingerprint: str | None) -> str:
    """For an administrator's PowerShell; the token goes by the environment, as all users see arguments."""
    own = _checked(url, ca_fingerprint)
    arguments = f"-Url {_powershell(url.rstrip('/'))}"
    if own:
        arguments += ' -Ca "$d\\ca.pem"'
    if urlsplit(url).scheme == "http":
        arguments += " -Insecure"
    return (
        "& { $d = Join-Path $env:TEMP ([guid]::NewGuid()); New-Item -ItemType Directory $d | Out-Null; "
        f"try {{ $p = @('py','python','python3') | ? {{ Get-Command $_ -EA SilentlyContinue }} | select -First 1; "
        "if (-not $p) { throw 'Python 3.9 or later is needed. Install it for all users first.' }; "
        f"& $p -I -c {_powershell(_WINDOWS)} {_powershell(url.rstrip('/'))} {own or '-'} $d; "
        "if ($LASTEXITCODE) { throw 'Nothing was installed.' }; "
        f"$env:WATCHKEEPER_TOKEN = {_powershell(token)}; "
        f'powershell -NoProfile -ExecutionPolicy Bypass -File "$d\\install.ps1" {arguments} }} '
        "finally { $env:WATCHKEEPER_TOKEN = $null; Remove-Item -Recurse -Force $d } }"
    )


def _powershell(text: str) -> str:
    """In single quotes nothing has a meaning; some of the typographic ones count as such, too."""
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'"


def _checked(url: str, ca_fingerprint: str | None) -> str | None:
    """The fingerprint to pin, if the hub has an authority of its own."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no address to enrol at.")
    own = ca_fingerprint if parts.scheme == "https" else None
    if own and not re.fullmatch(r"[0-9a-f]{64}", own):
        raise ValueError("A fingerprint is 64 hex digits.")
    return own


def _arguments(url: str, token: str) -> str:
    return f"--url {_quoted(url)} --token {shlex.quote(token)}"


def _quoted(url: str, path: str = "") -> str:
    return shlex.quote(url.rstrip("/") + path)


def own_authority() -> str | None:
    """The PEM text of our own authority, while we serve https with it."""
    if settings.ENV.tls != "auto" or not settings.ENV.serves_tls:
        return None
    try:
        return (settings.DATA / "tls" / "ca.pem").read_text(encoding="ascii")
    except (OSError, UnicodeError):
        return None


def ca_fingerprint() -> str | None:
    """What the pasted line pins: the SHA-256 of the authority's DER bytes, in hex."""
    text = own_authority()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest() if text else None
