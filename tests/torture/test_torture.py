"""Tools and servers are killed at random, round after round; then nothing may be lost or invented.

A few rounds here; `make torture ROUNDS=100 SEED=7` for more. A seed gives the same changes, victims
and faults again; how far a tool has come when it is struck is the machine's own.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import seaweedfs
from fault_proxy import Faults, proxy
from registries import TOOL as LOAD
from registries import execute_with, select
from sync_world import World
from torture_invariant import (
    catalogue_agrees,
    linked_manifests_only,
    manifest_agrees,
    no_litter,
    years_are_whole,
)
from torture_victims import NETWORK, POSTGRES, S3, TOOL, Ended, Victims
from torture_world import BUCKET, ORIGIN, TREE, Copies

from tessera_local.throwaway import throwaway
from tessera_local.tuning import demo_settings

ROUNDS = int(os.environ.get("ROUNDS") or 2)
SEED = int(os.environ.get("SEED") or random.randrange(2**32))

DATABASE = "torture"


class Torture:
    """One world, and the rounds it goes through."""

    def __init__(self, chance: random.Random, copies: Copies, victims: Victims) -> None:
        self._chance = chance
        self._copies = copies
        self._world = copies.world
        self._victims = victims
        self._temporary, self._plans = (self._world.folder / name for name in ("tmp", "plans"))
        self._temporary.mkdir()
        self._plans.mkdir()
        self.killings = self.struck = 0
        """How often something was to be killed, and how often it came before the tool ended."""

    @property
    def _conninfo(self) -> str:
        server = self._victims.database.server
        assert server is not None
        return server.conninfo(DATABASE)

    def round(self, victims: dict[str, str]) -> None:
        """The stores change, and everything follows; some steps lose their victim on the way."""
        target, other = self._chance.sample([TREE, BUCKET], 2)
        self._copies.change_origin()
        self._copies.damage(target)
        chosen = self._chance.sample(sorted(self._copies.held), min(3, len(self._copies.held)))
        plan = self._plans / "plan.parquet"
        plan.unlink(missing_ok=True)
        more = ["--delete-extra"] if self._chance.random() < 0.3 else []
        planning = self._world.tool("plan", ORIGIN, target, "-o", plan, *more)
        steps = {
            "load": [str(LOAD), str(self._copies.registry), "--prune", "--force"],
            "scan origin": self._world.tool("scan", ORIGIN, "--allow-shrink"),
            "scan": self._world.tool("scan", target, "--allow-shrink"),
            "plan": planning,
            "apply": self._world.tool("apply", plan),
            "record": self._world.tool("record", other, self._list(chosen)),
            "link": self._world.tool("link"),
        }
        for step, command in steps.items():
            if step == "record":
                self._copies.copy_by_hand(other, chosen)
            victim = victims.get(step)
            if victim:
                ended = self._run(step, command, victim)
                self.killings += victim != NETWORK
                self.struck += ended.struck is not None
                print(f"  {step} lost {victim} {_told(ended)}")
                self._in_between()
            ended = self._run(step, command)
            if ended.code == 3 and step == "apply":
                # The manifests moved on before the journal knew.
                assert self._run("plan", planning).code == 0
                ended = self._run(step, command)
            assert ended.code == 0, f"{step} afterwards: {ended}"
        self.check()

    @contextmanager
    def wrong(self, what: str) -> Iterator[None]:
        """Break something that must be noticed, for the time of the block."""
        tile = min(self._copies.held)
        folder = self._world.folder / ORIGIN / tile.path
        if what == "lost copy":
            folder.rename(self._world.folder / "aside")
            yield
            (self._world.folder / "aside").rename(folder)
        elif what == "other bytes":
            path = folder / tile.embeddings
            before = path.read_bytes()
            path.write_bytes(before[::-1])
            yield
            path.write_bytes(before)
        elif what == "unfinished file":
            path = self._world.data / ".bucket.parquet.1-a.tmp"
            path.touch()
            yield
            path.unlink()
        else:
            table, column, text = _KEPT[what]
            ((key, before),) = select(
                self._conninfo, f"SELECT id, {column}::text FROM {table} ORDER BY id LIMIT 1"
            )
            change = f"UPDATE {table} SET {column} = %s WHERE id = %s"
            execute_with(self._conninfo, change, text, key)
            yield
            execute_with(self._conninfo, change, before, key)

    def _list(self, chosen: list[object]) -> Path:
        path = self._world.folder / "by-hand.txt"
        path.write_text("".join(f"{tile.path}\n" for tile in chosen))  # type: ignore[attr-defined]
        return path

    def _run(self, step: str, command: list[str], victim: str | None = None) -> Ended:
        server = self._victims.database.server
        assert server is not None
        env = {
            **self._world.variables(),
            **server.environment(DATABASE),
            "TMPDIR": str(self._temporary),
        }
        ended = self._victims.run(step, command, env, victim)
        assert "Traceback" not in ended.said, ended.said
        if victim == TOOL and ended.struck is not None:
            assert ended.code in (-9, 0), ended
        else:
            assert ended.code in (0, 1, 2, 3), ended
            assert ended.code == 0 or ended.said.strip(), "it failed without a word"
        return ended

    def _in_between(self) -> None:
        """What even the moment after a kill must show."""
        years_are_whole(self._conninfo)
        for store in (ORIGIN, TREE, BUCKET):
            self._world.rows(store)

    def check(self) -> None:
        """Everything agrees; AssertionError that says what does not."""
        for store in (ORIGIN, TREE, BUCKET):
            manifest_agrees(self._world, store, self._copies.files(store))
        catalogue_agrees(self._conninfo, self._copies.whole_tiles(), self._world)
        no_litter(self._world.data, self._plans, self._temporary)
        linked_manifests_only(self._world.data, [ORIGIN, TREE, BUCKET])
        assert not list(self._temporary.iterdir())


def _told(ended: Ended) -> str:
    if ended.struck is None:
        return f"and ended with {ended.code}"
    return f"after {ended.struck:.2f} s and ended with {ended.code}"


@pytest.fixture(scope="module")
def torture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torture]:
    """A world with servers of its own."""
    if not seaweedfs.installed():
        pytest.skip("SeaweedFS is not installed (it has no wheel for this machine's processor)")
    chance = random.Random(SEED)
    tmp_path = tmp_path_factory.mktemp("torture")
    (tmp_path / "weed").mkdir()
    weed, faults = seaweedfs.Weed(tmp_path / "weed"), Faults()
    with throwaway(demo_settings()) as database:
        try:
            weed.start()
            server = database.start()
            with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}".encode())
            bucket = weed.server.bucket()
            with proxy(weed.server.endpoint, faults) as address:
                world = World(tmp_path, environment=weed.server.environment)
                world.add_tree(ORIGIN)
                world.add_tree(TREE)
                world.add(BUCKET, f"s3://{bucket}/v1", address)
                copies = Copies(chance, world, weed.server.objects(bucket, "v1"))
                yield Torture(chance, copies, Victims(chance, database, weed, faults))
        finally:
            weed.kill()


def test_nothing_is_lost_and_nothing_invented(torture: Torture) -> None:
    print(f"SEED={SEED}", file=sys.stderr)
    chance = random.Random(SEED + 1)
    torture.round({})
    for number in range(1, ROUNDS + 1):
        victims = {
            step: chance.choice(_VICTIMS[step]) for step in chance.sample(sorted(_VICTIMS), 2)
        }
        print(f"round {number} of {ROUNDS}: {victims}")
        torture.round(victims)
    print(f"struck {torture.struck} of {torture.killings} times before the tool had ended")
    assert torture.struck >= torture.killings // 2


def test_what_is_wrong_is_noticed(torture: Torture) -> None:
    torture.round({})
    for what in ("lost copy", "other bytes", "unfinished file", *_KEPT):
        with torture.wrong(what), pytest.raises(AssertionError):
            torture.check()
        torture.check()


_KEPT = {
    "item elsewhere": ("pgstac.items", "content", '{"properties": {"tessera:stores": []}}'),
    "tile elsewhere": ("tessera.tile", "stores", "{bucket}"),
    "size of a tile": ("tessera.tile", "scales_size", "1"),
}
"""Tables and columns of the catalogue, and what is wrong there."""

_VICTIMS = {
    "load": [TOOL, POSTGRES],
    "scan": [TOOL, S3, NETWORK],
    "plan": [TOOL],
    "apply": [TOOL, POSTGRES, S3, NETWORK],
    "record": [TOOL, S3, NETWORK],
    "link": [TOOL, POSTGRES],
}
