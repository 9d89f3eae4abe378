"""The client of a studio that already runs."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from studio.cli.running import FILE, Running, announced, sentence
from studio.errors import FolderInUse, StudioError


def test_the_address_lies_there_while_the_page_is_open_and_for_her_alone(tmp_path):
    with announced(tmp_path, "http://127.0.0.1:1/?key=k"):
        assert json.loads((tmp_path / FILE).read_text("utf-8"))["url"].endswith("key=k")
        if os.name != "nt":
            assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"url": "http://127.0.0.1:9/?key=k"}'])
def test_a_studio_that_cannot_be_asked_is_a_sentence(tmp_path, text):
    if text is not None:
        (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(FolderInUse, match="does not answer"):
        Running.of(tmp_path)


def test_a_refusal_is_passed_on_in_its_own_words():
    assert sentence(b'{"sentence": "Take less."}') == "Take less."
    for body in (b"", b"<html>", b"[]", b"{}"):
        assert "refused" in sentence(body)


class Dying(BaseHTTPRequestHandler):
    """A studio that is killed in the middle of a line."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path.startswith("/?"):
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b'16\r\ndata: {"kind":"step"}\n\r\n40\r\ndata: {"kind')
        self.close_connection = True

    def log_message(self, *_):
        pass


def test_a_studio_that_is_killed_meanwhile_is_a_sentence():
    with HTTPServer(("127.0.0.1", 0), Dying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seen = []
        with pytest.raises(StudioError, match="closed meanwhile"):
            seen.extend(Running(f"http://127.0.0.1:{server.server_port}/?key=k").events("g"))
        server.shutdown()


def test_the_key_goes_to_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with HTTPServer(("127.0.0.1", 0), Dying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Running(f"http://127.0.0.1:{server.server_port}/?key=k")
        server.shutdown()
