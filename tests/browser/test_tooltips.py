"""Help for symbols and terms in a real browser: by pointer, by keyboard and by finger, in the panel and in a lab."""

import pytest
from playwright.sync_api import expect

from tests.browser import labs
from tests.browser.test_panel import opened, slide

LENGTH = "First zero of the autocovariance: the size of the domains."
ETA = "Length of a step along the gradient, for both players."
PAGES = {"panel": ("Length scale", LENGTH, "L / px"), "lab": ("Learning rate", ETA, "η")}


def page_of(kind, new_page, address, **options):
    if kind == "panel":
        return opened(new_page, address, "?size=64", **options)
    return labs.opened(new_page, address, "linear_game", **options)


def bubble(page):
    return page.get_by_role("tooltip")


def about(page, name):
    return page.locator(".panel .term").filter(has_text=name).first


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_by_pointer(kind, scheme, new_page, address):
    page, (name, sentence, symbol) = page_of(kind, new_page, address, color_scheme=scheme), PAGES[kind]
    term = about(page, name)
    expect(term.locator("i")).to_have_text(symbol)
    expect(bubble(page)).to_have_count(0)
    term.locator("i").hover()
    expect(bubble(page)).to_have_text(sentence)
    box, window = bubble(page).bounding_box(), page.viewport_size
    assert box["x"] >= 0 and box["x"] + box["width"] <= window["width"]
    assert box["y"] >= 0 and box["y"] + box["height"] <= window["height"]
    ink, paper = bubble(page).evaluate("(e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
    light, dark = ((sum(map(int, c[4:-1].split(",")))) for c in ((paper, ink) if scheme == "light" else (ink, paper)))
    assert light - dark > 300
    page.mouse.move(2, 2)
    expect(bubble(page)).to_have_count(0)


@pytest.mark.parametrize("kind", PAGES)
def test_by_keyboard(kind, new_page, address):
    page, (name, sentence, _) = page_of(kind, new_page, address), PAGES[kind]
    term = about(page, name)
    page.get_by_role("slider", name=name).first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(term).to_be_focused()
    expect(bubble(page)).to_have_text(sentence)
    assert term.get_attribute("aria-describedby") == bubble(page).get_attribute("id")
    expect(term).to_have_accessible_description(sentence)
    page.keyboard.press("Escape")
    expect(bubble(page)).to_have_count(0)
    page.keyboard.press("Enter")
    expect(bubble(page)).to_have_text(sentence)
    page.keyboard.press("Tab")
    expect(bubble(page)).to_have_count(0)
    assert term.get_attribute("aria-describedby") is None


@pytest.mark.parametrize("kind", PAGES)
def test_by_finger(kind, new_page, address):
    page, (name, sentence, _) = page_of(kind, new_page, address, has_touch=True), PAGES[kind]
    term = about(page, name)
    assert term.bounding_box()["height"] >= 44 and term.bounding_box()["width"] >= 44
    term.tap()
    expect(bubble(page)).to_have_text(sentence)
    term.tap()
    expect(bubble(page)).to_have_count(0)
    term.tap()
    expect(bubble(page)).to_have_text(sentence)
    page.touchscreen.tap(6, 6)
    expect(bubble(page)).to_have_count(0)
    other = page.locator(".panel table thead .term").first
    other.tap()
    expect(bubble(page)).to_have_text(other.get_attribute("data-help"))
    term.tap()
    expect(bubble(page)).to_have_text(sentence)
    expect(bubble(page)).to_have_count(1)


def test_a_scroll_closes_it(new_page, address):
    page = opened(new_page, address, "?size=64")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    about(page, "Seed").hover()
    expect(bubble(page)).to_be_visible()
    page.mouse.wheel(0, 200)
    expect(bubble(page)).to_have_count(0)


def test_a_drag_leaves_it_open_and_a_control_has_one_too(new_page, address):
    """Numbers that are drawn anew keep their terms; buttons and check boxes are helped where they are focused."""
    page = opened(new_page, address, "?size=64")
    before = about(page, "before correction")
    before.focus()
    page.keyboard.press("Enter")
    expect(bubble(page)).to_have_text(before.get_attribute("data-help"))
    slide(page, "Volume fraction", 0.5)
    expect(page.locator(".numbers .main").first).to_have_text("0.5000")
    expect(bubble(page)).to_have_text(before.get_attribute("data-help"))
    page.get_by_role("button", name="Randomise").hover()
    expect(bubble(page)).to_have_text("Set every latent direction at random.")
    box = page.get_by_label("Exact projection")
    expect(box).to_be_checked()
    page.locator(".toggles label").first.click()
    expect(box).not_to_be_checked()
    expect(bubble(page)).to_have_count(0)


@pytest.mark.parametrize("path", ["two_phase?preset=fraction", "burgers", "rings", "linear_game", "gan_lab", "inverse"])
def test_every_term_of_a_page_is_explained(path, new_page, address):
    """All labels, headings, keys and names of rows; nothing shows help to the mouse alone."""
    page = new_page(address)
    page.goto(f"{address}/{path}")
    expect(page.locator(".picture")).not_to_have_attribute("data-seq", "0")
    panel = page.locator(".panel")
    assert panel.locator("[title], title").count() == 0
    bare = """(panel) => [...panel.querySelectorAll('.row label, h3, .keys span, th, dt, figcaption b')]
      .concat(...panel.querySelectorAll('.box, .toggles label'))
      .filter((e) => e.textContent.trim() && e.checkVisibility() && !e.closest('.claims, .bars tbody, .keys b'))
      .filter((e) => !e.querySelector('[data-help]') && !e.closest('[data-help]'))
      .map((e) => e.outerHTML)"""
    assert panel.evaluate(bare) == []
    assert all(
        h.endswith(".") for h in panel.locator("[data-help]").evaluate_all("(a) => a.map((e) => e.dataset.help)")
    )
