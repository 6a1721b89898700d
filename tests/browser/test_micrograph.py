"""A person's own micrograph in a browser: from the upload to 64 structures in a file, and on to the two-phase page."""

import io
import time
import zipfile

import numpy as np
from PIL import Image

from core.descriptors import windows

PATIENCE = 60.0
"""Seconds of clicks and computation in which a person has the 64 structures, on two cores."""


def picture():
    out = io.BytesIO()
    Image.fromarray(windows.example(11, (300, 400), 0.3, 6.0)).save(out, "PNG")
    return {"name": "discs.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_from_upload_to_64_structures(address, new_page, tmp_path):
    page = new_page(address)
    page.goto(f"{address}/micrograph")
    page.get_by_role("button", name="Try an example").wait_for()
    began = time.monotonic()
    page.locator("input[type=file]").set_input_files(picture())
    page.get_by_text("Specific surface").first.wait_for()
    page.get_by_role("button", name="Generate structures like this").click()
    page.get_by_text("p1 exact to a pixel").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export 64").click()
    download.value.save_as(tmp_path / "like.zip")
    seconds = time.monotonic() - began
    archive = zipfile.ZipFile(tmp_path / "like.zip")
    structures = np.load(io.BytesIO(archive.read("structures.npy")))
    assert structures.shape == (64, 128, 128) and sum(n.endswith(".png") for n in archive.namelist()) == 64
    expected = (windows.example(11, (300, 400), 0.3, 6.0) > 128).mean()
    assert np.abs(structures.mean((1, 2)) - expected).max() < 0.01
    assert seconds < PATIENCE, f"{seconds:.0f} s"


def test_the_two_phase_page_takes_the_curve_and_gives_the_length_back(address, new_page):
    from playwright.sync_api import expect

    page = new_page(address)
    page.goto(f"{address}/micrograph")
    page.get_by_role("button", name="Try an example").click()
    page.get_by_role("button", name="Generate structures like this").click()
    page.get_by_role("button", name="Open in the two-phase page").click()
    given = page.locator(".panel .given")
    given.wait_for()
    assert "correlation=" in page.url
    assert page.locator("#conditions-length").is_hidden()
    canvas = page.locator(".picture")
    expect(canvas).not_to_have_attribute("data-seq", "0")
    before = canvas.get_attribute("data-seq")
    given.get_by_role("button").click()
    expect(canvas).not_to_have_attribute("data-seq", before)
    assert page.locator("#conditions-length").is_visible() and given.count() == 0
    page.wait_for_function("() => !location.search.includes('correlation=')")
