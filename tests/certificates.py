"""Certificates of a CA that only the tests trust."""

import ssl
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import trustme


@cache
def ca() -> trustme.CA:
    """The CA of this process."""
    return trustme.CA()


@cache
def ca_file() -> Path:
    """Its certificate (PEM)."""
    path = Path(mkdtemp(prefix="carillon-ca-")) / "ca.pem"
    ca().cert_pem.write_to_path(str(path))
    return path


@cache
def server_files() -> tuple[Path, Path]:
    """Key and certificate chain (PEM) of a server on 127.0.0.1 and localhost."""
    issued = ca().issue_cert("127.0.0.1", "localhost")
    key, chain = ca_file().with_name("key.pem"), ca_file().with_name("chain.pem")
    issued.private_key_pem.write_to_path(str(key))
    for number, pem in enumerate(issued.cert_chain_pems):
        pem.write_to_path(str(chain), append=number > 0)
    return key, chain


def server_context(*protocols: str) -> ssl.SSLContext:
    """What such a server listens with. `protocols`: what it offers by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, chain = server_files()
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(list(protocols))
    return context
