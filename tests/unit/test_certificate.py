"""The certificate a server makes for itself, and the one it is given."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from postroom.clock import SECOND, SystemClock
from postroom.errors import InvalidInputError
from postroom.settings import Settings
from postroom.web import certificate

NOW = SystemClock().now()
DAY = 86_400 * SECOND


def test_a_certificate_is_made_once_and_its_key_is_its_owners_alone(tmp_path: Path) -> None:
    first = certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW)
    made = first.certificate.read_bytes()
    assert first.key.stat().st_mode & 0o777 == 0o600
    again = certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW + DAY)
    assert again.certificate.read_bytes() == made


def test_a_certificate_is_renewed_in_time_for_the_same_key(tmp_path: Path) -> None:
    first = certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW)
    before = x509.load_pem_x509_certificate(first.certificate.read_bytes())
    certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW + 800 * DAY)
    after = x509.load_pem_x509_certificate(first.certificate.read_bytes())
    assert after.not_valid_after_utc > before.not_valid_after_utc
    assert after.public_key() == before.public_key()


def test_a_certificate_is_for_the_names_that_are_asked_for(tmp_path: Path) -> None:
    beside = tmp_path / "postroom.db"
    certificate.self_signed(beside=beside, now=NOW)
    names = ("0.0.0.0", "10.0.0.7", "connect.example.com")  # noqa: S104  # it is not listened on
    files = certificate.self_signed(beside=beside, names=names, now=NOW)
    found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert named.get_values_for_type(x509.DNSName) == ["localhost", "connect.example.com"]
    assert [str(one) for one in named.get_values_for_type(x509.IPAddress)] == [
        "127.0.0.1",
        "::1",
        "10.0.0.7",
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_file_trusts_the_server(tmp_path: Path, host: str) -> None:
    files = certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW)
    shake_hands(files, host)


def test_a_client_that_trusts_the_file_trusts_no_other_name(tmp_path: Path) -> None:
    files = certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(files, "example.com")


def shake_hands(files: certificate.CertificateFiles, host: str) -> None:
    """Let a strict client and a server agree, through memory."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files.certificate, files.key)
    trusting = ssl.create_default_context(cafile=str(files.certificate))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname=host)
    server = serving.wrap_bio(up, down, server_side=True)
    done: set[int] = set()
    while len(done) < 2:
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(id(side))
            except ssl.SSLWantReadError:
                continue
    assert client.version() == "TLSv1.3"


def test_a_certificate_file_that_is_none_is_made_anew(tmp_path: Path) -> None:
    beside = tmp_path / "postroom.db"
    files = certificate.self_signed(beside=beside, now=NOW)
    files.certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    shake_hands(certificate.self_signed(beside=beside, now=NOW), "localhost")


def test_a_key_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "postroom.db.tls.key").write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match=r"postroom\.db\.tls\.key"):
        certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW)


def test_a_given_certificate_is_tried_before_it_is_served(tmp_path: Path) -> None:
    made = certificate.self_signed(beside=tmp_path / "postroom.db", now=NOW)
    assert certificate.given(made.certificate, made.key) == made
    other = certificate.self_signed(beside=tmp_path / "other.db", now=NOW)
    for key in (other.key, tmp_path / "missing", made.certificate):
        with pytest.raises(InvalidInputError, match="tls_certificate"):
            certificate.given(made.certificate, key)


@pytest.mark.parametrize(
    "said",
    [
        {"tls_certificate": "a.pem"},
        {"tls_key": "a.key"},
        {"tls": "self-signed", "tls_certificate": "a.pem", "tls_key": "a.key"},
        {"tls": "yes"},
    ],
)
def test_settings_that_are_half_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="tls"):
        Settings.load(**said)
