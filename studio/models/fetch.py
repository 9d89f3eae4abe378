"""One file asked for over the network: only from hosts on a list, only from public addresses, never for ever.

The list holds the hosts that the catalog's files lie on and those they hand their visitors on to. The address
is judged on the connected socket, before anything is sent, so that no name can be pointed elsewhere between
the look and the connection (DNS rebinding). A watch beside the socket ends a transfer that is stopped, or
that trickles.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Event, Thread
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from studio import __version__

HOSTS = (
    "github.com",
    "objects.githubusercontent.com",
    "release-assets.githubusercontent.com",
    "huggingface.co",
    ".huggingface.co",
    ".hf.co",
)
BLOCK = 2**18  # bytes read at once, at most
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FAKE = ipaddress.ip_network("198.18.0.0/15")  # what local proxies (Clash, sing-box) answer for every name
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """The address is not one that files are fetched from. Its text is the reason, for a sentence."""


class Dropped(Exception):
    """The connection could not be made, or ended early. Its text is the reason, for a sentence."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be asked, and how patiently. A host that starts with "." stands for all names under it.

    No `ports` means any. A connection that brings less than `slowest` bytes a second for `patience` seconds
    is given up. `tries` counts connections: the first, and those that take a dropped one up again.
    """

    hosts: tuple[str, ...] = HOSTS
    schemes: tuple[str, ...] = ("https",)
    ports: tuple[int, ...] = (443,)
    private_ok: bool = False
    redirects: int = 5
    patience: float = 30.0
    slowest: int = 512
    tries: int = 4

    def check(self, url: str) -> SplitResult:
        """`url` in its parts. Raises `Refused` unless it is an address on the list, plainly written."""
        if not re.fullmatch(r"[!-\[\]-~]{1,4096}", url):
            raise Refused("an address is not plainly written")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise Refused("an address is not plainly written") from error
        if parts.scheme not in self.schemes:
            raise Refused(f"an address does not begin with {self.schemes[0]}://")
        named = any(host == name or (name[:1] == "." and host.endswith(name)) for name in self.hosts)
        if not named or "@" in parts.netloc:
            raise Refused(f"{host or url[:80]} is not a place that models are fetched from")
        if self.ports and (port or _port(parts)) not in self.ports:
            raise Refused(f"port {port} of {host} is not where files are fetched from")
        return parts


STRICT = Policy()


def public(address: str) -> bool:
    """Whether an IP address (no name) is one of the open network, also behind IPv6's wrappings of IPv4."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        inner += [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)] if ip in NAT64 else []
        wrapped = [v4 for v4 in inner if v4 is not None]
        if wrapped:
            return all(public(str(v4)) for v4 in wrapped)
    return ip in FAKE or (ip.is_global and not ip.is_multicast)


class Answer:
    """A server's last answer, after its redirects: status, headers, and the body in blocks."""

    def __init__(self, url: str, response: HTTPResponse, watch: _Watch) -> None:
        self.host = urlsplit(url).hostname or ""
        self.status = response.status
        self._response = response
        self._watch = watch

    def header(self, name: str) -> str:
        """A header's value, "" when it was not sent."""
        return (self._response.getheader(name) or "").strip()

    def read(self) -> bytes:
        """What has come, at most `BLOCK` bytes; b"" at the end. Raises `Dropped`."""
        with self._watch.guarding():
            block = self._response.read1(BLOCK)
        self._watch.received += len(block)
        if not block:
            self._watch.complain()
        return block


@contextmanager
def fetch(
    url: str, headers: Mapping[str, str], policy: Policy, stopped: Callable[[], bool]
) -> Generator[Answer]:
    """Ask for `url` and follow where it leads. `stopped` is called from another thread, ten times a second.

    Raises `Refused` for an address that is not allowed, `Dropped` when there is no answer or it breaks off.
    """
    for _ in range(policy.redirects + 1):
        parts = policy.check(url)
        with _connected(parts, policy) as connection, _Watch(connection, policy, stopped) as watch:
            with watch.guarding():
                connection.request("GET", _target(parts), headers=_said(headers))
                response = connection.getresponse()
            onward = response.getheader("Location") if response.status in REDIRECTS else None
            with closing(response):
                if onward is None:
                    yield Answer(url, response, watch)
                    return
        url = urljoin(url, onward).partition("#")[0]
    raise Refused(f"{urlsplit(url).hostname} sends its visitors around in circles")


def _said(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        "User-Agent": f"Inkstone/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",  # lengths and offsets are those of the file itself
        "Connection": "close",
        **headers,
    }


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def _connected(parts: SplitResult, policy: Policy) -> Generator[HTTPConnection]:
    host = parts.hostname or ""
    try:
        connection = _connect(parts, host, policy)
    except (OSError, HTTPException) as error:
        raise Dropped(_reason(error, host)) from error
    try:
        yield connection
    finally:
        connection.close()


def _connect(parts: SplitResult, host: str, policy: Policy) -> HTTPConnection:
    """A connection to the host itself, its address judged, or through this machine's proxy."""
    port = _port(parts)
    proxy = _proxy(parts.scheme, host)
    if proxy is not None:  # chosen by the owner; it looks the name up itself, TLS still proves who answers
        through = HTTPSConnection(
            proxy.hostname or "", proxy.port or 8080, timeout=policy.patience, context=_trust()
        )
        through.set_tunnel(host, port, _credentials(proxy))
        through.connect()
        return through
    sock = socket.create_connection((host, port), policy.patience)
    try:
        address = str(sock.getpeername()[0])
        if not policy.private_ok and not public(address):
            raise Refused(f"{host} leads to {address}, which is inside a private network")
        if parts.scheme == "https":
            sock = _trust().wrap_socket(sock, server_hostname=host)
    except (OSError, Refused):
        sock.close()
        raise
    made = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = made(host, port, timeout=policy.patience)
    connection.sock = sock
    return connection


def _proxy(scheme: str, host: str) -> SplitResult | None:
    named = urllib.request.getproxies().get("https", "") if scheme == "https" else ""
    if not named or urllib.request.proxy_bypass(host):
        return None
    proxy = urlsplit(named if "//" in named else f"http://{named}")
    if proxy.scheme != "http":
        raise Dropped(f"the proxy {proxy.hostname} is of a kind ({proxy.scheme}) that cannot be used")
    return proxy


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _trust() -> ssl.SSLContext:
    """The system's certificates; where it has none (python.org's Python on a Mac), certifi's."""
    context = ssl.create_default_context()
    if not context.get_ca_certs():
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _reason(error: Exception, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{host} could not prove that it is {host} (its certificate is not trusted)"
    if isinstance(error, socket.gaierror):
        return f"{host} cannot be found; this machine may be offline"
    if isinstance(error, TimeoutError):
        return f"{host} does not answer"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"the connection to {host} failed ({str(said)[:120]})"


class _Watch:
    """Ends a connection that is stopped, or brings less than `policy.slowest`, by shutting its socket."""

    def __init__(self, connection: HTTPConnection, policy: Policy, stopped: Callable[[], bool]) -> None:
        self.received = 0
        self._connection, self._policy, self._stopped = connection, policy, stopped
        # The connection forgets its socket once a last body is being read; the watch must not.
        self._sock = connection.sock
        self._over = Event()
        self._why = ""
        self._thread = Thread(target=self._look, name="download watch", daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def guarding(self) -> Generator[None]:
        """Whatever goes wrong with the connection inside becomes `Dropped`; the watch's reason first."""
        try:
            yield
        except (OSError, HTTPException, ValueError) as error:
            self.complain()
            raise Dropped(_reason(error, self._connection.host)) from error

    def complain(self) -> None:
        """Raises `Dropped` if it was the watch that ended the connection."""
        if self._why:
            raise Dropped(self._why)

    def _look(self) -> None:
        since, before = time.monotonic(), 0
        while not self._over.wait(0.1):
            waited = time.monotonic() - since
            if self._stopped():
                self._why = "it was stopped"
            elif waited >= self._policy.patience:
                if self.received - before < self._policy.slowest * waited:
                    self._why = f"{self._connection.host} sends almost nothing any more"
                since, before = time.monotonic(), self.received
            if self._why:
                with suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
                return
