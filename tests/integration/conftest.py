"""What integration tests share: an S3 server, the API, a disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import seaweedfs
from api_server import api, api_address, catalogue  # noqa: F401  # fixtures of the API's tests
from clusters import site  # noqa: F401
from map_world import map_address, map_api, map_database  # noqa: F401
from seaweedfs import S3Server
from sync_world import bare_world, s3_world  # noqa: F401


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A SeaweedFS S3 server on free ports of 127.0.0.1, without a bucket, for the session."""
    if not seaweedfs.installed():
        pytest.skip("SeaweedFS is not installed (it has no wheel for this machine's processor)")
    with seaweedfs.running(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    root = tmp_path / "disk"
    root.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(root)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"this machine does not let root mount a tmpfs: {mounted.stderr.strip()}")
    yield root
    subprocess.run(["umount", str(root)], check=True)
