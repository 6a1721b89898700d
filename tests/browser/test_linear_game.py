"""The lab of the linear game in a real browser: it follows a drag, it plays and steps, and shows what the schemes
compute."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from core.theory.linear_game import LinearGame
from explorer.labs import linear
from tests.browser.labs import drawn, opened
from tests.browser.test_panel import drawn_after as after
from tests.browser.test_panel import seq, slide

PLOTS = (".free canvas", ".motif canvas", ".spectrum canvas", ".distance canvas", ".bars", ".map")


def step(page):
    return int(page.locator(".transport").get_attribute("data-step"))


def radius(page, row=0):
    return float(page.locator(".facts tbody tr").nth(row).locator("td").first.inner_text())


def test_every_plot_follows_a_drag_and_release_writes_the_link(new_page, address):
    page = opened(new_page, address, "linear_game", "?scheme=alternating")
    for figure in page.locator(".views figure").all():
        box = figure.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 720 and box["x"] + box["width"] <= 1280
    assert page.locator(".transport").bounding_box()["y"] < 640
    link = page.url
    for name, value, moved in (("Learning rate", 0.3, PLOTS), ("Motif weight", 1.2, (*PLOTS[1:4], PLOTS[5]))):
        before, count = drawn(page, PLOTS), seq(page)
        slide(page, name, value)
        after(page, count)
        now = dict(zip(PLOTS, zip(before, drawn(page, PLOTS), strict=True), strict=True))
        assert not [p for p in moved if now[p][0] == now[p][1]]
    expect(page.locator(".facts tbody td").first).to_have_text("1.000000")
    assert page.url == link, "nothing is committed while the finger is down"
    slide(page, "Motif size", 0, ("input", "change"))
    expect(page).to_have_url(re.compile(r"eta=0\.3&mu=1\.2&dimension=8&motif=0&scheme=alternating&critic=standard"))
    expect(page.get_by_text("Motif coordinates: none")).to_be_visible()
    again = opened(new_page, address, "linear_game", "?" + page.url.split("?")[1])
    assert drawn(again, PLOTS) == drawn(page, PLOTS)


def test_choices_and_the_largest_motif(new_page, address):
    page = opened(new_page, address, "linear_game", "?eta=0.3")
    for name, text in (("Extragradient", "0.958175"), ("Alternating", "1.000000"), ("Simultaneous", "1.044031")):
        page.get_by_role("button", name=name).click()
        expect(page.locator(".facts tbody td").first).to_have_text(text)
    page.get_by_role("button", name="Ignores motif").click()
    expect(page.locator(".claims")).to_contain_text("θ* = (I − P)v + m")
    expect(page).to_have_url(re.compile("scheme=simultaneous&critic=projected"))
    page.get_by_role("button", name="16 samples").click()
    expect(page.locator(".claims")).to_contain_text("infinitely many samples")
    expect(page.locator(".facts tbody td").nth(1)).to_have_text("–")
    page.get_by_role("button", name="Expected").click()
    expect(page.locator(".facts tbody td").nth(1)).to_have_text("1.044031")
    slide(page, "Motif size", 8)
    slide(page, "Dimension", 5)
    expect(page.get_by_role("slider", name="Motif size")).to_have_js_property("value", "5")
    expect(page.get_by_text("Free coordinates: none")).to_be_visible()
    assert page.locator(".notice").inner_text() == ""


def test_it_plays_pauses_and_steps(new_page, address):
    """At 10 steps a second or more; the sixty that are asked for on a quiet machine."""
    page = opened(new_page, address, "linear_game")
    assert step(page) == linear.STEPS
    page.get_by_label("Steps per second").select_option("60")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        """() => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
            .some((e) => +(/, (\\d+)\\/s/.exec(e.shadowRoot?.querySelector('.status')?.textContent)?.[1] ?? 0) >= 10)"""
    )
    page.get_by_role("button", name="Pause").click()
    at = step(page)
    assert 0 < at < linear.STEPS
    before = drawn(page, PLOTS)
    page.get_by_role("button", name="One step").click()
    assert step(page) == at + 1
    now = drawn(page, PLOTS)
    assert all(now[i] != before[i] for i in (0, 3, 4)) and now[2] == before[2] and now[5] == before[5]
    page.get_by_role("button", name="Back to the start").click()
    assert step(page) == 0
    page.get_by_role("slider", name="Step shown").fill("123")
    assert step(page) == 123
    count = seq(page)
    slide(page, "Learning rate", 0.2)
    after(page, count)
    assert step(page) == 123, "a drag keeps the step"


def test_what_is_drawn_is_what_the_trainers_schemes_compute(new_page, address):
    dial = {"eta": 0.25, "mu": 0.6, "dimension": 4, "motif": 2, "critic": "standard"}
    page = opened(new_page, address, "linear_game", "?eta=0.25&mu=0.6&dimension=4&motif=2")
    page.get_by_role("button", name="Back to the start").click()
    for scheme in ("alternating", "extragradient", "optimistic"):
        count = seq(page)
        page.get_by_role("button", name=scheme.capitalize()).click()
        after(page, count)
        played = LinearGame(linear.setting(dial), 0.25).play(scheme, 60)
        for t in (0, 1, 2, 60):
            page.get_by_role("slider", name="Step shown").fill(str(t))
            for name in ("free", "motif"):
                shown = page.locator(f".{name} canvas").evaluate(
                    "({ dataset: d }) => [d.coordinate, d.theta, d.psi].map(Number)"
                )
                assert shown[1:] == pytest.approx(played[t, :, int(shown[0])], abs=1e-6)


def test_the_map_is_dragged_and_coordinates_are_chosen(new_page, address):
    page = opened(new_page, address, "linear_game", "?scheme=extragradient")
    box, count = page.locator(".map").bounding_box(), seq(page)
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    page.mouse.down()
    after(page, count)
    first, count = radius(page), seq(page)
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=4)
    after(page, count)
    page.mouse.up()
    expect(page).to_have_url(re.compile("eta=.*mu="))
    assert radius(page) != first
    eta, mu = (float(re.search(f"{name}=([\\d.]+)", page.url).group(1)) for name in ("eta", "mu"))
    assert 0.5 < eta < 0.8 and 1.2 < mu < 1.7
    bars = page.locator(".bars").bounding_box()
    page.mouse.click(bars["x"] + bars["width"] - 20, bars["y"] + 60)
    expect(page.get_by_text("Free coordinate 8")).to_be_visible()


def test_in_the_dark_and_without_the_route(new_page, address):
    page = new_page(address, color_scheme="dark")
    page.route_web_socket(re.compile("/api/live"), lambda socket: socket.close())
    page.goto(f"{address}/linear_game?scheme=optimistic")
    expect(page.locator(".lab")).to_have_attribute("data-mode", "fallback")
    expect(page.locator(".lab")).to_have_attribute("data-theme", "dark")
    before = drawn(page, PLOTS)
    slide(page, "Learning rate", 0.4, ("input", "change"))
    expect(page.locator(".facts tbody td").first).to_have_text(f"{np.sqrt((1 + np.sqrt(1 - 0.64)) / 2):.6f}")
    expect(page).to_have_url(re.compile(r"eta=0\.4&"))
    assert all(a != b for a, b in zip(before, drawn(page, PLOTS), strict=True))
