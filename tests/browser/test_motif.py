"""The motif dragged in a real browser: the picture follows, the switch shows what the network makes of it by itself;
and one of a person's own, uploaded."""

import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_panel import drag, drawn_after, pixels, ready, seq, slide


def test_the_motif_is_dragged_and_switched(new_page, address):
    page = new_page(address)
    page.goto(f"{address}/motif?preset=any")
    ready(page)
    first, link = pixels(page), page.url
    count = drag(page, "Motif, x", (12, 20, 25))
    assert pixels(page) != first and page.url == link, "nothing is committed while the finger is down"
    slide(page, "Latent direction 1", 2, ("input", "change"))
    drawn_after(page, count)
    expect(page).to_have_url(re.compile(r"z=[\w-]+"))
    count = seq(page)
    page.locator(".panel").get_by_role("checkbox", name="Exact motif").uncheck()
    drawn_after(page, count)
    expect(
        page.get_by_text("Exact motif is off: this is the output of the generator before correction.")
    ).to_be_visible()
    expect(page.get_by_text("pixels of the motif")).to_be_visible()


def test_an_own_mask_is_uploaded_and_made_exact(new_page, address):
    """Half of it is transparent: those pixels are free."""
    mask, blob = np.zeros((6, 4, 2), np.uint8), io.BytesIO()
    mask[..., 0], mask[:3, :, 1] = 200, 255
    Image.fromarray(mask, "LA").save(blob, "PNG")
    page = new_page(address)
    page.goto(f"{address}/motif?preset=any")
    ready(page)
    page.locator("input[type=file]").set_input_files(
        {"name": "mask.png", "mimeType": "image/png", "buffer": blob.getvalue()}
    )
    told = page.get_by_text("on the 12 pixels of the motif")
    expect(told).to_contain_text(re.compile(r"motif: 0\.\S+ before correction, 0 as delivered"))
    expect(page.get_by_role("textbox", name="Or draw it")).to_be_disabled()
    page.get_by_test_id("stCheckbox").get_by_text("Exact motif").click()
    expect(told).to_contain_text(re.compile(r"motif: (0\.\S+) before correction, \1 as delivered"))
