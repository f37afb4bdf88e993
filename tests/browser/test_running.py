"""The pages on a backfill that runs: real workers, the simulated API, and Flower as its command starts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.browser import THEMES, Browser
from tests.flowers import free_port
from tests.recordings import make_recordings, media_in
from tests.system.machine import Command, Machine
from tests.system.scenarios import set_up
from tests.waiting import await_true

pytestmark = pytest.mark.long
COUNT = 120


def done(browser: Browser) -> int:
    """Read from the page how many recordings are done."""
    return int(browser.find('tr[data-key="calls"] [data-label="Done"]').text.replace(",", "") or 0)


def tasks(browser: Browser, url: str) -> str:
    """Open the page of tasks, which does not change by itself, and read its table."""
    browser.open(f"{url}/tasks")
    browser.await_text("calls.", "#tasks-table tbody")
    return browser.text("#tasks-table tbody")


def open_flower(machine: Machine, browser: Browser) -> tuple[Command, str]:
    """Start it, log in as it says, and give its address."""
    port = free_port()
    command = machine.start("flower", "--port", str(port))
    kept = machine.data / "flower" / "password"
    await_true(lambda: kept.is_file() and kept.read_text(), "there is a password", within_s=30)
    browser.log_in(f"flower:{kept.read_text().strip()}")
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            browser.open(f"{url}/batches")
        except Exception:  # noqa: BLE001 - it does not listen yet
            return False
        return bool(browser.all("main"))

    await_true(answers, "Flower listens", within_s=30)
    return command, url


def test_a_backfill_is_watched_stopped_and_brought_to_its_end(browser: Browser, tmp_path: Path) -> None:
    with set_up(tmp_path) as (machine, simulator):
        recordings = make_recordings(tmp_path / "recordings", COUNT)
        backfill = machine.start(
            "backfill", recordings.manifest, settings={"GONG_INGEST_REQUESTS_PER_SECOND": "4"}
        )
        flower, url = open_flower(machine, browser)

        browser.find('tr[data-key="calls"]')
        bar = browser.find('tr[data-key="calls"] .bar-done')
        seen, width = done(browser), bar.size["width"]
        await_true(lambda: done(browser) > seen + 3, "the numbers move", within_s=40)
        await_true(lambda: bar.size["width"] > width, "the bar moves", within_s=20)
        browser.await_text("running", 'tr[data-key="calls"]')

        browser.find('button[aria-label="Pause calls"]').click()
        browser.await_text("paused", 'tr[data-key="calls"]')
        # what is under way is finished first
        await_true(lambda: counts(machine)["active"] == 0, "nothing is under way", within_s=30)
        held = counts(machine)
        requests = simulator.health()["requests"]
        browser.await_text(str(held["done"]), 'tr[data-key="calls"] [data-label="Done"]')
        for name, path in (("running-paused", "/batches"), ("running-batch", "/batch?name=calls")):
            for theme in THEMES:
                browser.look_like(theme, 1440)
                browser.open(url + path)
                browser.find(".status-dot-live")
                browser.picture(name)
        assert counts(machine) == held
        assert simulator.health()["requests"] == requests

        browser.open(f"{url}/batches")
        browser.find('button[aria-label="Resume calls"]').click()
        await_true(lambda: done(browser) > held["done"], "it goes on", within_s=30)
        await_true(lambda: "THROTTLED" in tasks(browser, url), "tasks wait for their turn", within_s=40)
        assert "batch=calls" in browser.text("#tasks-table")
        for theme in THEMES:
            browser.look_like(theme, 1440)
            browser.picture("tasks")
        browser.open(f"{url}/budget")
        browser.await_text("answered OK")
        browser.picture("running-budget")

        browser.open(f"{url}/batches")
        browser.await_text("finished", 'tr[data-key="calls"]', within_s=150)
        finished = backfill.finish(within_s=60)
        assert finished.code == 0, finished.written
        assert media_in(simulator) == recordings.expected()
        flower.interrupt()
        assert flower.finish().code == 0


def counts(machine: Machine) -> dict[str, int]:
    """Ask the command what the page shows."""
    (batch,) = json.loads(machine.run("status", "--json").stdout)["batches"]
    return {name: batch[name] for name in ("pending", "active", "done")}
