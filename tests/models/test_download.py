import errno
import ssl
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from faulty import FILE, SHA256, Faults, serving, tunnelling

from studio.errors import DiskFull, DownloadFailed, Stopped
from studio.models import download as downloads
from studio.models.catalog import Entry
from studio.models.download import Progress, download
from studio.models.fetch import STRICT, Policy, Refused, public
from studio.models.partial import Partial

HERE = Policy(hosts=("127.0.0.1",), schemes=("http", "https"), ports=(), private_ok=True, patience=5.0)


@pytest.fixture(autouse=True)
def no_network():
    """Overrides the folder's: these tests are about the network, of this machine only."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch):
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


def entry(url: str, size: int = len(FILE)) -> Entry:
    return Entry.model_validate(
        {
            "id": "test",
            "title": "Test",
            "kind": "upscaler",
            "url": url,
            "sha256": SHA256,
            "bytes": size,
            "file": "test.pth",
            "licence": "MIT",
        }
    )


def get(folder: Path, faults: Faults, policy: Policy = HERE, size: int = len(FILE)) -> Path:
    with serving(faults) as url:
        return download(entry(url, size), folder, lambda _: None, lambda: False, policy)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def begun(folder: Path, there: int, etag: str | None = '"first"') -> None:
    """A download that broke off after `there` bytes."""
    with pytest.raises(DownloadFailed):
        get(folder, Faults(cut=there, etag=etag), replace(HERE, tries=1))
    assert not (folder / "upscalers" / "test.pth").exists()


def test_a_whole_file_comes_into_its_place_and_nothing_else_stays(tmp_path: Path):
    told: list[Progress] = []
    with serving(Faults()) as url:
        place = download(entry(url), tmp_path, told.append, lambda: False, HERE)
    assert place == tmp_path / "upscalers" / "test.pth"
    assert place.read_bytes() == FILE
    assert left(tmp_path) == {"test.pth"}
    assert told[-1].done == told[-1].total == len(FILE)
    assert all(a.done <= b.done for a, b in pairwise(told))


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path):
    get(tmp_path, Faults())
    faults = Faults()
    get(tmp_path, faults)
    assert not faults.asked


def test_a_file_of_the_artists_own_is_never_replaced(tmp_path: Path):
    (tmp_path / "upscalers").mkdir()
    mine = tmp_path / "upscalers" / "test.pth"
    for own in (b"mine", bytes(len(FILE))):
        mine.write_bytes(own)
        with pytest.raises(DownloadFailed, match="Rename it"):
            get(tmp_path, Faults())
        assert mine.read_bytes() == own


@pytest.mark.parametrize("cut", [1, 5_000, 150_000, len(FILE) - 1])
def test_a_cut_download_is_taken_up_where_it_ended(tmp_path: Path, cut: int):
    begun(tmp_path, cut)
    assert left(tmp_path) == {"test.pth.part", "test.pth.part.json"}
    faults = Faults()
    assert get(tmp_path, faults).read_bytes() == FILE
    assert faults.sent == len(FILE) - cut
    assert left(tmp_path) == {"test.pth"}


def test_a_line_that_drops_is_taken_up_again_without_being_asked(tmp_path: Path):
    class Dropping(Faults):
        @property
        def cut(self) -> int | None:
            return 100_000 * len(self.asked)

        @cut.setter
        def cut(self, value: int | None) -> None: ...

    faults = Dropping()
    assert get(tmp_path, faults).read_bytes() == FILE
    assert len(faults.asked) == 3
    assert faults.sent == len(FILE)


def test_what_cannot_be_taken_up_again_is_not_kept(tmp_path: Path):
    for etag in (None, 'W/"weak"'):
        begun(tmp_path, 5_000, etag)
        assert left(tmp_path) == set()


@pytest.mark.parametrize(
    "faults",
    [
        Faults(etag='"second"'),  # another version of the file: the server sends all of it
        Faults(ranges=False),  # 200 for a Range
        Faults(headers={"Content-Range": "bytes 7-299999/300000"}),  # another part than was asked for
        Faults(headers={"ETag": '"second"'}),  # a 206 of another version
    ],
    ids=["ETag changed", "200 for Range", "wrong range", "206 of another version"],
)
def test_a_server_that_cannot_go_on_is_asked_for_everything(tmp_path: Path, faults: Faults):
    begun(tmp_path, 5_000)
    assert get(tmp_path, faults).read_bytes() == FILE
    assert left(tmp_path) == {"test.pth"}


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path: Path):
    begun(tmp_path, 5_000)
    part = tmp_path / "upscalers" / "test.pth.part"
    part.write_bytes(bytes(len(FILE) + 5))
    faults = Faults()  # answers 416
    assert get(tmp_path, faults).read_bytes() == FILE
    assert [("Range" in asked) for asked in faults.asked] == [True, False]


def test_a_part_that_was_complete_when_all_was_cut_off_needs_only_its_name(tmp_path: Path):
    for size in (len(FILE), 0):  # known beforehand, or told by the 416
        folder = tmp_path / str(size)
        begun(folder, 5_000)
        (folder / "upscalers" / "test.pth.part").write_bytes(FILE)
        faults = Faults()
        assert get(folder, faults, size=size).read_bytes() == FILE
        assert faults.sent == 0


def test_a_part_with_wrong_bytes_in_it_is_never_installed(tmp_path: Path):
    begun(tmp_path, 5_000)
    (tmp_path / "upscalers" / "test.pth.part").write_bytes(bytes(5_000))
    with pytest.raises(DownloadFailed, match="SHA-256 differs"):
        get(tmp_path, Faults())
    assert left(tmp_path) == set()
    assert get(tmp_path, Faults()).read_bytes() == FILE


PAGE = b"<!DOCTYPE html><title>Log in</title>" + bytes(len(FILE))
REFUSED = {
    "wrong bytes": (Faults(body=FILE[:-1] + b"?"), "SHA-256 differs"),
    "too short": (Faults(body=FILE[:-1]), "299,999 bytes"),
    "too long": (Faults(body=FILE + b"?"), "300,001 bytes"),
    "more than said": (Faults(body=FILE + b"?", length=False), "more than it should"),
    "web page": (Faults(headers={"Content-Type": "text/html; charset=utf-8"}), "web page"),
    "web page unsaid": (Faults(body=PAGE[: len(FILE)]), "web page"),
    "compressed": (Faults(headers={"Content-Encoding": "gzip"}), "encoding"),
    "login": (Faults(status=401), "login"),
    "gone": (Faults(status=404), "any more"),
    "busy": (Faults(status=503), "trouble"),
    "206 unasked": (Faults(status=206, headers={"Content-Range": "bytes 5-299999/300000"}), "whole"),
    "private host": (
        Faults(status=302, headers={"Location": "http://169.254.169.254/latest"}),
        "not a place",
    ),
    "other host": (Faults(status=302, headers={"Location": "http://example.org/f"}), "not a place"),
    "file scheme": (Faults(status=302, headers={"Location": "file:///etc/passwd"}), "does not begin"),
    "circle": (Faults(status=302, headers={"Location": "/file.pth"}), "circles"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_whatever_is_not_the_file_is_never_installed(tmp_path: Path, name: str):
    faults, reason = REFUSED[name]
    with pytest.raises(DownloadFailed, match=reason) as failed:
        get(tmp_path, faults)
    assert left(tmp_path) == set()
    assert all(word in str(failed.value) for word in ("test.pth", SHA256, str(tmp_path / "upscalers")))


def test_a_redirect_within_the_list_is_followed(tmp_path: Path):
    with serving(Faults()) as there:
        assert get(tmp_path, Faults(status=302, headers={"Location": there})).read_bytes() == FILE


def test_a_listed_name_that_leads_into_a_private_network_is_refused(tmp_path: Path):
    faults = Faults()
    with pytest.raises(DownloadFailed, match="inside a private network"):
        get(tmp_path, faults, replace(HERE, private_ok=False))
    assert not faults.asked


INSIDE = (
    "10.0.0.1 127.0.0.1 169.254.169.254 192.168.1.1 172.16.0.9 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1%eth0 "
    ":: fc00::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2002:a00:1::1 nonsense"
)


@pytest.mark.parametrize("address", INSIDE.split())
def test_addresses_inside_are_told_from_those_outside(address: str):
    assert not public(address)
    assert public("140.82.121.4")
    assert public("2606:50c0:8000::154")


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/a",
        "https://github.com.evil.org/a",
        "https://evilhf.co/a",
        "https://hf.co@evil.org/a",
        "https://user@github.com/a",
        "https://github.com:22/a",
        "https://git%68ub.com/a",
        "https://2130706433/a",
        "https://[::ffff:7f00:1]/a",
        "https://github.com\\@evil.org/a",
        "https://github.com/a b",
        "https://github.com/a\nb",
        "ftp://github.com/a",
        "//github.com/a",
        "https://[/a",
        "https://github.com:x/a",
        "",
    ],
)
def test_only_plain_https_addresses_of_listed_hosts_are_allowed(url: str):
    with pytest.raises(Refused):
        STRICT.check(url)
    STRICT.check("https://cdn-lfs-us-1.hf.co/a?b=c%20d")
    STRICT.check("https://github.com:443/a")


def test_a_server_that_trickles_is_given_up(tmp_path: Path):
    over = threading.Event()

    def trickle(out) -> None:
        while not over.wait(0.05):
            out.write(b"?")

    try:
        with pytest.raises(DownloadFailed, match="almost nothing"):
            get(tmp_path, Faults(slow=trickle), replace(HERE, patience=0.4, tries=1))
    finally:
        over.set()


def test_a_stop_ends_it_while_the_server_is_silent_and_keeps_what_came(tmp_path: Path):
    stop, over = threading.Event(), threading.Event()

    def half(out) -> None:
        out.write(FILE[:1000])
        stop.set()
        over.wait(30)

    try:
        with serving(Faults(slow=half)) as url, pytest.raises(Stopped):
            download(entry(url), tmp_path, lambda _: None, stop.is_set, replace(HERE, patience=60))
    finally:
        over.set()
    assert left(tmp_path) == {"test.pth.part", "test.pth.part.json"}
    faults = Faults()
    assert get(tmp_path, faults).read_bytes() == FILE
    assert faults.sent == len(FILE) - 1000


def test_offline_the_sentence_says_where_to_put_the_file(tmp_path: Path):
    with serving(Faults()) as url:
        pass
    with pytest.raises(DownloadFailed) as failed:
        download(entry(url), tmp_path, lambda _: None, lambda: False, HERE)
    assert all(word in str(failed.value) for word in (url, "test.pth", str(tmp_path / "upscalers"), SHA256))


def test_two_cannot_fetch_the_same_file_at_once(tmp_path: Path):
    waiting, over = threading.Event(), threading.Event()

    def hold(out) -> None:
        waiting.set()
        over.wait(30)

    def first() -> None:
        with pytest.raises(DownloadFailed):
            get(tmp_path, Faults(slow=hold), replace(HERE, tries=1))

    thread = threading.Thread(target=first)
    thread.start()
    assert waiting.wait(30)
    with pytest.raises(DownloadFailed, match="being fetched already"):
        get(tmp_path, Faults())
    over.set()
    thread.join()
    assert get(tmp_path, Faults()).read_bytes() == FILE


def test_without_room_nothing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloads, "SPARE", 2**60)
    faults = Faults()
    with pytest.raises(DiskFull, match="Free some space"):
        get(tmp_path, faults)
    assert not faults.asked
    assert left(tmp_path) == set()


def test_a_disk_that_fills_up_on_the_way_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(self: Partial, block: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Partial, "append", full)
        with pytest.raises(DiskFull, match="Free some space"):
            get(tmp_path, Faults())
    assert left(tmp_path) == set()
    assert get(tmp_path, Faults()).read_bytes() == FILE


def test_over_tls_a_certificate_is_demanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pem = tmp_path / "both.pem"
    pem.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with serving(Faults(), context) as url:
        with pytest.raises(DownloadFailed, match="certificate is not trusted"):
            download(entry(url), tmp_path / "a", lambda _: None, lambda: False, HERE)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        place = download(entry(url), tmp_path / "b", lambda _: None, lambda: False, HERE)
    assert place.read_bytes() == FILE


def test_the_proxy_of_this_machine_is_used_and_cannot_read_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pem = tmp_path / "both.pem"
    pem.write_text(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with serving(Faults(), context) as url, tunnelling() as (proxy, asked):
        monkeypatch.setenv("https_proxy", f"http://me:secret@{proxy}")
        place = download(entry(url), tmp_path, lambda _: None, lambda: False, replace(HERE, private_ok=False))
    assert place.read_bytes() == FILE
    assert asked[0].startswith(f"CONNECT {url.split('/')[2]} HTTP/1.")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in asked[0]
    assert len(asked) == 1


# For 127.0.0.1, made for this test alone; nothing trusts it.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgH/3DgBNzi69dLYBY
aRV0VghAS5Mq6aKTYQ1WszgkBM+hRANCAATyNlvopBCk1KAACZXjTPyZdojE5f0N
WOCr5c0LkNBrkwOmPXSHhi/DUMflnFv9GsHObfgb2lP5zvPfGMe9Y9s0
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUaCAerW5cwMDm9ivl076DbJyNLV8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTAyMjQwNloYDzIxMjYxMDI4
MDIyNDA2WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATyNlvopBCk1KAACZXjTPyZdojE5f0NWOCr5c0LkNBrkwOmPXSHhi/D
UMflnFv9GsHObfgb2lP5zvPfGMe9Y9s0o2QwYjAdBgNVHQ4EFgQU+Z2dUVzm5KUz
uN/1tNICqnk+kAUwHwYDVR0jBBgwFoAU+Z2dUVzm5KUzuN/1tNICqnk+kAUwDwYD
VR0RBAgwBocEfwAAATAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUC
IHNt1qBbVjYNAu64kptBtNPkwuo5oKPRNzVMSvwMYvHRAiEAhPIryiidPFW7qncR
+/mLySax9ngXB4HPKeVRtew5LYQ=
-----END CERTIFICATE-----
"""
