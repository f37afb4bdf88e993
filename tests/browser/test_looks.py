"""How the pages look: three widths, light and dark, and what axe-core says of them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from pipeline.job import job_id_of
from pipeline.limiter import Limiter
from pipeline.settings import Settings
from tests.browser.browser import THEMES, WIDTHS, Browser
from tests.browser.scenes import CALLS, HOSTILE, five_hundred_dead_letters
from tests.flowers import Flower, running_flower
from tests.ledgers import Filled
from tests.servers import running_server

pytestmark = pytest.mark.long
NAMESPACE = "looks"
LARGE = 100_000


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    """A ledger with everything in it, on a server of its own."""
    with running_server() as server:
        ledger = Filled.on(server.url, NAMESPACE)
        five_hundred_dead_letters(ledger)
        yield ledger
        ledger.close()


@pytest.fixture(scope="module")
def flower(filled: Filled) -> Iterator[Flower]:
    """Flower on it."""
    with running_flower(filled.url, NAMESPACE) as running:
        yield running


def pages_of(filled: Filled) -> dict[str, str]:
    """Name every page, with its address."""
    dead = filled.control.dead_letters(CALLS, most=1, code="duplicate_content")[0].job_id
    uploading = next(job for job in filled.ledger.under_way() if job.sent_bytes)
    return {
        "batches": "/batches",
        "batch": f"/batch?name={CALLS}&code=duplicate_content",
        "hostile": f"/batch?name={quote(HOSTILE, safe='')}",
        "call-dead": f"/call/{dead}",
        "call-upload": f"/call/{uploading.job_id}",
        "call-done": f"/call/{job_id_of('old-1')}",
        "budget": "/budget",
        "not-found": "/call?q=nobody",
    }


def look_over(browser: Browser, name: str, url: str) -> list[str]:
    """Look at a page at every width in both themes; gives what is wrong."""
    problems = []
    for theme in THEMES:
        for width in WIDTHS:
            browser.look_like(theme, width)
            browser.open(url)
            browser.find("main")
            where = f"{name}, {theme}, {width}: "
            problems += [f"{where}beyond the edge: {each}" for each in browser.beyond_the_edge()]
            problems += [where + each for each in browser.accessibility_problems()]
            browser.picture(name)
    return problems


def test_every_page_is_seen_at_every_width_and_is_accessible(
    browser: Browser, flower: Flower, filled: Filled
) -> None:
    problems = [
        problem
        for name, path in pages_of(filled).items()
        for problem in look_over(browser, name, flower.seen + path)
    ]
    assert not problems, "\n".join(problems)
    assert complaints(browser) == []


def test_below_a_prefix_every_page_is_whole(browser: Browser, filled: Filled) -> None:
    with running_flower(filled.url, NAMESPACE, prefix="/calls/flower") as flower:
        for name, path in pages_of(filled).items():
            browser.open(flower.seen + path)
            browser.find("main h1")
            # it was told anew, from its own address
            if name != "not-found":
                browser.find(".status-dot-live")
            browser.picture(f"prefix-{name}")
        for entry in ("Budget", "Batches"):
            next(each for each in browser.all(".nav-link") if each.text == entry).click()
            browser.await_text(entry.upper(), "h1")
        assert complaints(browser) == []


def complaints(browser: Browser) -> list[str]:
    """List what the browser complains of; what is not found is answered so, and it complains of that."""
    return [each for each in browser.complaints() if "/call?q=nobody" not in each]


def test_a_name_with_html_in_it_is_text(browser: Browser, flower: Flower, filled: Filled) -> None:
    browser.open(f"{flower.seen}/batches")
    link = next(each for each in browser.all(".batch-name a") if each.text == HOSTILE)
    link.click()
    browser.await_text(HOSTILE, "h1")
    assert browser.driver.title == f"{HOSTILE} · Batches · Flower"
    assert browser.all("main img") == []
    browser.run("document.querySelector('[value=cancel]').click()")
    browser.await_text(f"of {HOSTILE}?", "#ask-question")


def test_a_closed_gate_is_seen(browser: Browser, filled: Filled) -> None:
    limiter = Limiter.from_settings(Settings(), filled.store)
    limiter.close_for(5_400, "The API answered 429; Retry-After: 5400")
    try:
        with running_flower(filled.url, NAMESPACE) as flower:
            for name, path in (("gate-batches", "/batches"), ("gate-budget", "/budget")):
                assert not look_over(browser, name, flower.seen + path)
                browser.await_text("The gate is closed")
    finally:
        limiter.open_by_hand()


def test_an_empty_ledger_says_how_to_begin(browser: Browser, filled: Filled) -> None:
    with running_flower(filled.url, "empty") as flower:
        for name, path in (("empty-batches", "/batches"), ("empty-budget", "/budget")):
            assert not look_over(browser, name, flower.seen + path)
        browser.open(f"{flower.seen}/batches")
        browser.await_text("gong-ingest backfill calls.jsonl")
        # the first batch appears by itself
        Filled.on(filled.url, "empty").submit("first", ["pbx-1"])
        browser.await_text("first", ".batches-table")


def test_a_large_batch_is_seen_at_once(browser: Browser) -> None:
    """A million are measured by `python -m bench pages`; here as many as are handed in within seconds."""
    with running_server() as server:
        ledger = Filled.on(server.url, NAMESPACE)
        ledger.submit("calls-2019-2026", [f"pbx-{number:07}" for number in range(LARGE)])
        ledger.bring_in(1_234)
        with running_flower(server.url, NAMESPACE) as flower:
            for name, path in (("large-batches", "/batches"), ("large-batch", "/batch?name=calls-2019-2026")):
                assert not look_over(browser, name, flower.seen + path)
            browser.await_text(f"1,234 of {LARGE:,} recordings done", ".batch-line")
        ledger.close()
