"""apply --dask: a cluster of two processes, one of which is killed."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import S3Server
from fault_proxy import Faults, proxy
from running import DEADLINE, started, wait_for
from sync_world import World, files_of, objects_of, tiles

pytest.importorskip("distributed", reason="Dask is not installed (the extra 'dask')")

DASK = Path(sys.executable).parent / "dask"
COUNT = 60


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment | {
            "DASK_TEMPORARY_DIRECTORY": str(folder),
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s",
        }
        self._file = folder / "scheduler.json"
        self._logs = contextlib.ExitStack()
        self.processes = [self._start("scheduler", "--port", "0", "--no-dashboard", "--no-jupyter")]
        wait_for(self._ready, self.processes[0])
        self.address = json.loads(self._file.read_text())["address"]

    def add_worker(self) -> subprocess.Popen[str]:
        local = self.folder / f"worker{len(self.processes)}"
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", local]
        worker = self._start("worker", *map(str, options))
        self.processes.append(worker)
        return worker

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self._logs.close()

    def _ready(self) -> bool:
        return self._file.exists() and self._file.read_text().strip().endswith("}")

    def _start(self, role: str, *options: str) -> subprocess.Popen[str]:
        log = self._logs.enter_context((self.folder / f"{role}.log").open("a"))
        return subprocess.Popen(
            [str(DASK), role, "--scheduler-file", str(self._file), "--host", "127.0.0.1", *options],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
        )


@pytest.fixture
def world(s3_world: World) -> World:
    s3_world.fill("origin", tiles(COUNT))
    return s3_world


@pytest.fixture
def cluster(world: World, tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "dask"
    folder.mkdir()
    made = Cluster(folder, world.variables())
    try:
        yield made
    finally:
        made.close()


def test_a_lost_workers_tiles_are_done_again(
    world: World, cluster: Cluster, s3_server: S3Server
) -> None:
    bucket = s3_server.bucket()
    slow = Faults(lambda _number, method, _path: 0.1 if method == "PUT" else None)
    workers = [cluster.add_worker(), cluster.add_worker()]
    with proxy(s3_server.endpoint, slow) as address:
        world.add("s3", f"s3://{bucket}/v1", address)
        plan = world.plan("origin", "s3")
        words = ("apply", plan, "--dask", cluster.address, "--jobs", "3", "--json")
        with started(world, *words) as process:
            wait_for(world.done, process)
            workers[0].kill()
            out, told = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert json.loads(out)["copied"] == COUNT
    assert sorted(world.done()) == sorted(tile.path for tile in tiles(COUNT))
    assert objects_of(s3_server.objects(bucket, "v1")) == files_of(world.folder / "origin")
    assert set(world.rows("s3")) == set(tiles(COUNT))


def test_a_worker_without_credentials_is_told_and_nothing_is_done(
    world: World, cluster: Cluster, s3_server: S3Server
) -> None:
    cluster._environment = {
        k: v for k, v in cluster._environment.items() if not k.startswith("AWS")
    } | {"AWS_EC2_METADATA_DISABLED": "true"}
    cluster.add_worker()
    world.add("s3", f"s3://{s3_server.bucket()}/v1", s3_server.endpoint)
    ended = world.run("apply", world.plan("origin", "s3"), "--dask", cluster.address)
    assert ended.returncode == 2
    assert "store 's3': no S3 credentials found" in ended.stderr
    assert world.done() == []


def test_what_a_cluster_cannot_do_is_said(world: World) -> None:
    world.add_tree("target")
    plan = world.plan("origin", "target")
    limited = world.run("apply", plan, "--dask", "tcp://127.0.0.1:9", "--limit-rate", "1M")
    assert limited.returncode == 2
    assert "--limit-rate cannot be held" in limited.stderr
