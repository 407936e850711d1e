import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.delivery import egress

SPECIAL = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  # an address to refuse
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "64:ff9b:1:808:808::",
    "fec0::1",
    "::8.8.8.8",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_refused_unless_allowed(address: str) -> None:
    assert not egress.is_allowed(address, allow_private=False)
    assert egress.is_allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert egress.is_allowed(address, allow_private=False)


@given(st.text(max_size=50))
def test_what_is_no_address_is_refused(text: str) -> None:
    if not any(character in "0123456789abcdefABCDEF:." for character in text):
        assert not egress.is_allowed(text, allow_private=True)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://" + "h" * 4100, "longer"),
        ("ftp://example.com/", "https://"),
        ("https:///path", "host"),
        ("example.com/hook", "https://"),
        ("https://user:secret@example.com/", "credentials"),
        ("https://example.com:99999/", "cannot be read"),
        ("https://example.com:0/", "port 0"),
        ("https://exa mple.com/", "percent-encoded"),
        ("https://example.com/\r\nX: 1", "percent-encoded"),
        ("https://münchen.example/", "percent-encoded"),
        ("https://127.0.0.1/", "--allow-private-addresses"),
        ("https://localhost:3000/", "--allow-private-addresses"),
        ("https://[::1]/", "--allow-private-addresses"),
    ],
)
def test_a_wrong_url_is_refused_with_the_remedy(url: str, complaint: str) -> None:
    said = egress.check_url(url, allow_private=False)
    assert said is not None
    assert complaint in said
    assert "secret" not in said


@pytest.mark.parametrize("url", ["https://erp.example.com/docusign?x=1", "http://h.example:8443/"])
def test_a_good_url_is_taken(url: str) -> None:
    assert egress.check_url(url, allow_private=False) is None


def test_loopback_is_taken_where_it_is_allowed() -> None:
    assert egress.check_url("http://localhost:3000/", allow_private=True) is None


@given(st.text(max_size=100))
def test_no_text_raises(text: str) -> None:
    egress.check_url(text, allow_private=False)
