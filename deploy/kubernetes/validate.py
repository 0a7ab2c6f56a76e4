"""Hold the manifests of this folder against the schemas of their kinds.

    python validate.py [CRD.yaml …]

Strictly: a field that its kind does not have fails. The schemas of the built-in kinds, for the
oldest and the newest version of Kubernetes meant, and of Dask's are in the packages of
requirements/schemas.txt. Those of other kinds come from the files of their definitions, if given;
without, the kinds that were not held against anything are named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

HERE = Path(__file__).parent

FOLDERS = (HERE, HERE / "dask")
"""Those with a kustomization."""

VERSIONS = ("1.34", "1.36")
"""Of Kubernetes: those that CloudNativePG 1.30 is made for."""

DASK = "operator/deployment/helm/dask-kubernetes-operator/crds/daskcluster.yaml"

Schemas = Mapping[tuple[str, str], dict[str, Any]]
"""By apiVersion and kind."""


def manifests() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each object that the kustomizations name, and the file it is in."""
    for folder in FOLDERS:
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        for name in kustomization["resources"]:
            for document in yaml.safe_load_all((folder / name).read_text()):
                objects = document["items"] if document["kind"] == "List" else [document]
                for each in objects:
                    yield folder / name, each


def definitions(files: list[Path]) -> Schemas:
    """The schemas of Dask's clusters and of the kinds that these files define."""
    texts = [file.read_text() for file in files]
    texts.append((resources.files("dask_kubernetes") / DASK).read_text())
    found = {}
    for definition in (each for text in texts for each in yaml.safe_load_all(text) if each):
        spec = definition["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            for name in ("apiVersion", "kind", "metadata"):
                schema["properties"].setdefault(name, {})
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def strict(schema: Any) -> Any:
    """The same schema, but that objects have no fields beyond those it names."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") == "object" and "properties" in schema and not open_ended:
        made.setdefault("additionalProperties", False)
    return made


def faults(manifest: dict[str, Any], schemas: Schemas) -> Iterator[str]:
    """What is wrong with a manifest; SchemaNotFoundError for a kind of which nothing is known."""
    schema = schemas.get((manifest["apiVersion"], manifest["kind"]))
    try:
        if schema is not None:
            jsonschema.Draft202012Validator(schema).validate(manifest)
            return
        for version in VERSIONS:
            kubernetes_validate.validate(manifest, version, strict=True)
    except jsonschema.ValidationError as error:
        yield f"{'.'.join(map(str, error.path)) or 'the top'}: {error.message[:200]}"


def main(arguments: list[str]) -> int:
    """Tell the faults on stderr and the kinds on stdout; 1 when there is any fault."""
    schemas = definitions([Path(each) for each in arguments])
    held: set[str] = set()
    unknown: set[str] = set()
    faulty = False
    for file, manifest in manifests():
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        try:
            for fault in faults(manifest, schemas):
                faulty = True
                print(f"{file.relative_to(HERE)}: {kind} {name}: {fault}", file=sys.stderr)
            held.add(kind)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.add(kind)
    print(f"valid: {', '.join(sorted(held))}" if not faulty else "there are faults")
    if unknown:
        print(f"not held against any schema: {', '.join(sorted(unknown))}")
    return 1 if faulty or (arguments and unknown) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
