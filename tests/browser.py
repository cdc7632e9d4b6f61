"""Pages as people see them, in Chromium without a window: on a phone, on a desk, on paper."""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PHONE, DESK = 390, 1280  # CSS pixels
PAPER = 718  # A4 within margins of 1 cm
HEIGHT = 900
PROGRAMS = (("chromium", "chromium-browser", "google-chrome"), ("chromedriver",))
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--force-prefers-reduced-motion",
)
# Elements that stick out of the window, unless a box around them scrolls or hides what is too wide
STICKING_OUT = """
const wide = document.documentElement.clientWidth;
const contained = e => {
  for (let box = e.parentElement; box && box !== document.body; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== 'visible') return true;
  return false;
};
return [...document.body.querySelectorAll('*')]
  .filter(e => { const r = e.getBoundingClientRect(); return r.width && (r.right > wide + 1 || r.left < -1) && !contained(e); })
  .map(e => e.outerHTML.slice(0, 120));
"""
# Innermost boxes whose content is wider than they are: a screen can scroll them, paper can't
CUT = """
const found = [...document.body.querySelectorAll('*')]
  .filter(e => e instanceof HTMLElement && e.clientWidth && e.scrollWidth > e.clientWidth + 1);
return found.filter(e => !found.some(inner => inner !== e && e.contains(inner)))
  .map(e => `${e.scrollWidth} in ${e.clientWidth}: ${e.outerHTML.slice(0, 120)}`);
"""


class Browser:
    """One page at a time. Get it from the fixture `browser`."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.page = ""

    def open(self, page: Path | str, width: int = DESK) -> None:
        """Load a file, or the page at an address, in a window of this width; forget what was said before."""
        self._forget()
        self.page = page if isinstance(page, str) else page.resolve().as_uri()
        self.resize(width)
        self.driver.get(self.page)

    def resize(self, width: int) -> None:
        """Make the window this wide: exactly, also where Chromium's own window can't be so narrow."""
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page; what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """The first element that a CSS selector finds; it has `click()`, `text` and the rest of Selenium's methods."""
        return self.driver.find_element("css selector", selector)

    def complaints(self) -> list[str]:
        """Warnings and errors of the console since the page was opened."""
        entries = self.driver.get_log("browser")
        return [e["message"] for e in entries if e["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses that the page asked for since it was opened, but for its own and for data inside of it."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "blob:")) and url.split("#")[0] != self.page]

    def sticking_out(self) -> list[str]:
        """Elements that stick out of the window, so that the whole page would scroll to the side."""
        return self.run(STICKING_OUT)

    @contextmanager
    def on_paper(self) -> Iterator[None]:
        """The page as it is printed, as wide as a sheet of A4."""
        self.resize(PAPER)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

    def cut_on_paper(self) -> list[str]:
        """Boxes whose content is wider than they are when the page is printed."""
        with self.on_paper():
            return self.run(CUT)

    def pdf(self) -> bytes:
        """The page printed on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", paper)["data"])

    def picture(self, file: Path) -> None:
        """Save the whole page as a PNG, for people."""
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        file.write_bytes(base64.b64decode(shot["data"]))

    def tab_stops(self, most: int = 500) -> list[str]:
        """The elements that the Tab key reaches, in its order: each as `tag#id` or `tag text`."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        stops: list[str] = []
        self.run("window.tabbed = []; document.activeElement.blur(); window.scrollTo(0, 0)")
        for _ in range(most):
            ActionChains(self.driver).send_keys(Keys.TAB).perform()
            stop = self.run(
                "const e = document.activeElement; if (e === document.body || window.tabbed.includes(e)) return null;"
                "window.tabbed.push(e); const t = e.tagName.toLowerCase();"
                "return e.id ? `${t}#${e.id}` : `${t} ${e.textContent.trim().slice(0, 40)}`.trim()"
            )
            if stop is None:
                break
            stops.append(stop)
        return stops

    def _forget(self) -> None:
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, started once; tests that need it are skipped where it, its driver or Selenium is absent."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium, which is in hwasc[dev]")
    from selenium.webdriver.chrome.service import Service

    program, driver = (next(filter(None, map(shutil.which, names)), None) for names in PROGRAMS)
    if not program or not driver:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = program
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        for flag in flags:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        started = selenium.Chrome(options=options, service=Service(driver))
        try:
            yield Browser(started)
        finally:
            started.quit()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """Chromium in a window of 1,280 pixels, with nothing open."""
    chromium.open("about:blank")
    return chromium
