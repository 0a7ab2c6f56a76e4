"""The demo as a whole: a cluster, a loaded catalogue, the API and Caddy, under one home folder.

Every step looks at what is there already and does only what is missing, so that running it again
is quick and running it after a failure goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tessera_catalog.errors import Failed, InputError
from tessera_catalog.stores import load_stores
from tessera_local import catalogue, services, source
from tessera_local.cluster import Cluster
from tessera_local.files import write_private
from tessera_local.ports import ADDRESS, free_port, is_free
from tessera_local.processes import Processes
from tessera_local.server import Server, server_of_environment
from tessera_local.source import Source
from tessera_local.tuning import demo_settings

DEFAULT_PORT = 8080

DATABASE = "tessera"

EXTERNAL_DATABASE = "tessera_demo"


@dataclass(frozen=True)
class Wanted:
    """What the user asked for; None stands for the default."""

    tiles: int | None = None
    registry: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Loaded:
    """What the demo's database holds, and where it is: `demo.json`."""

    host: str
    port: int
    user: str
    password: str | None
    database: str
    oid: int
    signature: str
    manifests: str
    stores: str | None

    def is_in(self, server: Server, database: str, oid: int) -> bool:
        """Whether this is about that very database."""
        return (self.host, self.port, self.database, self.oid) == (
            server.host, server.port, database, oid,
        )  # fmt: skip


class Stack:
    """The demo of one checkout. `tell` is given lines of progress."""

    def __init__(self, home: Path, tell: Callable[[str], None]) -> None:
        self._home = home
        self._tell = tell
        self._cluster = Cluster(home, demo_settings())
        self._processes = Processes(home)
        self._loaded_file = home / "demo.json"

    def start(self, wanted: Wanted, environ: Mapping[str, str] = os.environ) -> str:
        """Have everything running; the public address. TesseraError says what hinders it."""
        with self._lock():
            port = self._public_port(wanted.port)
            load_stores()  # said before anything is made, if it cannot be read
            chosen = self._source(wanted)
            external = server_of_environment(environ, self._cluster.server)
            if external is None:
                self._tell("PostgreSQL: the private cluster")
                server, database = self._cluster.start(), DATABASE
            else:
                self._tell(f"PostgreSQL: the server at {external.host}:{external.port}")
                server = external
                database = environ.get("PGDATABASE") or EXTERNAL_DATABASE
            self._load(server, database, chosen, is_private=external is None)
            reader = server
            if external is None:
                reader = catalogue.reader(server, database, server.password or "")
            self._serve(reader, database, port)
        return f"http://{ADDRESS}:{port}"

    def stop(self) -> list[str]:
        """Stop what `start` started; the names of what was running."""
        if not self._home.is_dir():
            return []
        with self._lock():
            return self._stop()

    def clean(self) -> None:
        """Stop everything and delete all files, the database's too."""
        if self._home.is_dir():
            with self._lock():
                for folder in self._cluster.forget_unreadable():
                    self._tell(f"left: {folder}, perhaps of this demo: postgres.json is damaged")
                self._stop()
                self._cluster.remove()
            shutil.rmtree(self._home)

    def _stop(self) -> list[str]:
        stopped = [name for name in ("caddy", "api") if self._processes.stop(name)]
        return [*stopped, "PostgreSQL"] if self._cluster.stop() else stopped

    def environment(self) -> dict[str, str]:
        """Variables for programs that are to use the running stack."""
        loaded = self._loaded()
        if loaded is None or self._processes.port("caddy") is None:
            raise InputError("the demo is not running: start it with 'make demo'")
        server = Server(loaded.host, loaded.port, loaded.user, loaded.password)
        variables = {
            **server.environment(loaded.database),
            "TESSERA_DATA": loaded.manifests,
        }
        if loaded.stores is not None:
            variables["TESSERA_STORES"] = loaded.stores
        return variables

    def _public_port(self, wanted: int | None) -> int:
        """The port asked for, else the one in use, else the default."""
        running = self._processes.port("caddy")
        port = wanted or running or DEFAULT_PORT
        if port != running and not is_free(port):
            raise Failed(
                f"port {port} is taken by another program: "
                "choose one with 'make demo PORT=…', which moves the whole demo"
            )
        return port

    def _source(self, wanted: Wanted) -> Source:
        if wanted.registry is not None:
            if wanted.tiles is not None:
                raise InputError("TILES= is of a synthetic registry: leave it out with REGISTRY=")
            return source.given(wanted.registry, self._home)
        tiles = source.DEFAULT_TILES if wanted.tiles is None else wanted.tiles
        self._tell(f"registry: synthetic, {tiles:,} tiles")
        return source.synthetic(tiles, self._home)

    def _load(self, server: Server, database: str, chosen: Source, *, is_private: bool) -> None:
        """Load the registry, unless this very database holds it as this code would load it."""
        stores = os.environ.get("TESSERA_STORES")
        signature = "\n".join(
            [chosen.signature, services.code_version(), Path(stores).read_text() if stores else ""]
        )
        oid = catalogue.create_database(server, database)
        before = self._loaded()
        if before is not None and before.is_in(server, database, oid):
            if before.signature == signature:
                return
        elif not is_private:
            catalogue.refuse_catalogue(server, database)
        loaded = Loaded(
            **asdict(server), database=database, oid=oid, signature="",
            manifests=str(chosen.manifests), stores=stores and str(Path(stores).resolve()),
        )  # fmt: skip
        # Written before as well: a load that is killed leaves a database that is known as ours.
        self._write(loaded)
        self._tell(f"loading {chosen.registry}")
        catalogue.load(server, database, chosen)
        self._write(Loaded(**{**asdict(loaded), "signature": signature}))

    def _serve(self, reader: Server, database: str, port: int) -> None:
        api_port = self._processes.port("api") or free_port()
        if self._processes.ensure(services.api(reader, database, api_port)):
            self._tell("API: started")
        if self._processes.ensure(services.caddy(api_port, port, self._home)):
            self._tell("Caddy: started")

    def _loaded(self) -> Loaded | None:
        try:
            return Loaded(**json.loads(self._loaded_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # none, or of another release
            return None

    def _write(self, loaded: Loaded) -> None:
        write_private(self._loaded_file, json.dumps(asdict(loaded), indent=1) + "\n")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep a second make away; it waits."""
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            file = (self._home / "lock").open("w")
        except PermissionError as error:
            raise InputError(
                f"{self._home} belongs to another user, who must start and stop this demo"
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
