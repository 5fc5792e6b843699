"""Which URLs are refused by their form, and which addresses are not the internet's."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import DeclarationError
from providers.ssrf import NOWHERE, Guard, fault_of, is_allowed, is_public, url_of

PUBLIC = Guard()


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a/b?c=d#e",
        "https://hooks.example.com:8443",
        "https://HOOKS.example.com./x",
        "https://bücher.example/x",
        "https://8.8.8.8/x",
        "https://[2606:4700:4700::1111]/x",
        "https://user-3.example.com/%00",
        "https://127.0.0.1.example.com/",
    ],
)
def test_a_public_url_has_no_fault(url: str) -> None:
    assert fault_of(url, PUBLIC) == ""


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "is not https"),
        ("nothing", "is not https"),
        ("/path", "is not https"),
        ("//hooks.example.com/", "is not https"),
        ("http://hooks.example.com/", "is not https"),
        ("ftp://hooks.example.com/", "is not https"),
        ("file:///etc/passwd", "is not https"),
        ("gopher://127.0.0.1:25/", "is not https"),
        ("javascript:alert(1)", "is not https"),
        ("https:///x", "has no host"),
        ("https://", "has no host"),
        ("https://user@hooks.example.com/", "has a user name"),
        ("https://user:word@hooks.example.com/", "has a user name"),
        ("https://hooks.example.com@127.0.0.1/", "has a user name"),
        ("https://hooks.example.com:22/", "has a port that is not allowed"),
        ("https://hooks.example.com:0/", "has a port that is not allowed"),
        ("https://hooks.example.com:99999/", "has a port that is not allowed"),
        ("https://hooks.example.com:port/", "is no URL"),
        ("https://hooks.example.com\\@127.0.0.1/", "is no URL"),
        ("https://hooks.example.com/ x", "is no URL"),
        ("https://hooks.example.com/\r\nHost: x", "is no URL"),
        ("https://hooks.example.com/\x00", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://[fe80::1%25eth0]/", "has no host"),
        ("https://" + "a" * 2100 + ".example", "is no URL"),
        ("https://127.0.0.1/", "is not public"),
        ("https://10.1.2.3/", "is not public"),
        ("https://169.254.169.254/latest/meta-data/", "is not public"),
        ("https://[::1]/", "is not public"),
        ("https://[::ffff:8.8.8.8]/", "is not public"),
        ("https://[fd00:ec2::254]/", "is not public"),
        ("https://2130706433/", "has a host that is no name"),
        ("https://0x7f000001/", "has a host that is no name"),
        ("https://0x7f.1/", "has a host that is no name"),
        ("https://017700000001/", "has a host that is no name"),
        ("https://0177.0.0.1/", "is no URL"),
        ("https://127.1/", "has a host that is no name"),
        ("https://127.0.0.0x1/", "has a host that is no name"),
        ("https://1.2.3.4.5/", "has a host that is no name"),
        ("https://0x/", "has a host that is no name"),
        ("https://localhost/", "has a host without a domain"),
        ("https://kafka./", "has a host without a domain"),
    ],
)
def test_a_url_that_may_lead_elsewhere_is_refused(url: str, fault: str) -> None:
    assert fault_of(url, PUBLIC) == fault


@given(st.text(max_size=80) | st.text(st.sampled_from("https:/@[]\\%.0x1aé#? "), max_size=60).map("https://".__add__))
def test_no_text_makes_it_raise(address: str) -> None:
    assert isinstance(fault_of(address, PUBLIC), str)
    assert url_of(address) is not None


def test_what_is_no_url_leads_nowhere() -> None:
    assert url_of("https://x:port/") is NOWHERE


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("1.1.1.1", True),
        ("100.63.255.255", True),
        ("100.128.0.0", True),
        ("172.15.0.1", True),
        ("172.32.0.1", True),
        ("168.63.129.15", True),
        ("2606:4700:4700::1111", True),
        ("2a00:1450:4001:80b::200e", True),
        ("0.0.0.0", False),
        ("10.255.255.255", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),  # Alibaba's metadata
        ("127.255.255.254", False),
        ("168.63.129.16", False),  # Azure's wire server
        ("169.254.169.254", False),  # AWS, Google Cloud, Azure, and most others
        ("169.254.170.2", False),  # AWS ECS credentials
        ("172.16.0.1", False),
        ("172.31.255.255", False),
        ("192.0.0.192", False),  # Oracle's metadata
        ("192.0.2.1", False),
        ("192.88.99.1", False),
        ("192.168.1.1", False),
        ("198.19.255.255", False),
        ("203.0.113.9", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),  # IPv4-compatible
        ("::ffff:127.0.0.1", False),  # mapped
        ("::ffff:8.8.8.8", False),
        ("::ffff:0:127.0.0.1", False),  # translated
        ("64:ff9b::7f00:1", False),  # NAT64
        ("64:ff9b:1::a00:1", False),  # local NAT64
        ("100::1", False),  # discard
        ("2001::1", False),  # Teredo
        ("2001:10::1", False),  # ORCHID
        ("2001:20::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),  # 6to4 of 127.0.0.1
        ("3fff::1", False),
        ("4000::1", False),  # not assigned
        ("5f00::1", False),  # segment routing
        ("fc00::1", False),
        ("fd00:ec2::254", False),  # AWS's metadata by IPv6
        ("fd20:ce::254", False),  # Google Cloud's
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("2606:4700::1%eth0", False),
        ("fec0::1", False),  # site-local
        ("ff02::1", False),
    ],
)
def test_only_the_internet_is_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public
    assert is_allowed(address, PUBLIC) is public


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address) | st.ip_addresses())
def test_nothing_is_public_that_python_knows_not_to_be(address: IPv4Address | IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_loopback, address.is_link_local))


@given(st.integers(0, 2**32 - 1))
def test_no_form_of_a_private_address_is_public(number: int) -> None:
    plain = IPv4Address(number)
    for form in (f"::ffff:{plain}", f"::{plain}", f"64:ff9b::{plain}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"):
        assert not is_allowed(form, PUBLIC)


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0", "0x7f.1", "8.8.8.8 ", "8.8.8.8/32", "[::1]"])
def test_what_is_no_address_is_not_allowed(text: str) -> None:
    assert not is_allowed(text, PUBLIC)


def test_a_private_deployment_opens_what_it_names() -> None:
    guard = Guard(http=True, ports=(80, 443), networks=("10.1.0.0/16", "fd00:1::/32"))
    assert fault_of("http://10.1.2.3/", guard) == ""
    assert fault_of("http://receiver/", guard) == ""
    assert fault_of("http://10.2.2.3/", guard) == "is not public"
    assert fault_of("http://10.1.2.3:8080/", guard) == "has a port that is not allowed"
    assert [is_allowed(ip, guard) for ip in ("10.1.9.9", "fd00:1::9", "8.8.8.8")] == [True] * 3
    assert not is_allowed("::ffff:10.1.2.3", guard)
    with pytest.raises(DeclarationError, match="networks: '10.1' does not appear to be"):
        Guard(networks=("10.1",))


def test_only_the_hosts_that_are_named() -> None:
    guard = Guard(hosts=("logic.azure.com", "api.example"))
    assert fault_of("https://prod-1.westeurope.logic.azure.com:443/workflows", guard) == ""
    assert fault_of("https://api.example/", guard) == ""
    for other in ("https://evil.example/", "https://xlogic.azure.com/", "https://logic.azure.com.evil.example/", "https://8.8.8.8/"):
        assert fault_of(other, guard) == "has a host that is not allowed"
