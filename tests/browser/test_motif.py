"""The motif dragged in a real browser: the picture follows, the switch shows what the network makes of it by itself."""

import re

from playwright.sync_api import expect

from tests.browser.test_panel import drawn_after, pixels, ready, seq, slide


def test_the_motif_is_dragged_and_switched(new_page, address):
    page = new_page(address)
    page.goto(f"{address}/motif?preset=any")
    ready(page)
    first, count, link = pixels(page), seq(page), page.url
    for value in (12, 20, 25):
        slide(page, "Motif, x", value)
        drawn_after(page, count)
        count = seq(page)
    assert pixels(page) != first and page.url == link, "nothing is committed while the finger is down"
    slide(page, "Latent direction 1", 2, ("input", "change"))
    drawn_after(page, count)
    expect(page).to_have_url(re.compile(r"z=[\w-]+"))
    count = seq(page)
    page.locator(".panel").get_by_role("checkbox", name="Exact motif").uncheck()
    drawn_after(page, count)
    expect(page.get_by_text("Exact motif is off: this is the raw output of the generator.")).to_be_visible()
    expect(page.get_by_text("pixels of the motif")).to_be_visible()
