"""A cluster for one process: tests and measurements of ours."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tessera_local.cluster import Cluster
from tessera_local.server import Server
from tessera_local.tuning import throwaway_settings

_REAPER = """
import shutil, sys
from pathlib import Path
from tessera_local.cluster import Cluster
sys.stdin.read()
home = Path(sys.argv[1])
Cluster(home, {}).remove()
shutil.rmtree(home)
"""


@contextmanager
def throwaway_cluster() -> Iterator[Server]:
    """Run a cluster of its own in a temporary folder; both are gone afterwards."""
    with throwaway(throwaway_settings()) as cluster:
        yield cluster.start()


@contextmanager
def throwaway(settings: Mapping[str, str]) -> Iterator[Cluster]:
    """A cluster in a temporary folder, not started yet; both are gone afterwards.

    A second process waits for the end of a pipe that only this one holds, so they are gone too
    when this one is killed.
    """
    home = Path(tempfile.mkdtemp(prefix="tessera-postgres-"))
    home.chmod(0o711)  # the cluster's user passes through; what is inside guards itself
    reaper = subprocess.Popen(
        [sys.executable, "-c", _REAPER, str(home)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield Cluster(home, settings)
    finally:
        reaper.communicate()
