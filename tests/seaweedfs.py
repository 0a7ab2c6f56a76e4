"""A real S3 server, SeaweedFS, on free ports of 127.0.0.1: for the tests and the bench."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import obstore.exceptions
from obstore.store import S3Store

WEED = Path(sys.executable).parent / "weed"

DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: what it starts is killed when this process ends, however that ends."""

START_SECONDS = 60
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "s3.port.iceberg",
    "s3.port.lance",
)


@dataclass(frozen=True)
class S3Server:
    """A running S3 server that takes requests with these credentials only."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which S3 tools find the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
        }

    def bucket(self) -> str:
        """Make a new, empty bucket; its name."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )
        client.create_bucket(Bucket=name)
        client.close()
        return name

    def objects(self, bucket: str, prefix: str | None = None) -> S3Store:
        """A plain client of one bucket, to lay out and inspect what a test needs."""
        return S3Store(
            bucket,
            prefix=prefix,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            client_options={"allow_http": True},
        )


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 nobody listens on."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            found = stack.enter_context(socket.socket())
            found.bind(("127.0.0.1", 0))
            ports.append(found.getsockname()[1])
        return ports


def installed() -> bool:
    """Whether the server is there: it has no wheel but for x86-64."""
    return platform.machine() == "x86_64" and WEED.exists()


class Weed:
    """A server without a bucket whose files lie in a folder; it can be killed and started again.

    `options` are more options of `weed server`.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        (folder / "data").mkdir()
        key, secret = uuid.uuid4().hex, uuid.uuid4().hex
        identity = {
            "name": "test",
            "credentials": [{"accessKey": key, "secretKey": secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self._folder = folder
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._command = [*_command(folder, self._ports), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.server = S3Server(f"http://127.0.0.1:{self._ports['s3.port']}", key, secret)

    def start(self) -> None:
        """Start it, and wait until it takes objects."""
        log = self._folder / "log.txt"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self._folder), "HOME": str(self._folder)},
                start_new_session=True,
            )
        _wait_until_it_writes(self.server, self._process, log)

    def kill(self) -> None:
        """Stop it as a power cut would; nothing happens when it does not run."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=30)
        self._process = None
        # These have fixed places, whatever TMPDIR says.
        for part in ("master", "volume", "filer", "s3"):
            socket_name = f"seaweedfs-{part}-grpc-{self._ports[part + '.port.grpc']}.sock"
            (Path("/tmp") / socket_name).unlink(missing_ok=True)


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[S3Server]:
    """Run a server with its files in the folder for the time of the block."""
    weed = Weed(folder, *options)
    try:
        weed.start()
        yield weed.server
    finally:
        weed.kill()


def _command(folder: Path, ports: dict[str, int]) -> list[str]:
    return [
        *DIES_WITH_US,
        str(WEED),
        "-logtostderr=true",
        "server",
        "-s3",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=128",
        "-volume.max=2000",
        "-volume.minFreeSpace=100MiB",
        f"-dir={folder / 'data'}",
        f"-s3.config={folder / 's3.json'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.localSocket={folder / 's3.sock'}",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]


def _wait_until_it_writes(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Poll until an object can be stored: the volume server registers after S3 answers."""
    deadline = time.monotonic() + START_SECONDS
    why = "it did not answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            why = f"it exited with {process.returncode}"
            break
        try:
            with urllib.request.urlopen(f"{server.endpoint}/healthz", timeout=2):
                server.objects("ready").put("ready", b"ready")
                return
        except (OSError, obstore.exceptions.BaseError) as error:
            why = str(error)
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start: {why}\n{log.read_text()[-3000:]}")
