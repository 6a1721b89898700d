"""The drag path in a real browser. Nothing sleeps: every wait is for a fact that only the new state can show."""

import base64
import re
import struct

import pytest
from playwright.sync_api import expect

PICTURE = "canvas.picture"
READ = """(canvas) => { const g = canvas.getContext('2d'), d = g.getImageData(0, 0, canvas.width, canvas.height).data;
  let h = 2166136261; for (const b of d) h = Math.imul(h ^ b, 16777619) >>> 0; return `${canvas.width}:${h}`; }"""


def ready(page, mode="live"):
    expect(page.locator(".panel")).to_have_attribute("data-mode", mode)
    expect(page.locator(PICTURE)).not_to_have_attribute("data-seq", "0")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    return page


def opened(new_page, address, query="", mode="live", **options):
    page = new_page(address, **options)
    page.goto(f"{address}/two_phase{query}{'&' if query else '?'}preset=fraction")
    return ready(page, mode)


def pixels(page):
    return page.locator(PICTURE).evaluate(READ)


def seq(page):
    return int(page.locator(PICTURE).get_attribute("data-seq"))


def slide(page, name, value, events=("input",)):
    slider = page.get_by_role("slider", name=name, exact=False).first
    slider.evaluate(
        "(e, [v, events]) => { e.value = v; for (const t of events) e.dispatchEvent(new Event(t, { bubbles: true })); "
        "}",
        [value, events],
    )


def drawn_after(page, before):
    page.wait_for_function(
        """(before) => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
            .some((e) => +(e.shadowRoot?.querySelector('canvas.picture')?.dataset.seq ?? 0) > before)""",
        arg=before,
    )


def drag(page, name, values):
    """Moves a slider step by step without letting it go; the number of the last picture."""
    for value in values:
        before = seq(page)
        slide(page, name, value)
        drawn_after(page, before)
    return seq(page)


def test_dragging_moves_pixels_and_release_writes_link_and_charts(new_page, address):
    page = opened(new_page, address)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    first, link = pixels(page), page.url
    drag(page, "Volume fraction", (0.4, 0.45, 0.5))
    expect(page.locator(".numbers .main").first).to_have_text(re.compile(r"^0\.5000$"))
    assert pixels(page) != first
    assert page.url == link, "nothing is committed while the finger is down"
    slide(page, "Volume fraction", 0.5, ("input", "change"))
    expect(page).to_have_url(re.compile(r"volume_fraction=0\.5&"))
    page.wait_for_function(
        """() => { const chart = document.querySelector('.js-plotly-plot')?._fullData ?? [];
            return Math.abs(chart.find((t) => t.name === 'delivered')?.y[0] - 0.5) < 1e-3; }"""
    )


def test_the_same_link_gives_the_same_pixels(new_page, address):
    page = opened(new_page, address)
    slide(page, "Length scale", 9.3)
    slide(page, "Volume fraction", 0.42, ("input", "change"))
    expect(page).to_have_url(re.compile(r"volume_fraction=0\.42&.*z="))
    expect(page.locator(".numbers .main").first).to_have_text(re.compile(r"^0\.4200$"))
    ready(page)
    again = opened(new_page, address, "?" + page.url.split("?")[1])
    assert pixels(again) == pixels(page)
    packed = re.search(r"z=([\w-]+)", page.url).group(1)
    assert struct.unpack("<f", base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))[6:])[0] == pytest.approx(
        9.3, abs=1e-6
    )


def test_buttons_seed_size_and_stages(new_page, address):
    page = opened(new_page, address, "?seed=5&size=64")
    assert pixels(page).startswith("64:")
    start, count = pixels(page), seq(page)
    page.get_by_role("button", name="New sample").click()
    drawn_after(page, count)
    expect(page).not_to_have_url(re.compile("seed=5&"))
    assert pixels(page) != start
    count = seq(page)
    page.locator("input.seed").fill("5")
    page.locator("input.seed").press("Enter")
    expect(page).to_have_url(re.compile("seed=5&"))
    drawn_after(page, count)
    assert pixels(page) == start
    page.locator("select.size").select_option("128")
    expect(page).to_have_url(re.compile("size=128"))
    count = seq(page)
    page.get_by_label("Exact projection").uncheck()
    expect(page.get_by_role("status").filter(has_text="projection is off")).to_be_visible()
    page.get_by_role("button", name="Randomise").click()
    expect(page).to_have_url(re.compile("z=.*raw=1"))
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page).not_to_have_url(re.compile("z="))


def test_the_keyboard_drives_it_and_warnings_show(new_page, address):
    page = opened(new_page, address, "?volume_fraction=0.8&size=64")
    slider = page.get_by_role("slider", name="Volume fraction").first
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"volume_fraction=0\.81"))
    expect(page.get_by_role("status").filter(has_text="outside the range seen in training")).to_be_visible()
    box = page.get_by_label("Volume fraction, exact value")
    box.fill("0.3333")
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"volume_fraction=0\.3333&"))


def test_without_the_route_page_reruns_do_it(new_page, address):
    page = new_page(address)
    page.route_web_socket(re.compile("/api/live"), lambda socket: socket.close())
    page.goto(f"{address}/two_phase?size=64")
    ready(page, "fallback")
    first, count = pixels(page), seq(page)
    slide(page, "Volume fraction", 0.6)
    drawn_after(page, count)
    expect(page.locator(".numbers .main").first).to_have_text(re.compile(r"^0\.60"))
    assert pixels(page) != first
    slide(page, "Volume fraction", 0.65, ("input", "change"))
    expect(page).to_have_url(re.compile(r"volume_fraction=0\.65"))
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_a_closed_route_opens_again_on_the_next_drag(new_page, address):
    page, routes = new_page(address), []

    def through(socket):
        socket.connect_to_server()
        routes.append(socket)

    page.route_web_socket(re.compile("/api/live"), through)
    page.goto(f"{address}/two_phase?size=64")
    ready(page)
    first, count = pixels(page), seq(page)
    routes[0].close()
    slide(page, "Volume fraction", 0.6)
    drawn_after(page, count)
    expect(page.locator(".panel")).to_have_attribute("data-mode", "live")
    assert pixels(page) != first and len(routes) == 2


def test_everything_to_drag_is_on_the_first_screen(new_page, address):
    for scheme in ("light", "dark"):
        page = opened(new_page, address, color_scheme=scheme)
        expect(page.locator(".panel")).to_have_attribute("data-theme", scheme)
        for part in ("section.dials", "figure.stage", "section.readout", ".toggles"):
            box = page.locator(part).bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 720 and box["x"] + box["width"] <= 1280, part


def test_the_themes_have_their_own_colours(new_page, address):
    light, dark = (opened(new_page, address, "?seed=4&size=64", color_scheme=s) for s in ("light", "dark"))
    assert pixels(light) != pixels(dark)


def test_a_new_problem_file_gets_a_live_page_with_fractions(new_page, address):
    page = new_page(address)
    page.goto(f"{address}/rings")
    ready(page)
    colours = """(canvas) => { const seen = {};
      const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      for (let i = 0; i < d.length; i += 4) {
        const k = `${d[i]},${d[i + 1]},${d[i + 2]}`;
        seen[k] = (seen[k] ?? 0) + 1;
      }
      return Object.values(seen); }"""
    assert len(page.locator(PICTURE).evaluate(colours)) == 5
    count = seq(page)
    slide(page, "inner", 0.6, ("input", "change"))
    drawn_after(page, count)
    expect(page).to_have_url(re.compile(r"fractions=0\.1%2C0\.6%2C0\.1"))
    values = page.locator(".conditions .value").evaluate_all("(all) => all.map((e) => +e.value)")
    assert values == pytest.approx([0.1, 0.6, 0.1, 0.1, 0.1], abs=0.01)


def test_a_continuous_field_has_its_ramp_and_curve(new_page, address):
    page = new_page(address)
    page.goto(f"{address}/waves?frequency=2&seed=1")
    ready(page)
    before, count = pixels(page), seq(page)
    slide(page, "Frequency", 4)
    drawn_after(page, count)
    assert pixels(page) != before
    page.get_by_text("Chirp").click()
    expect(page.get_by_text(re.compile(r"python train\.py waves/chirp"))).to_be_visible()


def test_the_home_page_opens_the_problem(new_page, address):
    page = new_page(address)
    page.goto(address)
    expect(page.get_by_role("img", name=re.compile("Two-phase")).first).to_be_visible()
    page.get_by_test_id("stMain").locator("a[href*='two_phase']").click()
    ready(page)
    assert page.url.split("?")[0].endswith("/two_phase")


def test_a_damaged_checkpoint_is_a_sentence(new_page, without_models):
    page = new_page(without_models)
    page.goto(f"{without_models}/two_phase")
    expect(page.get_by_text(re.compile("python train.py two_phase"))).to_be_visible()
    assert "Traceback" not in page.content()
