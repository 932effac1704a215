"""Make this machine known to a hub: a token goes out once, a key comes back and is kept."""

from __future__ import annotations

import os
from typing import Any, Protocol

from watchkeeper_agent import facts
from watchkeeper_agent.config import Config, load
from watchkeeper_agent.errors import Trouble
from watchkeeper_agent.post import Answer, Hub

ENROL = "/api/v1/enrol"


class Wish(Protocol):
    """What the command line asks for."""

    url: str
    token: str
    ca: str | None
    config: str
    name: str | None
    insecure: bool


def enrol(wish: Wish) -> Config:
    """Ask the hub for a key and write the config file; asking again with the same token is harmless."""
    ca = os.path.abspath(wish.ca) if wish.ca else None
    folder = os.path.dirname(os.path.abspath(wish.config))
    name = wish.name or facts.hostname()
    hub = Hub(wish.url, ca=ca, insecure=wish.insecure, timeout=20.0)
    answer = hub.post(
        ENROL,
        {
            "token": wish.token,
            "hostname": name,
            "fingerprint": facts.fingerprint(name, folder),
            "facts": facts.gather(),
        },
    )
    hub.close()
    given = _given(answer, wish.url)
    # The address that was typed is the one that is known to work from here.
    document = {**_before(wish.config), "url": wish.url, "ca": ca, "insecure": wish.insecure, **given}
    config = Config(wish.config, document)
    config.save()
    return config


def _before(path: str) -> dict[str, Any]:
    """What people wrote into the file of an earlier enrolment stays."""
    try:
        return load(path).document
    except Trouble:
        return {}


def _given(answer: Answer, url: str) -> dict[str, object]:
    document = answer.document
    if answer.status in (200, 201) and document.get("server") and document.get("key"):
        return {name: document[name] for name in ("server", "key", "interval") if name in document}
    if answer.status == 401 or answer.document.get("error") in ("unknown_token", "token_expired"):
        raise Trouble(f"The enrolment token was refused: {answer.detail} Make a new line under Add server.")
    if answer.status == 404 or not document:
        raise Trouble(f"{url} answered {answer.status} and is no Watchkeeper. Check the address.")
    raise Trouble(f"The hub did not enrol this machine ({answer.status}): {answer.detail}")
