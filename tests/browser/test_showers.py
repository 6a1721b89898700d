"""The showers dragged in a real browser: the energy follows exactly, the network alone misses it, the tricks are
compared below."""

import re

from playwright.sync_api import expect

from tests.benchmarks.drag import RELEASE
from tests.browser.test_panel import drag, drawn_after, pixels, ready, slide


def test_the_energy_is_dragged_and_the_tricks_are_compared(new_page, address):
    page = new_page(address)
    page.goto(f"{address}/showers")
    ready(page)
    first, link = pixels(page), page.url
    count = drag(page, "Energy", (20, 62.5, 90))
    assert pixels(page) != first and page.url == link, "nothing is committed while the finger is down"
    slide(page, "Energy", 130, ("input", "change"))
    drawn_after(page, count)
    expect(page).to_have_url(re.compile("energy=130"))
    expect(page.locator(".numbers").get_by_role("row", name="Energy")).to_contain_text("130")
    expect(page.get_by_text("outside the range seen in training (10 to 100 GeV)").first).to_be_visible()
    expect(page.get_by_text("Energy response before correction")).to_be_visible()
    expect(page.get_by_text("Soft sparsity of one cell")).to_be_visible()


def test_the_last_picture_is_there_150_ms_after_release(new_page, address):
    """The quickest of at most 12: a busy machine is slow, not wrong; `python -m tests.benchmarks.drag showers` prints
    them all."""
    page = new_page(address)
    page.goto(f"{address}/showers")
    ready(page)
    assert any(page.evaluate(RELEASE) <= 150 for _ in range(12))
