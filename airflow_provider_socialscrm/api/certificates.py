"""Certificate files checked before the first call: during a call a broken one looks like a failure of the server's."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn


def check_authorities(path: str) -> None:
    """Check that a file has certificates of authorities, in PEM format. A folder's are read when they are needed.

    :raises ValueError: with a message that follows the setting's name.
    """
    if Path(path).is_dir():
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:  # its text names no file, only functions of OpenSSL
        raise ValueError(f"is {path!r}, which this worker cannot read as certificates in PEM format") from None


def check_certificate(certificate: str, key: str | None = None) -> None:
    """Check that a file has a certificate in PEM format, and its key, which is not encrypted.

    :param certificate: its path.
    :param key: path of the key. Default ``None``: the certificate's file has it.
    :raises ValueError: with a message that follows the setting's name.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_encrypted)
    except OSError:
        files = f"is {certificate!r}" if key is None else f"is {[certificate, key]!r}"
        raise ValueError(
            f"{files}, which this worker cannot read as a certificate with its key in PEM format"
        ) from None


def _encrypted() -> NoReturn:
    raise ValueError("has an encrypted key, for which a call cannot give the password: decrypt the file")
