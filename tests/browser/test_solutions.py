"""The page of a solved problem in a real browser: maps and profile follow a drag, the start is drawn by hand."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_panel import READ, ready, seq, slide
from tests.browser.test_panel import drawn_after as wait_after

MAPS = ("canvas.picture", "canvas.exact", "canvas.residual", "canvas.error", "canvas.profile")


def opened(new_page, address, query="", **options):
    page = new_page(address, **options)
    page.goto(f"{address}/burgers{query}")
    return ready(page)


def on_the_first_screen(page):
    for part in ("section.dials", "figure.stage", "section.readout", ".modes", ".maps"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 720 and box["x"] + box["width"] <= 1280, part


def drawn(page):
    return [page.locator(m).evaluate(READ) for m in MAPS]


def test_every_map_follows_a_drag(new_page, address):
    page = opened(new_page, address, "?frequency=3&raw=1")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    on_the_first_screen(page)
    first, count, link = drawn(page), seq(page), page.url
    for value in (3.5, 4, 4.5):
        slide(page, "Frequency", value)
        wait_after(page, count)
        count = seq(page)
    assert all(a != b for a, b in zip(first, drawn(page), strict=True))
    assert page.url == link, "nothing is committed while the finger is down"
    expect(page.get_by_role("status").filter(has_text="c = 4.5 does not close")).to_be_visible()
    before, count = drawn(page), seq(page)
    slide(page, "Viscosity", 0.02)
    wait_after(page, count)
    assert all(a != b for a, b in zip(before, drawn(page), strict=True))
    before, count = drawn(page), seq(page)
    slide(page, "Time of the profile", 0.4, ("input", "change"))
    wait_after(page, count)
    after = drawn(page)
    assert before[:4] == after[:4] and before[4] != after[4], "time cuts the maps, it does not change them"
    expect(page).to_have_url(re.compile(r"frequency=4\.5&viscosity=0\.02&t=0\.4&"))


def test_drawing_with_the_mouse_and_the_keyboard(new_page, address):
    page = opened(new_page, address)
    first, count = drawn(page), seq(page)
    box = page.locator("canvas.profile").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    page.mouse.down()
    wait_after(page, count)
    page.mouse.move(box["x"] + 250, box["y"] + 40, steps=5)
    count = seq(page)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"initial=[\w-]+"))
    assert all(a != b for a, b in zip(first, drawn(page), strict=True))
    knobs = page.get_by_role("slider", name=re.compile("^Control point"))
    expect(knobs).to_have_count(16)
    knobs.nth(3).focus()
    value, link, count = float(knobs.nth(3).get_attribute("aria-valuenow")), page.url, seq(page)
    page.keyboard.press("ArrowDown")
    wait_after(page, count)
    assert float(knobs.nth(3).get_attribute("aria-valuenow")) == pytest.approx(value - 0.02, abs=2e-3)
    expect(page).not_to_have_url(link)
    ready(page)
    again = opened(new_page, address, "?" + page.url.split("?")[1])
    assert drawn(again) == drawn(page)
    presets_modes_and_polish(page)


def presets_modes_and_polish(page):
    for name in ("Raised cosine", "Step", "N-wave", "Noise"):
        before, count = drawn(page), seq(page)
        page.get_by_role("button", name=name).click()
        wait_after(page, count)
        assert drawn(page)[0] != before[0]
    expect(page.get_by_role("slider", name="Frequency").first).to_be_disabled()
    before, count = drawn(page), seq(page)
    page.get_by_label("Newton sweep").uncheck()
    wait_after(page, count)
    assert drawn(page)[2] != before[2]
    expect(page.get_by_role("status").filter(has_text="Newton sweep is off")).to_be_visible()
    count = seq(page)
    page.get_by_role("button", name="Frequency", exact=True).click()
    wait_after(page, count)
    expect(page.get_by_role("slider", name="Frequency").first).to_be_enabled()
    expect(page).not_to_have_url(re.compile("initial="))


def test_in_the_dark_without_viscosity(new_page, address):
    page = opened(new_page, address, "?preset=inviscid&frequency=2", color_scheme="dark")
    expect(page.locator(".panel")).to_have_attribute("data-theme", "dark")
    on_the_first_screen(page)
    expect(page.locator(".times")).to_contain_text("Lax-Oleinik")
    assert page.locator(".toggles input").count() == 0
    before, count = drawn(page), seq(page)
    slide(page, "Frequency", 5)
    wait_after(page, count)
    assert all(a != b for a, b in zip(before, drawn(page), strict=True))
