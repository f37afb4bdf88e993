"""This machine: where its settings come from, its media roots, and the room on its disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import Finding, ok, problem, warning
from pipeline.doctor.patient import Patient
from pipeline.settings.address import scheme_of

# Logs and the embedded server's file grow by some 500 bytes a recording.
ROOM_LITTLE_BYTES, ROOM_TOO_LITTLE_BYTES = 2_000_000_000, 200_000_000
# What reads media in places that not everybody has, and how to have it.
LIBRARIES = {
    "s3": ("boto3", "s3"),
    "gs": ("google.cloud.storage", "gs"),
    "az": ("azure.storage.blob", "az"),
    "sftp": ("paramiko", "sftp"),
}


def profile(patient: Patient) -> Iterator[Finding]:
    """Say which settings hold."""
    yield ok("settings", f"{patient.profile}; namespace {patient.settings.namespace}.")


def media_roots(patient: Patient) -> Iterator[Finding]:
    """Look whether media below each root could be read here."""
    roots = patient.settings.media_roots
    if not roots and not patient.is_embedded:
        yield warning(
            "media roots",
            "None is set, so workers on this machine read no local media.",
            "Set GONG_INGEST_MEDIA_ROOTS on each machine with workers, unless all media is on the web.",
        )
    elif not roots:
        yield ok("media roots", "None is set; media is looked for beside the manifest.")
    for root in roots:
        yield _folder(root) if isinstance(root, Path) else _address(root)


def _folder(root: Path) -> Finding:
    if not root.is_dir():
        return problem(
            "media roots", f"{root} is not a folder here.", "Mount it, or correct GONG_INGEST_MEDIA_ROOTS."
        )
    try:
        with os.scandir(root) as entries:
            is_empty = next(entries, None) is None
    except OSError as error:
        return problem(
            "media roots",
            f"{root} cannot be read: {error.strerror}.",
            f"Let user {os.geteuid()} read it, here and below.",
        )
    if is_empty:
        return warning("media roots", f"{root} is empty.", "If a share should be mounted there, it is not.")
    return ok("media roots", f"{root} can be read.")


def _address(root: str) -> Finding:
    module, extra = LIBRARIES.get(scheme_of(root), ("", ""))
    try:
        is_there = not module or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        return problem(
            "media roots",
            f"What reads {root} is not installed here.",
            f"pip install 'gong-call-ingest[{extra}]'",
        )
    return ok("media roots", f"{root} is allowed; `gong-ingest check` looks whether its media can be read.")


def _unwritable(patient: Patient, folder: Path) -> Finding:
    """In a container nothing need be kept there, unless it is a server's file or the next OAuth tokens."""
    if patient.is_embedded or patient.settings.oauth_client_id:
        return problem(
            "disk", f"{folder} cannot be written.", "Set GONG_INGEST_DATA_DIR to a folder that can be."
        )
    return ok("disk", f"{folder} cannot be written, and nothing here has to be.")


def disk(patient: Patient) -> Iterator[Finding]:
    """Look how much room there is for the embedded server's file and for logs."""
    folder = patient.settings.data_dir
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:,.1f} GB free for {folder}."
    if not os.access(there, os.W_OK):
        yield _unwritable(patient, there)
    elif free < ROOM_TOO_LITTLE_BYTES:
        yield problem("disk", told, "Make room: without it the embedded server stops to take writes.")
    elif free < ROOM_LITTLE_BYTES:
        yield warning("disk", told, "A ledger of a million recordings takes about 1 GB, and its logs more.")
    else:
        yield ok("disk", told)
