"""Problems in groups of a kind, so that a million of them fit on a screen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.preflight import WARNINGS, Finding

EXAMPLES_MAX = 3
# A manifest can have a column or key of another wrong name in every row; from here on they are one group.
GROUPS_MAX = 100

_TITLES = {
    "row_malformed": "rows that cannot be read",
    "call_invalid": "calls that the API would refuse",
    "media_missing": "media that is not there",
    "media_empty": "media that is empty",
    "media_too_large": "media that is too large",
    "media_unreadable": "media that cannot be read",
    "media_kind": "media that is neither audio nor video",
    "media_outside_roots": "media outside the media roots",
    "media_scheme_unknown": "media at an address that is not supported",
    "media_address_forbidden": "media at an address that is not allowed",
    "media_source_missing": "media at a place that is not set up here",
    "media_changed": "media that changed while it was looked at",
    "media_unavailable": "media that cannot be reached now",
    "media_not_linked": "media that no link can be given to",
    "media_short": "recordings shorter than 30 s",
    "row_corrected": "rows that were corrected elsewhere, and stay what they became",
    "id_twice": "the same clientUniqueId twice",
    "row_twice": "the same row twice",
    "media_twice": "the same file twice",
    "url_twice": "the same downloadMediaUrl twice",
}
_INDEX = re.compile(r"(?<=\.)\d+(?=\.|\s|$)")
_FIELD_MAX_CHARACTERS = 60


@dataclass(slots=True)
class Group:
    """Problems of one kind.

    Attributes:
        name: The field of the call, `N` for every index; empty where the code says it all.
        examples: The first of them.
    """

    code: str
    name: str
    count: int = 0
    examples: list[Finding] = field(default_factory=list)

    @property
    def is_warning(self) -> bool:
        """Tell whether rows are brought in all the same."""
        return self.code in WARNINGS

    @property
    def title(self) -> str:
        """What they have in common."""
        title = _TITLES.get(self.code, self.code)
        return f"{title}: {self.name}" if self.name else title


class Groups:
    """The groups of a manifest's problems."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], Group] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Put problems into their groups."""
        for finding in findings:
            group = self._group_of(finding)
            group.count += 1
            if len(group.examples) < EXAMPLES_MAX:
                group.examples.append(finding)

    def _group_of(self, finding: Finding) -> Group:
        name = ""
        if finding.code in {"call_invalid", "row_malformed"}:
            name = _INDEX.sub("N", finding.field)
        if len(name) > _FIELD_MAX_CHARACTERS or len(self._groups) >= GROUPS_MAX:
            name = name if (finding.code, name) in self._groups else ""
        return self._groups.setdefault((finding.code, name), Group(finding.code, name))

    def errors(self) -> list[Group]:
        """Give the groups that keep rows out, the largest first."""
        return self._sorted(of_warnings=False)

    def warnings(self) -> list[Group]:
        """Give the groups that keep no row out, the largest first."""
        return self._sorted(of_warnings=True)

    def counts(self) -> dict[str, int]:
        """Count the problems by their codes."""
        counts: dict[str, int] = {}
        for group in self._groups.values():
            counts[group.code] = counts.get(group.code, 0) + group.count
        return counts

    def _sorted(self, *, of_warnings: bool) -> list[Group]:
        chosen = [group for group in self._groups.values() if group.is_warning is of_warnings]
        return sorted(chosen, key=lambda group: -group.count)
