from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from gateway.stores.redis import Redis, Script
from tests.fakes.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

ECHO = Script("return ARGV[1]")
REDIS = urlsplit(settings.REDIS_URL)
LOGIN = REDIS.netloc.rpartition("@")[0]


def proxy_to_redis() -> Proxy:
    return Proxy(REDIS.hostname or "", REDIS.port or 6379, b"")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with a key and a certificate that it signed for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "redis.pem"
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(key_pem + made.public_bytes(serialization.Encoding.PEM))
    return file


async def answer_by(url: str, word: str) -> bytes | None:
    """Return what a script answers by way of `url`; None if there is no way."""
    store = Redis(url, patience=20.0)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(store.keep())
        await store.tried()
        told = None if store.away else bytes(await store.run(ECHO, [], [word]))
        keeping.cancel()
    return told


async def test_by_tls_its_certificate_is_checked(certificate: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    proxy = proxy_to_redis()
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls) as server:
        url = f"rediss://{LOGIN}@127.0.0.1:{server.sockets[0].getsockname()[1]}{REDIS.path}"
        assert await answer_by(f"{url}?ssl_ca_certs={certificate}", "in secret") == b"in secret"
        assert await answer_by(url, "to a stranger") is None
        await proxy.close()


async def test_by_a_unix_socket(tmp_path: Path) -> None:
    proxy = proxy_to_redis()
    async with await asyncio.start_unix_server(proxy.serve, tmp_path / "redis.sock"):
        assert await answer_by(f"unix://{LOGIN}@{tmp_path}/redis.sock?db=0", "near by") == b"near by"
        await proxy.close()
