"""The search page in a browser: hover, keys, sorting, limits, commands; and still the same page without its script."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from hwasc.nas.trial import best
from tests.browser import PHONE, Browser
from tests.report.examples import search, trials

pytestmark = pytest.mark.slow

FOUND = trials(30)
LIMITS = {"macs.torchinfo": 10**9, "int8_memory.activations": 10**6}
CENTRE = "const r = arguments[0].getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]"
PANEL = ".limits ~ figure use[data-trial]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(search(FOUND, LIMITS))
    return path


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.open(page)
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    return browser


def pointer(browser: Browser, selector: str) -> tuple[Any, str]:
    """The pointer over an element: (actions that go on from there, its trial)."""
    from selenium.webdriver.common.action_chains import ActionChains

    item = browser.find(selector)
    browser.run("arguments[0].scrollIntoView({block: 'center'})", item)
    x, y = browser.run(CENTRE, item)
    actions = ActionChains(browser.driver)
    actions.w3c_actions.pointer_action.move_to_location(int(x), int(y))
    return actions, item.get_attribute("data-trial")


def command_of(browser: Browser) -> list[str]:
    return shlex.split(browser.driver.execute_async_script(
        "const done = arguments[0]; const look = () => { const c = document.querySelector('.said code');"
        "if (c && document.querySelector('.said b')) done(c.textContent); else setTimeout(look, 20) }; look()"
    ))  # fmt: skip


def test_the_pointer_shows_a_trial_and_a_click_gives_its_command(opened: Browser) -> None:
    actions, _ = pointer(opened, f"{PANEL}:nth-of-type(3)")
    actions.w3c_actions.pointer_action.click()
    actions.perform()
    words = command_of(opened)
    number = int(words[3].removeprefix("run:"))
    shown = opened.find(".card").text
    assert words[:3] == ["hwasc", "distill", "--arch"] and words[4:] == ["--run", f"run-trial{number}"]
    assert f"Trial {number} " in shown and f"{FOUND[number].accuracy:.1%}".replace("%", " %") in shown
    rings = opened.run(
        "return [...document.querySelectorAll('.ring')].map(r => r.closest('figure').innerText.slice(0, 6))"
    )
    assert len(set(rings)) == 3, "the same trial is marked in all three pictures"
    assert opened.find("tr.shown").get_attribute("data-trial") == str(number)
    assert opened.complaints() == [] and opened.requests() == []


def test_keys_go_from_point_to_point(opened: Browser) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    start = opened.find(f"{PANEL}[tabindex='0']")
    assert start.get_attribute("data-trial") == str(best(FOUND).number)
    opened.run("arguments[0].focus()", start)
    by_cost = sorted(FOUND, key=lambda t: t.macs)
    for key, expected in ((Keys.HOME, by_cost[0]), (Keys.ARROW_RIGHT, by_cost[1]), (Keys.END, by_cost[-1])):
        ActionChains(opened.driver).send_keys(key).perform()
        assert opened.run("return document.activeElement.dataset.trial") == str(expected.number)
        label = opened.run("return document.activeElement.getAttribute('aria-label')")
        assert f"MACs {expected.macs:,}" in label
    ActionChains(opened.driver).send_keys(Keys.ENTER).perform()
    assert command_of(opened)[3] == f"run:{by_cost[-1].number}"
    assert len(opened.run(f"return [...document.querySelectorAll(\"{PANEL}[tabindex='0']\")]")) == 2, "one a panel"


def test_a_header_sorts_its_column_both_ways(opened: Browser) -> None:
    column = "return [...document.querySelectorAll('section:last-of-type tbody tr')].map(r => r.dataset.trial)"
    header = "section:last-of-type thead th:nth-child(6) button"  # MACs
    ranked = [str(t.number) for t in sorted(FOUND, key=lambda t: -t.macs)]
    for expected, order in ((ranked, "descending"), (ranked[::-1], "ascending")):
        opened.run("document.querySelector(arguments[0]).click()", header)
        assert opened.run(column) == expected
        assert opened.find("th[aria-sort]").get_attribute("aria-sort") == order


def test_moved_limits_dim_what_exceeds_them(opened: Browser) -> None:
    step = "const i = document.querySelectorAll('.limits input')[0]; i.value = arguments[0]; i.dispatchEvent(new Event('input'))"
    opened.run(step, 9)
    said = opened.find(".limits output").text
    out = "return [...new Set([...document.querySelectorAll(arguments[0])].map(e => e.dataset.trial))].length"
    dimmed = opened.run(out, "use.out")
    assert f"{len(FOUND) - dimmed} of 30 remain; best of them: trial " in said and 0 < dimmed < 30
    assert opened.run(out, "section:last-of-type tr.out") == dimmed
    opened.run("document.querySelector('.limits button').click()")
    assert opened.run(out, ".out") == 0 and "30 of 30 remain" in opened.find(".limits output").text


def test_the_page_on_a_phone_does_not_scroll_to_the_side(browser: Browser, page: Path) -> None:
    browser.open(page, PHONE)
    assert browser.sticking_out() == [] and browser.complaints() == []
    assert browser.find(".limits").is_displayed()


def test_without_its_script_the_page_is_as_it_was(browser: Browser, page: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.html"
    changed.write_text(page.read_text().replace('"use strict";', '"use strict"; '))
    browser.open(changed)
    assert any("Content Security Policy" in c for c in browser.complaints()), "another script does not run"
    assert not browser.find(".limits").is_displayed() and "Every scored candidate" in browser.find("main").text
    assert browser.run("return document.querySelectorAll('th button').length") == 0
