"""Bills of materials in CycloneDX, one for each lock file to run: `python -m tests.supply.bill FOLDER`.

Invariant: the same tree gives the same bytes, on any machine, whatever is installed there. So a bill has no
time, and its serial number is made of what it says. Packages are named with the hashes of all their files, as
pip checks them; which file is taken depends on the platform.
"""

from __future__ import annotations

import sys
import tomllib
import uuid
from collections.abc import Sequence
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tests.supply.licences import FILE, Licences, read_licences
from tests.supply.locks import PROJECT, RUNTIME, TREE, Locked, read_lock, runtime

# Of serial numbers; drawn once.
NAMESPACE = uuid.UUID("7d0f8a53-6f0c-4d0e-9d3c-7a1c33b1f2a4")


def write_bill(lock: str, licences: Licences) -> str:
    """Write the bill of a lock file's text."""
    packages = runtime(read_lock(lock))
    bom = Bom(serial_number=uuid.UUID(int=0))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # it is left out
    bom.metadata.tools.components.clear()
    own = bom.metadata.component = _own()
    components = {package.name: _component(package, licences) for package in packages}
    bom.components.update(components.values())
    for name, component in {PROJECT: own, **components}.items():
        wanted = (components[package.name] for package in packages if name in package.wanted_by)
        bom.register_dependency(component, wanted)
    bom.serial_number = uuid.uuid5(NAMESPACE, JsonV1Dot6(bom).output_as_string())
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _own() -> Component:
    project = tomllib.loads((TREE / "pyproject.toml").read_text("utf-8"))["project"]
    return Component(
        type=ComponentType.APPLICATION,
        name=PROJECT,
        version=project["version"],
        bom_ref=PROJECT,
        licenses=[LicenseFactory().make_from_string(project["license"])],
        purl=PackageURL("pypi", None, PROJECT, project["version"]),
    )


def _component(package: Locked, licences: Licences) -> Component:
    purl = PackageURL("pypi", None, package.name, package.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="each of its files has one of these hashes",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in package.hashes],
    )
    marker = [Property(name="python:marker", value=package.marker)] if package.marker else []
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        bom_ref=str(purl),
        licenses=[LicenseFactory().make_from_string(licences.packages[package.name])],
        purl=purl,
        external_references=[files],
        properties=marker,
    )


def main(arguments: Sequence[str]) -> None:
    """Write a bill for each of the runtime lock files."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    licences = read_licences(FILE.read_text("utf-8"))
    for name in RUNTIME:
        path = folder / f"{PROJECT}{name.removeprefix('requirements').removesuffix('.lock')}.cdx.json"
        path.write_text(write_bill((TREE / name).read_text("utf-8"), licences), "utf-8")
        print(path)  # noqa: T201 - this is what the command says


if __name__ == "__main__":
    main(sys.argv[1:])
