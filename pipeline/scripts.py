"""The texts of the scripts on the ledger's server: `lua/`, one file each, and what stands before them."""

from __future__ import annotations

from importlib import resources

# What stands before a script, behind the prelude of all.
PRELUDES = {
    "limiter_prelude": frozenset(
        {
            "acquire",
            "budget",
            "close",
            "day",
            "gate",
            "limits",
            "note_failure",
            "note_late",
            "note_success",
            "open",
            "probe_now",
            "set_limits",
        }
    ),
    "duty_prelude": frozenset({"look_at_intake", "next_events", "note_delivery"}),
    "stream_prelude": frozenset({"deliveries", "next_events", "note_delivery", "want_events"}),
    "rows_prelude": frozenset(
        {
            "close_manifest",
            "find_call",
            "forget_batch",
            "forget_rows",
            "forget_strays",
            "manifests",
            "open_manifest",
            "read_rows",
            "reject",
            "submit",
            "take_from_intake",
        }
    ),
}


def script_text(name: str) -> str:
    """Give a script with the text that stands before it."""
    preludes = ["prelude", *(prelude for prelude, names in PRELUDES.items() if name in names)]
    folder = resources.files("pipeline") / "lua"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in [*preludes, name])
