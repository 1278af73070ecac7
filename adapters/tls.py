"""TLS for both sides of a connection, from the files that the configuration names."""

import ssl
from collections.abc import Mapping
from typing import Any

from engine.contract import Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """Shows `cert`; with `ca`, peers must show a certificate too."""
    if tls.cert is None:
        raise ValueError("TLS on a listener needs a certificate")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.ca)
    context.load_cert_chain(tls.cert, tls.key)
    if tls.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """Trusts `ca` or the system's authorities, and shows `cert` where there is one."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=tls.ca)
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def common_name(certificate: Mapping[str, Any] | None) -> str:
    """The name in a certificate that a peer has proved, as `getpeercert` gives it; else nothing."""
    for part in (certificate or {}).get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return ""
