"""The page that adds servers warns when its own address leads nowhere from other machines."""

from __future__ import annotations

import pytest

from core.templatetags.ui import loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8300", "127.0.0.1", "localhost", "LOCALHOST:80", "[::1]:8300", "a.localhost"]
)
def test_an_address_of_this_machine_alone_is_known(host: str) -> None:
    assert loopback(host)


@pytest.mark.parametrize(
    "host", ["192.168.1.4:8300", "hub.example.org", "[2001:db8::1]:443", "localhost.example.org", ""]
)
def test_an_address_of_the_network_is_not(host: str) -> None:
    assert not loopback(host)
