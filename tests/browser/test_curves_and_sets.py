"""A curve pulled by its points, an ensemble in the background, annealing that is cancelled: in a real browser."""

import re

import h5py
import pytest
from playwright.sync_api import expect

from tests.browser.test_panel import drawn_after, ready, seq

PANEL = "(e) => { const panel = (e.parentNode.panelOfExplorer ?? e.getRootNode().panelOfExplorer); "
CURVES = (
    PANEL
    + """const a = panel.frame.arrays, at = (xs, ys, x) => ys[xs.findIndex((v) => v >= x)];
  return [at(a['at.correlation'], a['live.correlation'], 10),
    at(a['asked_at.correlation'], a['asked.correlation'], 10)]; }"""
)


def opened(new_page, address, query):
    page = new_page(address)
    page.goto(f"{address}/two_phase?{query}")
    return ready(page)


def pull(page, number, dy):
    """Drags a control point by some pixels, in steps; the button stays down."""
    box = page.locator(".knob").nth(number).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in (1, 2, 3):
        before = seq(page)
        page.mouse.move(x, y + dy * step / 3)
        drawn_after(page, before)


def test_pulling_a_point_of_the_curve_moves_pixels_and_the_delivered_curve(new_page, address):
    page = opened(new_page, address, "preset=correlation&size=64&volume_fraction=0.4&length=8")
    panel, link = page.locator(".panel"), page.url
    delivered, asked = panel.evaluate(CURVES)
    assert delivered == pytest.approx(asked, abs=0.005)
    pull(page, 3, -12)
    page.wait_for_function(
        "([e, before, f]) => eval(f)(e)[1] > before + 0.005", arg=[panel.element_handle(), asked, CURVES]
    )
    assert page.url == link, "nothing is committed while the finger is down"
    page.mouse.up()
    near = "([e, f]) => { const [a, b] = eval(f)(e); return Math.abs(a - b) < 0.003; }"
    page.wait_for_function(near, arg=[panel.element_handle(), CURVES])
    assert panel.evaluate(CURVES)[0] > delivered + 0.003, "refined on release"
    expect(page).to_have_url(re.compile("correlation="))
    expect(page.get_by_role("slider", name="Length scale").first).to_be_disabled()
    page.get_by_role("button", name="Back to length scale").click()
    expect(page).not_to_have_url(re.compile("[?&]correlation="))
    expect(page.get_by_role("slider", name="Length scale").first).to_be_enabled()


def test_a_point_of_the_curve_moves_by_keys(new_page, address):
    page = opened(new_page, address, "preset=correlation&size=64&volume_fraction=0.4&length=8")
    before, knob = seq(page), page.get_by_role("slider", name="Two-point correlation at 10 px")
    value = float(knob.get_attribute("aria-valuenow"))
    knob.press("ArrowUp")
    drawn_after(page, before)
    assert float(knob.get_attribute("aria-valuenow")) == pytest.approx(value + 0.02, abs=1e-3)
    expect(page).to_have_url(re.compile("correlation="))


def test_an_ensemble_is_made_in_the_background_and_downloaded(new_page, address, tmp_path):
    page = opened(new_page, address, "preset=fraction&size=64&off=network,physics")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    before = seq(page)
    page.get_by_role("slider", name="Volume fraction").first.evaluate(
        "(e) => { e.value = 0.6; e.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    drawn_after(page, before)  # the page stays live meanwhile
    expect(page.get_by_text("Delivered against requested")).to_be_visible()
    expect(page.get_by_text(re.compile("200 samples of 64 × 64 px"))).to_be_visible()
    expect(page.get_by_role("img", name="Thumbnails")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="HDF5").click()
    waiting.value.save_as(tmp_path / "set.h5")
    with h5py.File(tmp_path / "set.h5") as file:
        assert file["labels"].shape == (200, 64, 64) and abs(float(file["labels"][:].mean()) - 0.35) < 2e-4


def test_annealing_is_cancelled(new_page, address):
    page = opened(new_page, address, "preset=correlation&size=128&off=network")
    page.get_by_role("button", name="Compare methods at this request").click()
    expect(page.get_by_text("Yeong-Torquato annealing:")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Yeong-Torquato annealing:")).to_be_hidden()
    expect(page.get_by_text(re.compile(r"This model, \d")).first).to_be_visible()


def test_the_best_of_several_draws_comes_on_release(new_page, address):
    page = opened(new_page, address, "preset=correlation&size=64&volume_fraction=0.4&length=8&off=refine")
    before, tried = seq(page), page.get_by_text("Best of 4, L_I unrefined")
    page.get_by_label("Best of").select_option("4")
    drawn_after(page, before)
    expect(tried).to_be_visible()
    expect(page).to_have_url(re.compile("best_of=4"))
    slider, before = page.get_by_role("slider", name="Volume fraction").first, seq(page)
    slider.evaluate("(e) => { e.value = 0.5; e.dispatchEvent(new Event('input', { bubbles: true })); }")
    drawn_after(page, before)
    expect(tried).not_to_be_visible()
    slider.dispatch_event("change")
    expect(tried).to_be_visible()
    expect(page).to_have_url(re.compile("volume_fraction=0.5.*best_of=4"))
