import os
import socket

import pytest

from ops.local.errors import BadSetting, PortTaken
from ops.local.ports import HOST, OFFSETS, Ports, require_free


def test_defaults_start_at_the_base() -> None:
    ports = Ports.load({})
    assert (ports["kafka"], ports["postgres"], ports["cassandra_storage"]) == (19100, 19104, 19106)


def test_a_base_moves_all_ports_and_one_variable_moves_one() -> None:
    ports = Ports.load({"CARILLON_PORT_BASE": "20000", "CARILLON_PORT_REGISTRY": "8081"})
    assert ports["kafka"] == 20000
    assert ports["registry"] == 8081
    assert ports["connect"] == 20003


@pytest.mark.parametrize("text", ["zero", "-1", "0", "65536", "19100.5", "²"])
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadSetting, match="CARILLON_PORT_KAFKA"):
        Ports.load({"CARILLON_PORT_KAFKA": text})


def test_two_parts_never_share_a_port() -> None:
    with pytest.raises(BadSetting, match="19102 is given to both"):
        Ports.load({"CARILLON_PORT_CONNECT": "19102"})


def test_offsets_are_distinct() -> None:
    assert len({offset for offset, _ in OFFSETS.values()}) == len(OFFSETS)


def test_a_taken_port_is_told_with_purpose_holder_and_cure() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            require_free("registry", port)
    message = str(caught.value)
    assert f"port {port}, wanted for the schema registry" in message
    assert f"pid {os.getpid()}" in message
    assert "CARILLON_PORT_REGISTRY" in message
    assert "CARILLON_PORT_BASE" in message


def test_a_port_just_left_by_a_connection_counts_as_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((HOST, port))
        served, _ = server.accept()
        served.close()  # the server's side closes first and stays in TIME_WAIT
        client.close()
    require_free("kafka", port)
