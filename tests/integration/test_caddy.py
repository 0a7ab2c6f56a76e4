"""The Caddyfile of every deployment, in the real Caddy: what is before the API, and around it."""

from __future__ import annotations

import http.server
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import clusters
import httpx
import pytest
from caddy_server import caddy, secure_caddy
from web_server import serving

from tessera_local.ports import free_port

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}

SPA = "<!doctype html>" + "<p>The map</p>" * 100


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked, and by which port."""

    protocol_version = "HTTP/1.1"
    ready = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = {
            "body": body,
            "path": self.path,
            "headers": dict(self.headers),
            "port": self.server.server_port,
        }
        content = json.dumps(asked).encode()
        self.send_response(200 if self.ready or self.path != "/_mgmt/health" else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class NotReady(Echo):
    """Says that it is not ready."""

    ready = False


@contextmanager
def echo(port: int = 0, handler: type[Echo] = Echo) -> Iterator[int]:
    with serving(handler, port=port) as address:
        yield urlsplit(address).port or 0


@pytest.fixture
def built(tmp_path: Path) -> str:
    """A folder like the built map."""
    folder = tmp_path / "map"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(SPA)
    (folder / "assets" / "index-1a2b.js").write_text("export {};\n" * 200)
    return str(folder)


@pytest.fixture
def public(api_address: str, tmp_path: Path, built: str) -> Iterator[httpx.Client]:
    with caddy(tmp_path, urlsplit(api_address).port or 0, TESSERA_MAP=built) as client:
        yield client


# --- the map, and headers ----------------------------------------------------------------------


def test_every_answer_guards_the_browser(public: httpx.Client) -> None:
    too_long = {"content": b"x" * 1_000_001}
    for method, path, status, more in [
        ("GET", "/", 200, {}),
        ("GET", "/assets/index-1a2b.js", 200, {}),
        ("GET", "/config.json", 200, {}),
        ("GET", "/nothing", 404, {}),
        ("GET", "/browser/", 302, {}),
        ("GET", "/api/", 200, {}),
        ("GET", "/api/nothing", 404, {}),
        ("GET", "/features/collections", 200, {}),
        ("POST", "/api/search", 413, too_long),
    ]:
        answer = public.request(method, path, **more)
        assert answer.status_code == status, (path, answer.text)
        assert SECURITY.items() <= dict(answer.headers).items(), path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert len(answer.headers.get_list("content-security-policy")) == 1, path
        assert "server" not in answer.headers, path
        assert "strict-transport-security" not in answer.headers, path


def test_pages_of_the_map_load_nothing_from_elsewhere_but_pictures(public: httpx.Client) -> None:
    policy = public.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"].split() == ["'self'", "https://tiles.maps.eox.at"]


def test_files_with_their_content_in_the_name_are_kept_and_others_asked_for(
    public: httpx.Client,
) -> None:
    asset = public.get("/assets/index-1a2b.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/config.json"):
        assert public.get(path).headers["cache-control"] == "no-cache"
    for path in ("/", "/api/search?limit=1"):
        tag = public.get(path).headers["etag"]
        again = public.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b""), path


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/api",
        "/api/queryables",
        "/api/search?limit=50",
        "/api/tiles/geotessera-2021/7/64/42.mvt",
    ],
)
def test_answers_are_compressed_as_the_client_can_read_them(
    public: httpx.Client, path: str
) -> None:
    plain = public.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for coding in ("gzip", "zstd"):
        answer = public.get(path, headers={"Accept-Encoding": coding})
        assert answer.headers["content-encoding"] == coding
        assert "Accept-Encoding" in answer.headers["vary"]


# --- what the API is told of the client --------------------------------------------------------


SAID_BY_CLIENT = {
    "X-Forwarded-For": "198.51.100.7, 203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=198.51.100.7;host=evil.example;proto=https",
}


def told(public: httpx.Client) -> dict[str, str]:
    answer = public.get("/api/search", headers=SAID_BY_CLIENT).json()
    assert answer["path"] == "/search"
    return {name.lower(): value for name, value in answer["headers"].items()}


def test_a_client_cannot_say_who_it_is_or_what_site_this_is(tmp_path: Path) -> None:
    with echo() as port, caddy(tmp_path, port) as public:
        headers = told(public)
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "http"
        assert headers["x-forwarded-host"] == public.base_url.netloc.decode()
        assert headers["x-forwarded-prefix"] == "/api"
        assert not {"forwarded", "x-forwarded-port", "accept-encoding"} & headers.keys()


def test_a_proxy_of_ours_says_who_the_client_is(tmp_path: Path) -> None:
    """The last address that is not a proxy's: those before it the client may have made up."""
    with echo() as port, caddy(tmp_path, port, TESSERA_PROXIES="127.0.0.0/8") as public:
        headers = told(public)
        assert headers["x-forwarded-for"] == "203.0.113.9"
        assert headers["x-forwarded-proto"] == "https"


def test_links_are_not_of_the_site_that_a_client_names(public: httpx.Client) -> None:
    page = public.get("/api/", headers=SAID_BY_CLIENT).text
    assert "evil" not in page
    assert f"{public.base_url}/api/" in page


def test_metrics_are_not_for_the_public(public: httpx.Client) -> None:
    answer = public.get("/api/_mgmt/metrics")
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "description"}


# --- STAC Browser -------------------------------------------------------------------------------


def test_without_a_browser_of_its_own_the_public_one_opens_this_catalogue(
    public: httpx.Client,
) -> None:
    for path in ("/browser", "/browser/search"):
        answer = public.get(path)
        assert answer.status_code == 302
        assert answer.headers["location"] == (
            f"https://radiantearth.github.io/stac-browser/#/external/{public.base_url}/api"
        )


def test_a_browser_of_its_own_gets_its_paths_whole(tmp_path: Path) -> None:
    with echo() as port, caddy(tmp_path, port, TESSERA_BROWSER=f"127.0.0.1:{port}") as public:
        for path in ("/browser", "/browser/collections/geotessera-2024?.language=en"):
            answer = public.get(path)
            assert answer.json()["path"] == path
            assert SECURITY.items() <= dict(answer.headers).items()


# --- limits -------------------------------------------------------------------------------------


def test_bodies_that_do_not_say_how_long_they_are_end_as_well(public: httpx.Client) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"ids": ["'
        for _ in range(200):
            yield b"x" * 10_000
        yield b'"]}'

    answer = public.post("/api/search", content=parts())
    assert answer.status_code == 413
    assert set(answer.json()) == {"code", "description"}


def test_headers_without_end_are_refused(public: httpx.Client) -> None:
    assert public.get("/", headers={"X-Long": "x" * 100_000}).status_code == 431


# --- servers that come and go -------------------------------------------------------------------


def test_a_request_waits_for_a_server_that_is_being_restarted(tmp_path: Path) -> None:
    port = free_port()
    with caddy(tmp_path, port) as public, ThreadPoolExecutor() as pool:
        asked = pool.submit(public.post, "/api/search", json={"limit": 1})
        time.sleep(1)
        with echo(port):
            answer = asked.result()
        assert (answer.status_code, answer.json()["body"]) == (200, '{"limit":1}')


def test_a_server_that_is_not_ready_is_not_asked(tmp_path: Path) -> None:
    with echo() as ready, echo(handler=NotReady) as other, caddy(tmp_path, ready, other) as public:

        def ports() -> set[int]:
            return {public.get("/api/").json()["port"] for _ in range(10)}

        clusters.until(lambda: ports() == {ready})


def test_clients_cannot_have_a_server_put_aside(tmp_path: Path) -> None:
    """By requests that end in the middle."""
    with echo() as one, echo() as other, caddy(tmp_path, one, other) as public:
        address = (public.base_url.host, public.base_url.port)
        for _ in range(20):
            with socket.create_connection(address) as client:
                client.sendall(b"POST /api/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            answering = {public.get("/api/").json()["port"] for _ in range(4)}
            assert answering == {one, other}


# --- TLS ----------------------------------------------------------------------------------------


def test_a_site_with_a_name_is_served_by_https_alone(api_address: str, tmp_path: Path) -> None:
    with secure_caddy(tmp_path, urlsplit(api_address).port or 0) as (public, plain):
        answer = public.get("/api/")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        links = {link["rel"]: link["href"] for link in answer.json()["links"]}
        assert links["self"] == f"{public.base_url}/api/"
        missing = public.get("/nothing")
        assert missing.headers["strict-transport-security"] == "max-age=31536000"
        sent = httpx.get(f"http://localhost:{plain}/api/search?limit=1")
        assert sent.status_code == 308
        # In public it is port 443, wherever Caddy listens.
        assert sent.headers["location"] == "https://localhost/api/search?limit=1"
