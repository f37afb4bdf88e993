"""What a person does with the pages."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from pipeline.job import job_id_of
from tests.browser.browser import Browser
from tests.browser.scenes import CALLS, REASONS, five_hundred_dead_letters
from tests.flowers import Flower, running_flower
from tests.ledgers import Filled
from tests.servers import Server, running_server
from tests.waiting import await_true

pytestmark = pytest.mark.long
NAMESPACE = "using"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that a test may stop."""
    with running_server() as running:
        yield running


@pytest.fixture
def filled(server: Server) -> Iterator[Filled]:
    """A ledger with something to do in it."""
    ledger = Filled.on(server.url, NAMESPACE)
    five_hundred_dead_letters(ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def flower(server: Server, filled: Filled) -> Iterator[Flower]:
    """Flower on it."""
    with running_flower(server.url, NAMESPACE) as running:
        yield running


def press_button(browser: Browser, label: str) -> None:
    browser.find(f'button[aria-label="{label}"]').click()


def test_who_does_not_know_the_password_sees_nothing(browser: Browser, flower: Flower) -> None:
    browser.log_in("")
    for path in ("/batches", f"/batch?name={CALLS}", "/budget"):
        browser.open(flower.seen + path)
        assert CALLS not in browser.driver.page_source
        assert browser.all("main") == []


def test_the_dead_of_one_reason_are_brought_back_until_none_is_left(
    browser: Browser, flower: Flower, filled: Filled
) -> None:
    browser.open(f"{flower.seen}/batch?name={CALLS}&code=bad_request")
    browser.await_text("bad_request", ".reasons-table")
    browser.await_text("Dead of bad_request the newest 50", "[aria-labelledby=letters]")

    press_button(browser, "Retry all of bad_request")

    browser.await_text("Brought back 100 recordings.", "#toast-container")
    browser.await_text("None is left of this reason.", "[aria-labelledby=letters]")
    assert "bad_request" not in browser.text(".reasons-table")
    assert {reason.code for reason in filled.control.dead_reasons(CALLS)} == REASONS.keys() - {"bad_request"}


def test_one_dead_letter_is_brought_back_from_the_page_of_its_recording(
    browser: Browser, flower: Flower, filled: Filled
) -> None:
    letter = filled.control.dead_letters(CALLS, most=1, code="media_missing")[0]
    browser.open(f"{flower.seen}/call/{letter.job_id}")
    browser.find("form.actions button").click()
    browser.await_text("pending", ".batch-line")
    assert filled.ledger.counts(CALLS).dead == 499


def test_a_cancel_is_asked_about_and_can_be_taken_back_by_the_keyboard_alone(
    browser: Browser, flower: Flower, filled: Filled
) -> None:
    browser.open(f"{flower.seen}/batches")
    browser.find(".status-dot-live")
    cancel = f'button[aria-label="Cancel {CALLS}"]'
    browser.tab_to(cancel)
    browser.press(Keys.ENTER)
    browser.await_text(f"Cancel 1,796 recordings of {CALLS}?", "#ask-question")
    browser.picture("ask")
    assert browser.run("return document.activeElement.closest('dialog') !== null")
    browser.press(Keys.ESCAPE)
    await_true(lambda: not browser.all("dialog[open]"), "the question is gone")
    assert browser.run("return document.activeElement.matches(arguments[0])", cancel)
    assert not filled.ledger.counts(CALLS).cancelled

    browser.press(Keys.ENTER)
    browser.find("dialog[open]")
    browser.tab_to("#ask-yes", most=3)
    browser.press(Keys.ENTER)
    browser.await_text("Cancelled 1,796 recordings", "#toast-container")
    assert filled.ledger.counts(CALLS).cancelled == 1_796


def test_the_focus_stays_where_it_is_while_the_page_changes(
    browser: Browser, flower: Flower, filled: Filled
) -> None:
    browser.open(f"{flower.seen}/batches")
    button = browser.find(f'button[aria-label="Pause {CALLS}"]')
    browser.run("arguments[0].focus()", button)
    before = browser.find(f'tr[data-key="{CALLS}"] .bar-done')
    width = before.value_of_css_property("width")

    filled.control.pause("renewals-2025")
    filled.bring_in(600)

    await_true(lambda: before.value_of_css_property("width") != width, "the very same bar grows", within_s=20)
    assert browser.run("return document.activeElement === arguments[0]", button)
    # the batch that came in between changes nothing about the others
    filled.submit("newest", ["new-1"])
    browser.await_text("newest", ".batches-table")
    assert browser.run("return document.activeElement === arguments[0]", button)
    assert browser.run("return arguments[0].isConnected", before)


def test_a_recording_is_found_by_what_is_known_of_it(
    browser: Browser, flower: Flower, filled: Filled
) -> None:
    record = filled.control.find("old-7")
    assert record
    for asked in ("old-7", str(record.call_id)):
        browser.open(f"{flower.seen}/batches")
        browser.find("#find").send_keys(asked, Keys.ENTER)
        browser.await_text("old-7", "h1")
        assert browser.driver.current_url == f"{flower.seen}/call/{job_id_of('old-7')}"
        assert browser.find("a.batch-ends").get_attribute("href") == record.url


def test_the_page_says_that_the_server_is_gone_and_recovers_by_itself(
    browser: Browser, flower: Flower, server: Server
) -> None:
    for path in ("/batches", f"/batch?name={quote(CALLS)}", "/budget", f"/call/{job_id_of('old-7')}"):
        browser.open(flower.seen + path)
        browser.find(".status-dot-live")
        shown = browser.text("#live")
        server.kill()
        browser.await_text("cannot be used", "#problem")
        assert browser.text("#live").split()[:3] == shown.split()[:3], "what was seen last stays"
        browser.picture(f"gone{path.split('?')[0].replace('/', '-')}"[:20])
        server.start()
        await_recovered(browser, shown)
        # who comes while it is gone is told as well, and needs not come again
        server.kill()
        browser.open(flower.seen + path)
        browser.await_text("cannot be used", "#problem")
        server.start()
        await_recovered(browser, shown)


def await_recovered(browser: Browser, shown: str) -> None:
    """Wait until the page, which nobody loaded anew, shows what it showed before."""
    browser.find(".status-dot-live")
    await_true(lambda: not browser.all("#problem:not([hidden])"), "nothing is wrong any more")
    assert browser.text("#live").split()[:3] == shown.split()[:3]


def test_the_page_says_that_flower_is_gone(browser: Browser, flower: Flower) -> None:
    browser.open(f"{flower.seen}/batches")
    browser.find(".status-dot-live")
    flower.process.terminate()
    browser.await_text("Flower does not answer.", "#problem")
