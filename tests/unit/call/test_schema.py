"""The types of fields by their paths."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.call import kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("clientUniqueId", "string"),
        ("duration", "number"),
        ("parties", "object"),
        ("parties.0", "object"),
        ("parties.12.mediaChannelId", "integer"),
        ("flowContext", "object"),
        ("speakersTimeline.precise", "boolean"),
        ("speakersTimeline.speechSegments.0.partyIds", "object"),
        ("speakersTimeline.speechSegments.0.partyIds.1", "string"),
        ("parties.0.context.0.objects.0.fields.0.value", "any"),
        ("parties.0.context.0.objects.0.fields.0.value.a.0", "any"),
    ],
)
def test_the_kind_of_a_field_is_known_by_its_path(path: str, kind: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    "path",
    ["", ".", "nothing", "parties.", "parties.x", "parties.-1",
     "parties.\u0660", "parties.name", "title.0", "duration.x",
     "parties.0.name.first", "flowContext.0", " title", "Title", "clientUniqueId.", ".title",
     "context.0.objects.0.fields.0.value."],
)  # fmt: skip
def test_a_path_that_leads_nowhere_has_no_kind(path: str) -> None:
    assert kind_of(path) is None


def test_importing_it_takes_nothing_but_marshmallow_and_the_standard_library() -> None:
    script = (
        "import sys; before = set(sys.modules); import pipeline.call;"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(loaded - set(sys.stdlib_module_names)))"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert loaded == "['marshmallow', 'pipeline']\n"
