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


class Line(TypedDict):
    label: str
    command: str


def lines(url: str, token: str, ca_fingerprint: str | None) -> list[Line]:
    """One line per tool that may be there; the fingerprint is of the hub's own authority, if it has one."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no address to enrol at.")
    own = ca_fingerprint if parts.scheme == "https" else None
    if own and not re.fullmatch(r"[0-9a-f]{64}", own):
        raise ValueError("A fingerprint is 64 hex digits.")
    return [
        {"label": tool, "command": _pinned(tool, url, token, own) if own else _plain(tool, url, token)}
        for tool in FETCH
    ]


def _plain(tool: str, url: str, token: str) -> str:
    """Https that the machine trusts already, or a hub that serves plain http on purpose."""
    arguments = _arguments(url, token)
    if urlsplit(url).scheme == "http":
        arguments += " --insecure"
    return f"{FETCH[tool][2]} {_quoted(url, '/agent/install.sh')} | sh -s -- {arguments}"


def _pinned(tool: str, url: str, token: str, fingerprint: str) -> str:
    """Only the bytes with the pinned hash become the authority: the file is written anew from them.

    What else an attacker puts into the fetched file (a second certificate, words around it) is gone then.
    """
    blind, trusting, _ = FETCH[tool]
    return (
        '(set -e; d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; cd "$d"; '
        f"{blind} {_quoted(url, '/agent/ca.pem')} | sed /-----/d | base64 -d > ca.der || :; "
        f'[ "$(sha256sum < ca.der)" = "{fingerprint}  -" ] || '
        f"{{ echo {_quoted(url)} shows another certificate authority than this line expects: nothing was done. >&2; "
        "exit 1; }; "
        "{ echo -----BEGIN CERTIFICATE-----; base64 ca.der; echo -----END CERTIFICATE-----; } > ca.pem; "
        f"{trusting} {_quoted(url, '/agent/install.sh')} > install.sh; "
        f"sh install.sh {_arguments(url, token)} --ca ca.pem)"
    )


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
