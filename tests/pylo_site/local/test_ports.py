from __future__ import annotations

import socket

import pytest

from pylo_site.local.ports import LOOPBACK, free, require
from pylo_site.local.trouble import Trouble


def test_a_free_port_can_be_had() -> None:
    require(LOOPBACK, free())


def test_a_taken_port_is_told_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Trouble, match=f"Port {port} is in use: .* --port {port + 1}"):
            require(LOOPBACK, port)


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(Trouble, match="--host"):
        require("192.0.2.7", free())
