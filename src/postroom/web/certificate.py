"""TLS: the certificate given in the settings, or one that this server made for itself.

The Python SDK fetches tokens over https only (contract 7.1), so a server that plays Docusign on a
developer's machine needs a certificate. A client trusts a self-made one by its file.
"""

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from postroom.clock import SECOND
from postroom.errors import InvalidInputError
from postroom.model import Noun
from postroom.vault import write_once

ALWAYS = ("localhost", "127.0.0.1", "::1")
"""The names that every self-made certificate is for."""
VALID_DAYS = 825
"""The longest that Apple's clients accept of a certificate that somebody chose to trust."""
RENEW_DAYS = 30


class CertificateFiles(Noun, frozen=True, kw_only=True):
    """A certificate and its key, as files in PEM."""

    certificate: Path
    key: Path


def given(certificate: Path, key: Path) -> CertificateFiles:
    """Return the files of the settings. Raises `InvalidInputError` if they cannot be used."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as problem:
        raise InvalidInputError(
            f"tls_certificate, tls_key: {certificate} and {key} cannot be used"
            f" ({problem.__class__.__name__}); give a certificate chain and its key without a"
            " password, both in PEM"
        ) from None
    return CertificateFiles(certificate=certificate, key=key)


def self_signed(*, beside: Path, names: Iterable[str] = (), now: int) -> CertificateFiles:
    """Return the self-made certificate beside the database, made or renewed where need be.

    It is for `ALWAYS` and for `names`, host names or addresses. The key is kept when the
    certificate is renewed. Raises `InvalidInputError` for files that cannot be made or read.
    """
    files = CertificateFiles(certificate=Path(f"{beside}.tls.crt"), key=Path(f"{beside}.tls.key"))
    wanted = _names((*ALWAYS, *names))
    moment = datetime.fromtimestamp(now // SECOND, UTC)
    try:
        write_once(files.key, _new_key)
        key = _read_key(files.key)
        if not _is_good(files.certificate, key, wanted, moment):
            draft = files.certificate.with_name(f"{files.certificate.name}.draft")
            draft.write_bytes(_issue(key, wanted, moment).public_bytes(Encoding.PEM))
            draft.replace(files.certificate)
    except (OSError, ValueError) as problem:
        raise InvalidInputError(
            f"{files.key}, {files.certificate}: they cannot be made or read"
            f" ({problem.__class__.__name__}); remove them and start again, or give"
            " tls_certificate and tls_key"
        ) from None
    return files


def _new_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("another kind of key")  # noqa: TRY004  # a file's content, no argument
    return key


def _names(texts: Iterable[str]) -> tuple[x509.GeneralName, ...]:
    found: dict[x509.GeneralName, None] = {}
    for text in texts:
        address = _address(text)
        if address is not None and address.is_unspecified:
            continue  # "all interfaces" is nobody's name
        found[x509.DNSName(text) if address is None else x509.IPAddress(address)] = None
    return tuple(found)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_good(
    path: Path,
    key: ec.EllipticCurvePrivateKey,
    names: tuple[x509.GeneralName, ...],
    moment: datetime,
) -> bool:
    if not path.exists():
        return False
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return (
        found.public_key() == key.public_key()
        and set(names) <= set(named)
        and found.not_valid_before_utc <= moment
        and moment + timedelta(days=RENEW_DAYS) < found.not_valid_after_utc
    )


def _issue(
    key: ec.EllipticCurvePrivateKey, names: tuple[x509.GeneralName, ...], moment: datetime
) -> x509.Certificate:
    """Return a certificate that is its own authority, for these names and no others."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Postroom (self-made)")])
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # Whoever trusts it, trusts this key for these names only.
        .add_extension(x509.NameConstraints([_bound(one) for one in names], None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, SHA256())
    )


def _bound(name: x509.GeneralName) -> x509.GeneralName:
    if isinstance(name, x509.IPAddress):
        return x509.IPAddress(ip_network(str(name.value)))
    return name
