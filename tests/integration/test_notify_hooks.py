"""tessera-sync notify as operators run it: programs, web servers, and what is told when."""

from __future__ import annotations

import contextlib
import http.server
import json
import shlex
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sync_world import World, put_tile, tiles
from web_server import serving

from tessera_sync.told import FILE

TOKEN = "T0KEN-of-nobody"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Ten tiles on a primary, seven of them on a copy."""
    world = World(tmp_path)
    world.fill("home", tiles(10))
    world.fill("copy", tiles(7))
    return world


@dataclass
class Inbox:
    """A program that keeps what it was given, if it may."""

    folder: Path

    @property
    def command(self) -> str:
        """Keeps stdin under a name of its own, unless a file says that it fails."""
        script = self.folder / "inbox.sh"
        if not script.exists():
            script.write_text(
                '#!/bin/sh\ncat > "$2/report.$$.part"\n'
                'if [ -e "$2/fail" ]; then echo "no, $1"; exit 7; fi\n'
                'mv "$2/report.$$.part" "$2/report.$$.json"\n'
            )
            script.chmod(0o755)
        return shlex.join([str(script), TOKEN, str(self.folder)])

    def take(self) -> list[dict[str, Any]]:
        """Reports since the last time."""
        paths = sorted(self.folder.glob("report.*.json"))
        reports = [json.loads(path.read_text()) for path in paths]
        for path in paths:
            path.unlink()
        return reports


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


@dataclass
class Receiver:
    """A web server that answers each request with the next status, and keeps what it is sent."""

    statuses: list[int] = field(default_factory=list)
    dawdle: float = 0.0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @contextlib.contextmanager
    def at(self) -> Iterator[str]:
        """Serve on a free port; gives the address."""
        with serving(self.handler()) as address:
            yield address

    def handler(self) -> Callable[..., http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(
                    (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                time.sleep(receiver.dawdle)
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"http://localhost:9/{TOKEN}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    """What a run said; no token is in it, and no traceback."""
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert TOKEN not in output
    assert "Traceback" not in output
    return output


def worse(report: dict[str, Any]) -> list[tuple[str, int, str, int, int]]:
    return [(w["store"], w["year"], w["kind"], w["tiles"], w["told"]) for w in report["worse"]]


def test_a_gap_is_told_once(world: World, inbox: Inbox) -> None:
    said = told(world.run("notify", "--command", inbox.command))
    assert "copy 2024: 3 tiles missing\n" in said
    (report,) = inbox.take()
    assert worse(report) == [("copy", 2024, "missing", 3, 0)]
    assert (report["dataset"], report["primary"]) == ("v1", "home")
    assert report["text"] == "copy 2024: 3 tiles missing"
    said = told(world.run("notify", "--command", inbox.command))
    assert said == "nothing is worse than what was told; 1 told before remain\n"
    assert inbox.take() == []


def test_only_what_grows_or_opens_anew_is_told_again(world: World, inbox: Inbox) -> None:
    ten = tiles(10)
    steps = [
        (6, [("copy", 2024, "missing", 4, 0)]),
        (8, []),
        (7, [("copy", 2024, "missing", 3, 2)]),
    ]
    steps += [(10, []), (9, [("copy", 2024, "missing", 1, 0)])]
    for held, expected in steps:
        world.stores.pop()
        world.add("copy", f"file://{world.folder / 'copy'}")
        for tile in ten[:held]:
            put_tile(world.folder / "copy", tile)
        world.know("copy", ten[:held])
        told(world.run("notify", "--command", inbox.command))
        assert [one for report in inbox.take() for one in worse(report)] == expected


def test_a_hook_that_failed_is_told_again(world: World, inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    said = told_without_arguments(world.run("notify", "--command", inbox.command), inbox)
    assert "not told: 1\n" in said
    assert "exit code 7" in said
    assert not (world.data / FILE).exists()
    (tmp_path / "fail").unlink()
    told(world.run("notify", "--command", inbox.command))
    assert len(inbox.take()) == 1


def told_without_arguments(done: subprocess.CompletedProcess[str], inbox: Inbox) -> str:
    """What a failed run said: the program's own words are its own, the arguments stay untold."""
    assert f"no, {TOKEN}" in done.stderr
    done.stderr = done.stderr.replace(f"no, {TOKEN}", "")
    return told(done, 1)


def test_when_one_hook_fails_all_are_told_again(world: World, inbox: Inbox) -> None:
    receiver = Receiver(statuses=[403])
    with receiver.at() as address:
        words = ("notify", "--command", inbox.command, "--webhook", f"{address}/{TOKEN}")
        said = told(world.run(*words), 1)
        assert f"webhook {address}: answers 403" in said
        assert len(inbox.take()) == 1
        told(world.run(*words))
    assert len(inbox.take()) == 1
    assert len(receiver.requests) == 2


def test_the_webhook_is_sent_the_report(world: World) -> None:
    receiver = Receiver()
    with receiver.at() as address:
        host = address.removeprefix("http://")
        url = f"http://user:{TOKEN}@{host}/in/{TOKEN}?key={TOKEN}"
        world.environment = {"TESSERA_WEBHOOK": url}
        said = told(world.run("notify"))
        assert f"told: webhook http://{host}\n" in said
        told(world.run("notify"))
    ((path, headers, body),) = receiver.requests
    assert path == f"/in/{TOKEN}?key={TOKEN}"
    assert headers["authorization"].startswith("Basic ")
    assert headers["content-type"] == "application/json"
    assert worse(json.loads(body)) == [("copy", 2024, "missing", 3, 0)]


def test_a_server_that_is_not_well_is_tried_again(world: World) -> None:
    receiver = Receiver(statuses=[500, 200])
    with receiver.at() as address:
        told(world.run("notify", "--webhook", f"{address}/{TOKEN}"))
    assert len(receiver.requests) == 2
    assert receiver.requests[0] == receiver.requests[1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(world: World, status: int) -> None:
    receiver = Receiver(statuses=[status])
    with receiver.at() as address:
        said = told(world.run("notify", "--webhook", f"{address}/{TOKEN}"), 1)
    assert f"answers {status}, elsewhere" in said
    assert len(receiver.requests) == 1


def test_a_server_that_does_not_answer(world: World) -> None:
    receiver = Receiver(dawdle=2)
    with receiver.at() as address:
        words = ("notify", "--webhook", f"{address}/{TOKEN}", "--timeout", "0.2")
        assert "no answer within 0.2 s" in told(world.run(*words), 1)
    assert len(receiver.requests) == 4


def test_a_server_that_is_not_there(world: World) -> None:
    with Receiver().at() as address:
        pass
    said = told(world.run("notify", "--webhook", f"{address}/{TOKEN}"), 1)
    assert f"webhook {address}: cannot be reached: Connection refused" in said
    said = told(world.run("notify", "--webhook", f"https://no-such-host.invalid/{TOKEN}"), 1)
    assert "webhook https://no-such-host.invalid: cannot be reached: " in said


def test_a_certificate_must_be_known(world: World, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver = Receiver()
    with serving(receiver.handler(), context) as address:
        url = address.replace("http://127.0.0.1", "https://localhost")
        said = told(world.run("notify", "--webhook", f"{url}/{TOKEN}"), 1)
        assert "cannot be reached: " in said
        assert "certificate" in said
        assert receiver.requests == []
        world.environment = {"SSL_CERT_FILE": str(certificate)}
        told(world.run("notify", "--webhook", f"{url}/{TOKEN}"))
    assert len(receiver.requests) == 1


def test_it_goes_through_the_proxy_of_the_environment(world: World) -> None:
    proxy = Receiver()
    with proxy.at() as address:
        world.environment = {"http_proxy": address, "no_proxy": ""}
        told(world.run("notify", "--webhook", f"http://localhost:9/{TOKEN}"))
        assert proxy.requests[0][0] == f"http://localhost:9/{TOKEN}"
        (world.data / FILE).unlink()
        world.environment = {"http_proxy": address, "no_proxy": "localhost"}
        told(world.run("notify", "--webhook", f"http://localhost:9/{TOKEN}"), 1)
    assert len(proxy.requests) == 1


def test_a_program_that_hangs_is_ended_with_all_it_started(world: World, tmp_path: Path) -> None:
    script = f"sh -c 'sleep 300 & echo $! > {tmp_path}/pid; wait'"
    said = told(world.run("notify", "--command", script, "--timeout", "1"), 1)
    assert "command sh: not done after 1 s, and ended" in said
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not running(pid)


def running(pid: int) -> bool:
    """Whether a process still does anything: one nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_that_is_killed(world: World) -> None:
    said = told(world.run("notify", "--command", "sh -c 'kill -9 $$'"), 1)
    assert "command sh: killed by SIGKILL" in said
    assert not (world.data / FILE).exists()


def test_a_program_that_does_not_read(world: World) -> None:
    told(world.run("notify", "--command", "true"))
    assert (world.data / FILE).exists()


def test_no_shell_runs_the_program(world: World, tmp_path: Path) -> None:
    told(world.run("notify", "--command", f"echo ';' touch '{tmp_path}/bad;' '$(touch bad)' > bad"))
    assert not list(tmp_path.glob("**/bad*"))


def test_notify_killed_while_its_program_runs_tells_again(
    world: World, inbox: Inbox, tmp_path: Path
) -> None:
    slow = f"sh -c 'touch {tmp_path}/begun; sleep 5'"
    process = subprocess.Popen(world.tool("notify", "--command", slow), env=world.variables())
    until = time.monotonic() + 30
    while not (tmp_path / "begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    told(world.run("notify", "--command", inbox.command))
    assert len(inbox.take()) == 1


def test_two_at_once_tell_once(world: World, inbox: Inbox) -> None:
    command = world.tool("notify", "--command", inbox.command)
    both = [
        subprocess.Popen(command, env=world.variables(), stdout=subprocess.DEVNULL) for _ in "ab"
    ]
    assert [process.wait() for process in both] == [0, 0]
    assert len(inbox.take()) == 1


def test_a_dry_run_tells_nobody(world: World, inbox: Inbox) -> None:
    before = sorted(world.data.iterdir())
    done = world.run("notify", "--command", inbox.command, "--dry-run", "--exit-code", "--json")
    found = json.loads(told(done, 10))
    assert worse(found) == [("copy", 2024, "missing", 3, 0)]
    assert found["told"] == []
    assert inbox.take() == []
    assert sorted(world.data.iterdir()) == before


def test_exit_codes(world: World, inbox: Inbox) -> None:
    words = ("notify", "--command", inbox.command, "--exit-code")
    told(world.run(*words), 10)
    told(world.run(*words), 0)


def test_the_configuration_names_hooks_and_options_win(
    world: World, inbox: Inbox, tmp_path: Path
) -> None:
    environment = world.variables()
    words = json.dumps(shlex.split(inbox.command))
    with (tmp_path / "stores.toml").open("a") as file:
        file.write(f"\n[notify]\ncommand = {words}\n")

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            world.tool("notify", *more), env=environment, capture_output=True, text=True
        )

    told(run("--command", "true"))
    assert inbox.take() == []
    (world.data / FILE).unlink()
    told(run())
    assert len(inbox.take()) == 1


def test_ages_of_manifests_and_verification(world: World, inbox: Inbox) -> None:
    words = ("--max-age", "1w", "--verified-within", "45d")
    done = world.run("notify", "--command", inbox.command, *words, "--json")
    kinds = [(one["store"], one["kind"]) for one in json.loads(told(done))["worse"]]
    # The manifests of this world say that they were made long ago, and nobody has verified.
    assert kinds == [
        ("home", "old manifest"),
        ("home", "unverified"),
        ("copy", "old manifest"),
        ("copy", "unverified"),
        ("copy", "missing"),
    ]
    assert inbox.take()[0]["worse"][0]["since"] == "2024-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "whom to tell?"),
        (("--command", ""), "no program"),
        (("--command", "'"), "--command: No closing quotation"),
        (("--command", "/no/such/thing"), "'/no/such/thing' of notify is no program"),
        (("--webhook", f"http://example.org/{TOKEN}"), "must be an address https://"),
        (("--dry-run", "--max-age", "2"), "--max-age 2: it must be a length of time"),
    ],
)
def test_wrong_usage_gets_one_line(world: World, words: tuple[str, ...], part: str) -> None:
    done = world.run("notify", *words)
    assert part in told(done, 2)
    assert done.stderr.count("\n") == 1


def test_a_damaged_state_is_one_line(world: World, inbox: Inbox) -> None:
    (world.data / FILE).write_text('{"dataset": "v1", "told": [')
    done = world.run("notify", "--command", inbox.command)
    assert "delete it, and everything is told again" in told(done, 2)
    assert done.stderr.count("\n") == 1
    assert inbox.take() == []


def test_on_a_full_disk_it_is_told_and_not_remembered(
    world: World, inbox: Inbox, little_disk: Path
) -> None:
    for path in world.data.glob("*.parquet"):
        (little_disk / path.name).write_bytes(path.read_bytes())
    (little_disk / ".told.lock").touch()
    filler = little_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    words = ("notify", "--data", str(little_disk), "--command", inbox.command)
    assert "No space left on device" in told(world.run(*words), 1)
    assert len(inbox.take()) == 1
    filler.unlink()
    told(world.run(*words))
    assert len(inbox.take()) == 1


def test_a_manifest_that_cannot_be_read_is_one_line(world: World, inbox: Inbox) -> None:
    (world.data / "copy.parquet").write_bytes(b"PAR1")
    done = world.run("notify", "--command", inbox.command)
    assert "not a readable parquet file" in told(done, 2)
    assert done.stderr.count("\n") == 1


def test_the_program_is_found_by_python_as_well(world: World, tmp_path: Path) -> None:
    code = f"import json,sys; open('{tmp_path}/got','w').write(json.load(sys.stdin)['text'])"
    told(world.run("notify", "--command", shlex.join([sys.executable, "-c", code])))
    assert (tmp_path / "got").read_text() == "copy 2024: 3 tiles missing"
