"""`python -m tessera_local`: what the Makefile calls."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

import typer

from tessera_catalog.application import Application
from tessera_catalog.run import run
from tessera_local.binaries import find_binaries
from tessera_local.cluster import Cluster
from tessera_local.qgis import write_project
from tessera_local.server import server_of_environment
from tessera_local.services import ROOT
from tessera_local.stack import DEFAULT_PORT, Stack, Wanted

HOME = ROOT / ".local"

app = Application()


def _tell(line: str) -> None:
    typer.echo(line, err=True)


@app.verb
def demo(
    tiles: Annotated[int | None, typer.Option(help="size of the synthetic registry")] = None,
    registry: Annotated[str | None, typer.Option(help="a registry to show instead")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help=f"default {DEFAULT_PORT}")
    ] = None,
) -> None:
    """Start everything and print the addresses."""
    address = Stack(HOME, _tell).start(Wanted(tiles, registry, port))
    typer.echo(f"""
The catalogue is running:
  map                      {address}
  STAC API                 {address}/api
  its documentation        {address}/api/api.html
  in the STAC Browser      {address}/browser/
For tools in this shell:   eval "$(make env)"
Stop it:                   make stop""")


@app.verb
def stop() -> None:
    """Stop what `demo` started."""
    stopped = Stack(HOME, _tell).stop()
    _tell(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.verb
def clean() -> None:
    """Stop everything and delete the demo's files, the database's too."""
    Stack(HOME, _tell).clean()


@app.verb
def env() -> None:
    """Print shell `export` lines for the running demo."""
    for name, value in Stack(HOME, _tell).environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.verb
def qgis() -> None:
    """Write a project for QGIS that opens the running demo's database, and print its path."""
    environment = Stack(HOME, _tell).environment()
    typer.echo(write_project(HOME / "geotessera.qgs", environment))


@app.verb
def needs_postgres() -> None:
    """Exit 0 when there is a PostgreSQL to use, else say what to install (exit 2)."""
    if server_of_environment(os.environ, Cluster(HOME, {}).server) is None:
        find_binaries()


if __name__ == "__main__":
    run(app, "demo", bounded=False)
