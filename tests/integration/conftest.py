"""Real services for the integration tests: an S3 server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import seaweedfs
from api_server import api, api_address, catalogue  # noqa: F401  # fixtures of the API's tests
from map_world import map_api, map_database  # noqa: F401
from seaweedfs import S3Server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A SeaweedFS S3 server on free ports of 127.0.0.1, without a bucket, for the session."""
    if not seaweedfs.installed():
        pytest.skip("SeaweedFS is not installed (it has no wheel for this machine's processor)")
    with seaweedfs.running(tmp_path_factory.mktemp("weed")) as server:
        yield server
