"""Damage a parquet file again and again, and open each with a reader of ours in a process apart.

    python parquet_damage.py READER FILE SEED COUNT

READER is one of READERS. Prints a line of JSON for each reader that ended otherwise than by success
or by an InputError of one line, and last how many ended how. A program of its own: it forks,
which a process with threads must not.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.dataset  # noqa: F401  # else each process would import it

from tessera_catalog.errors import InputError
from tessera_catalog.registry import open_registry
from tessera_catalog.store_manifest import Manifest
from tessera_sync.listings import read_listing
from tessera_sync.plan_file import read_plan

MEMORY = 3 * 2**30
"""Bytes of address space that a reader may use: more would end it, and be told."""


def read_registry(path: Path) -> None:
    """All that tessera-load reads."""
    registry = open_registry(path)
    registry.datasets()
    for batch in registry.batches():
        assert batch.tiles.num_rows >= 0


def read_manifest(path: Path) -> None:
    """All that tessera-sync reads of a manifest."""
    manifest = Manifest(path)
    assert manifest.digest
    for year in manifest.years:
        manifest.year_digest(year)
        rows = manifest.read(year)
        manifest.take(year, np.arange(rows.num_rows)[::7], ["lon_i", "seen_at"])


def read_inventory(path: Path) -> None:
    """All that tessera-sync reads of a part of an S3 Inventory."""
    manifest = path.with_name("manifest.json")
    manifest.write_text(json.dumps({"fileFormat": "Parquet", "files": [{"key": path.name}]}))
    for found, _ in read_listing(str(manifest)):
        assert found.counts.total() >= 0


READERS: dict[str, Callable[[Path], object]] = {
    "registry": read_registry,
    "manifest": read_manifest,
    "plan": read_plan,
    "inventory": read_inventory,
}


def damage(content: bytes, chance: random.Random) -> bytes:
    """Flip bits, overwrite, cut out, repeat or cut off; more often in the footer than elsewhere."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        begin = 0
        if chance.random() < 0.7:
            begin = max(0, len(data) - 8 - int.from_bytes(content[-8:-4], "little"))
        place = chance.randrange(begin, len(data))
        length = chance.choice([1, 4, 16, 200])
        match chance.choice(["flip", "flip", "flip", "fill", "noise", "cut", "repeat", "truncate"]):
            case "flip":
                data[place] ^= 1 << chance.randrange(8)
            case "fill":
                data[place : place + length] = bytes([chance.choice([0, 255])]) * length
            case "noise":
                data[place : place + length] = chance.randbytes(length)
            case "cut":
                del data[place : place + length]
            case "repeat":
                data[place:place] = data[place : place + length]
            case "truncate":
                del data[place:]
        if len(data) < 16:
            break
    return bytes(data)


def outcome(read: Callable[[Path], object], path: Path) -> str:
    """How a reader ended, run in a process of its own."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(60)
        try:
            read(path)
        except InputError as error:
            os._exit(2 if "\n" not in str(error) else 3)
        except BaseException as error:  # noqa: BLE001  # this is what is looked for
            os.write(1, f"{type(error).__name__}: {str(error)[:300]!r}\n".encode())
            os._exit(4)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return {0: "read", 2: "refused", 3: "several lines", 4: "raised"}[os.WEXITSTATUS(status)]


def main(reader: str, name: str, seed: str, count: str) -> None:
    """See the module."""
    content, path = Path(name).read_bytes(), Path(f"{name}.damaged")
    ended: Counter[str] = Counter()
    for number in range(int(count)):
        path.write_bytes(damage(content, random.Random(f"{seed} {number}")))
        how = outcome(READERS[reader], path)
        ended[how] += 1
        if how not in ("read", "refused"):
            print(json.dumps({"number": number, "ended": how}), flush=True)
    path.unlink()
    print(json.dumps(ended))


if __name__ == "__main__":
    main(*sys.argv[1:])
