"""The system's Chromium, without a screen, as a person uses it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.waiting import await_true

ROOT = Path(__file__).parents[2]
# Kept after the run, to be looked at.
PICTURES = ROOT / ".cache" / "browser"
AXE = ROOT / ".cache" / "axe-core"
AXE_VERSION = "4.14.1"
WIDTHS = (1440, 820, 390)
THEMES = ("light", "dark")
HEIGHT_MAX = 2600
WITHIN_S = 30.0
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)

BEYOND_THE_EDGE = """
const wide = document.documentElement.scrollWidth > window.innerWidth ? ['the page'] : [];
const hidden = element => element.closest('.visually-hidden, thead, [hidden], dialog:not([open])');
const cut = [...document.querySelectorAll('main *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width > 2 && box.right > window.innerWidth + 1 && !hidden(element);
});
return wide.concat(cut.map(element => element.outerHTML.slice(0, 120)));
"""


@dataclass(slots=True)
class Browser:
    """A browser with one page open."""

    driver: webdriver.Chrome
    theme: str = "light"
    width: int = WIDTHS[0]

    def log_in(self, login: str) -> None:
        """Send name and password with every request, as after the browser's own question."""
        value = f"Basic {base64.b64encode(login.encode()).decode()}"
        self._cdp("Network.enable")
        self._cdp("Network.setExtraHTTPHeaders", headers={"Authorization": value} if login else {})

    def look_like(self, theme: str, width: int, height: int = 900) -> None:
        """Take a theme and a size."""
        self.theme, self.width = theme, width
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            # nobody waits for what scrolls slowly
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self._cdp("Emulation.setEmulatedMedia", features=features)
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, url: str) -> None:
        """Open a page."""
        self.driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Find an element, which may come later."""
        await_true(lambda: self.all(selector), f"there is {selector}", within_s=WITHIN_S)
        return self.all(selector)[0]

    def all(self, selector: str) -> list[WebElement]:
        """Find every element."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str = "main") -> str:
        """Read what is shown; nothing while the element is not there."""
        found: str = self.run(
            "const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", selector
        )
        return found

    def await_text(self, text: str, selector: str = "main", *, within_s: float = WITHIN_S) -> None:
        """Wait until something is shown."""
        await_true(
            lambda: text in self.text(selector),
            f"{selector} shows {text!r}, not {self.text(selector)!r}",
            within_s=within_s,
        )

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def tab_to(self, selector: str, *, most: int = 60) -> None:
        """Go there with the tabulator alone."""
        for _ in range(most):
            self.press(Keys.TAB)
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                return
        raise AssertionError(f"The tabulator leads to no {selector}.")

    def picture(self, name: str) -> Path:
        """Take a picture of the whole page."""
        path = PICTURES / f"{name}-{self.theme}-{self.width}.png"
        height = min(HEIGHT_MAX, int(self.run("return document.documentElement.scrollHeight")))
        self.look_like(self.theme, self.width, max(900, height))
        self.driver.save_screenshot(str(path))
        self.look_like(self.theme, self.width)
        return path

    def beyond_the_edge(self) -> list[str]:
        """List what a person would have to scroll sideways for, or what is cut off there."""
        found: list[str] = self.run(BEYOND_THE_EDGE)
        return found

    def complaints(self) -> list[str]:
        """List what the browser complains of: scripts that fail, files that are not there."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]  # selenium has none

    def accessibility_problems(self) -> list[str]:
        """List what axe-core takes for serious."""
        if not self.run("return Boolean(window.axe)"):
            self.run((AXE / "package" / "axe.min.js").read_text("utf-8"))
        self.driver.set_script_timeout(60)
        result = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']})"
            ".then(done, error => done({error: String(error)}))"
        )
        assert "violations" in result, result
        return [
            f"{each['impact']}: {each['id']}: {node['html'][:200]} ({node['failureSummary']})"
            for each in result["violations"]
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]

    def _cdp(self, command: str, **arguments: Any) -> None:
        self.driver.execute_cdp_cmd(command, arguments)


def program(*names: str) -> str:
    """Find a program of the system's packages; a test that needs it fails without."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError(
        f"{names[0]} is not installed (Debian: apt-get install chromium chromium-driver npm)."
    )


def bring_axe() -> None:
    """Bring axe-core from npm, once."""
    if (AXE / "package" / "axe.min.js").is_file():
        return
    AXE.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [program("npm"), "pack", f"axe-core@{AXE_VERSION}", "--silent"],
        cwd=AXE,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with tarfile.open(AXE / f"axe-core-{AXE_VERSION}.tgz") as archive:
        archive.extract("package/axe.min.js", AXE, filter="data")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(program("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
