"""The GAN lab in a real browser: it plays on the server's loop, steps, is dragged, fails and is cured."""

import re

import pytest
from playwright.sync_api import expect

from core.theory.gan_lab import GanLab
from explorer.labs import gan
from tests.browser.labs import drawn, opened
from tests.browser.test_panel import slide

PLOTS = (".density canvas", ".value canvas", ".critic canvas", ".norms canvas")


def at(page, step):
    expect(page.locator(".lab")).to_have_attribute("data-step", str(step))


def tile(page, i):
    return page.locator(".tiles dd").nth(i)


def test_it_plays_pauses_and_steps(new_page, address):
    """Everything within the window; at 10 steps a second or more; single steps are those of the game."""
    page = opened(new_page, address, "gan_lab")
    for part in (
        *page.locator(".gan figure").all(),
        page.locator(".tiles"),
        page.locator(".verdict"),
        page.locator(".transport"),
    ):
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 720 and box["x"] + box["width"] <= 1280
    before, lab = drawn(page, PLOTS), GanLab(gan.setting(gan.LAB.defaults()))
    for step in (1, 2):
        page.get_by_role("button", name="One step").click()
        at(page, step)
    lab.play(2)
    expect(tile(page, 1)).to_have_text(f"{lab.measure().optimal:.4f}")
    assert all(drawn(page, PLOTS)[i] != before[i] for i in (0, 2))
    page.get_by_label("Steps per second").select_option("60")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        """() => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
            .some((e) => +(/, (\\d+)\\/s/.exec(e.shadowRoot?.querySelector('.status')?.textContent)?.[1] ?? 0) >= 10)"""
    )
    expect(page.locator(".verdict")).to_contain_text("Converged")
    page.get_by_role("button", name="Pause").click()
    assert all(a != b for a, b in zip(before, drawn(page, PLOTS), strict=True))
    page.get_by_role("button", name="Back to the start").click()
    at(page, 0)
    expect(page.locator(".verdict")).to_contain_text("Ready")


def test_a_failure_and_its_cure(new_page, address):
    page = opened(new_page, address, "gan_lab")
    page.get_by_role("button", name="Vanishing gradient").click()
    expect(page).to_have_url(re.compile("ahead=600.*loss=minimax&penalty=off"))
    at(page, 0)
    page.get_by_role("button", name="One step").click()
    at(page, 1)
    expect(page.locator(".verdict")).to_contain_text("Vanishing")
    page.get_by_role("button", name="Cure it: Wasserstein + penalty").click()
    expect(page).to_have_url(re.compile("loss=wgan_gp&penalty=on"))
    at(page, 0)
    expect(page.get_by_role("button", name="Cured")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Wasserstein", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Steps per second").select_option("120")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".tiles dd").nth(5)).to_have_text("1 of 1")


def test_the_data_are_dragged(new_page, address):
    page = opened(new_page, address, "gan_lab", "?density=normal")
    page.get_by_role("button", name="One step").click()
    at(page, 1)
    box, before = page.locator(".density canvas").bounding_box(), drawn(page, PLOTS)
    middle = box["x"] + 34 + (box["width"] - 46) / 2
    page.mouse.move(middle, box["y"] + 18)
    page.mouse.down()
    page.mouse.move(middle + 110, box["y"] + 30, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("centre=[34]"))
    at(page, 1)
    expect(tile(page, 6)).to_have_text(re.compile(r"[34]\."))
    assert drawn(page, PLOTS)[0] != before[0]
    slide(page, "Width", 1.2, ("input", "change"))
    expect(page).to_have_url(re.compile("width=1.2"))


def test_another_update_rule_goes_on_with_the_same_game(new_page, address):
    page = opened(new_page, address, "gan_lab")
    page.get_by_role("button", name="One step").click()
    at(page, 1)
    expect(page.get_by_role("slider", name="Critic turns")).to_be_visible()
    page.get_by_role("button", name="Extragradient").click()
    expect(page).to_have_url(re.compile("scheme=extragradient"))
    expect(page.get_by_role("slider", name="Critic turns")).to_be_hidden()
    page.get_by_role("button", name="One step").click()
    at(page, 2)


@pytest.mark.parametrize("query", ["?loss=relativistic"])
def test_in_the_dark_and_without_the_route(new_page, address, query):
    page = new_page(address, color_scheme="dark")
    page.route_web_socket(re.compile("/api/live"), lambda socket: socket.close())
    page.goto(f"{address}/gan_lab{query}")
    expect(page.locator(".lab")).to_have_attribute("data-mode", "fallback")
    expect(page.locator(".lab")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="One step").click()
    at(page, 1)
    page.get_by_role("button", name="One step").click()
    at(page, 2)
