"""Accepting whatever certificate a server shows, which gRPC itself has no switch for.

The certificate is fetched first and then used as the only trusted one, under the name that it carries.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from wfctl.errors import ServerUnreachable

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    pem: bytes
    name: str | None


def certificate_shown_by(address: str, server_name: str | None) -> ShownCertificate:
    host, _, port = address.rpartition(":")
    try:
        target = (host.strip("[]"), int(port))
        sni = server_name or target[0]
        pem = _shown(target, sni)
        return ShownCertificate(pem.encode(), _name_in(target, pem, sni))
    except (OSError, ValueError) as error:
        raise ServerUnreachable(f"no TLS connection to {address}: {error}") from error


def _shown(target: tuple[str, int], server_name: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(target, timeout=_CONNECT_SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname=server_name) as wrapped:
            return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")


def _name_in(target: tuple[str, int], pem: str, server_name: str) -> str | None:
    """The first DNS name of the certificate; Python decodes one only after it has verified it, so trust it first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem)
    try:
        with socket.create_connection(target, timeout=_CONNECT_SECONDS) as plain:
            with context.wrap_socket(plain, server_hostname=server_name) as wrapped:
                decoded = wrapped.getpeercert() or {}
    except ssl.SSLError:
        return None
    names = decoded.get("subjectAltName", ())
    return next((str(entry[1]) for entry in names if entry[0] == "DNS"), None)
