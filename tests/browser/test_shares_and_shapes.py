"""Shares that are locked and shapes that are dragged on the picture, in a real browser."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from explorer.live.bundle import bundle
from tests.browser.test_panel import drawn_after, pixels, ready, seq, slide

LIVE = Path(__file__).resolve().parents[2] / "explorer" / "live" / "browser"
VALUES = "(all) => all.map((e) => +e.value)"


def opened(new_page, address, path, mode="live", **options):
    page = new_page(address, **options)
    if mode == "fallback":
        page.route_web_socket(re.compile("/api/live"), lambda socket: socket.close())
    page.goto(f"{address}/{path}")
    return ready(page, mode)


def values(page):
    return page.locator(".conditions .value").evaluate_all(VALUES)


def sentence(page):
    return page.locator(".panel .notice")


class Mat:
    """Screen positions of the picture's pixels."""

    def __init__(self, page, size=64):
        self.page, self.mat, self.size = page, page.locator(".mat"), size

    def at(self, x, y):
        """Read anew each time: what appears beside the picture (a sentence, numbers) may move it."""
        box = self.mat.bounding_box()
        pitch = box["width"] / self.size
        return box["x"] + (x + 0.5) * pitch, box["y"] + (y + 0.5) * pitch

    def grab(self, x, y):
        self.page.mouse.move(*self.at(x, y))
        self.page.mouse.down()

    def pull(self, x, y, steps=6):
        self.page.mouse.move(*self.at(x, y), steps=steps)


def arrives(page, read, wanted):
    """Waits until `read()` is near `wanted`: the last moves of the mouse may still be on their way when a frame
    arrives."""
    for _ in range(500):
        if read() == pytest.approx(wanted, abs=0.11):
            return
        page.evaluate("() => new Promise(requestAnimationFrame)")
    assert read() == pytest.approx(wanted, abs=0.11)


def outline(page, name, *names):
    line = page.get_by_role("slider", name=name).locator(".line").first
    return [float(line.get_attribute(name)) for name in names]


def test_shares_always_sum_to_one_whatever_is_locked(new_page, address, tmp_path):
    page, entry = new_page(address), tmp_path / "entry.js"
    simplex = Path(os.path.relpath(LIVE / "simplex.js", tmp_path.resolve())).as_posix()
    entry.write_text(f'import {{ shared }} from "{simplex}";\nexport default shared;\n', encoding="utf-8")
    faults = page.evaluate(
        """async (source) => {
          const module = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { default: shared } = await import(module), faults = [];
          let state = 7;
          const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
          for (let k = 0; k < 5000; k++) {
            const n = 2 + Math.floor(random() * 5);
            const raw = Array.from({ length: n }, () => (random() < 0.3 ? 0 : random()));
            raw[0] += 1e-3;
            const total = raw.reduce((a, b) => a + b), start = raw.map((v) => v / total);
            const index = Math.floor(random() * n), others = [...raw.keys()].filter((i) => i !== index);
            const locked = others.filter(() => random() < 0.4).slice(0, Math.max(0, n - 2));
            const high = random() < 0.3 ? Math.max(...start, 2 / n) : 1, low = random() < 0.3 ? Math.min(...start) : 0;
            const wanted = random() * 1.4 - 0.2, out = shared(start, index, wanted, locked, low, high);
            const sum = out.reduce((a, b) => a + b), held = locked.every((i) => out[i] === start[i]);
            const room = 1 - locked.reduce((a, i) => a + start[i], 0);
            const back = shared(start, index, start[index], locked, low, high);
            const beyond = out.some((v) => v < low - 1e-9 || v > high + 1e-9) || out[index] > room + 1e-9;
            const lost = back.some((v, i) => Math.abs(v - start[i]) > 1e-9);
            const short = low === 0 && high === 1 && Math.abs(out[index] - Math.min(room, Math.max(0, wanted))) > 1e-9;
            const wrong = Math.abs(sum - 1) > 1e-9 || !held || beyond || lost || short;
            if (wrong) faults.push({ start, index, locked, low, high, wanted, out });
          }
          const edges = [shared([1, 0, 0], 0, 0.4), shared([0.5, 0.5, 0], 0, 0.9, [0]),
            shared([0.2, 0.3, 0.5], 0, 0.9, [1, 2])];
          return faults.slice(0, 3).concat(edges);
        }""",
        bundle(entry),
    )
    assert faults[:-3] == []
    assert faults[-3] == pytest.approx([0.4, 0.3, 0.3]), "others at 0 take equal parts"
    assert faults[-2] == [0.5, 0.5, 0] and faults[-1] == [0.2, 0.3, 0.5], (
        "what is locked, or has nobody to give to, stays"
    )


def test_a_locked_share_holds_while_another_is_dragged(new_page, address):
    page = opened(new_page, address, "rings?fractions=0.3,0.25,0.2,0.15,0.1")
    page.get_by_role("button", name="Lock inner").click()
    expect(page).to_have_url(re.compile(r"locked=fractions\.1&"))
    expect(page.get_by_role("slider", name="inner").first).to_be_disabled()
    box, count = page.get_by_role("slider", name="core").first.bounding_box(), seq(page)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8 + 0.3 * (box["width"] - 16), middle)
    page.mouse.down()
    for share in (0.4, 0.5, 0.6, 0.9):
        page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), middle)
        drawn_after(page, count)
        count = seq(page)
    assert "fractions=0.3%2C" in page.url, "nothing is committed while the finger is down"
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"fractions=0\.75%2C0\.25%2C0%2C0%2C0&"))
    assert values(page) == [0.75, 0.25, 0, 0, 0]
    bars = page.locator(".bars tbody tr")
    expect(bars.nth(1).locator(".main")).to_have_text("0.2500")
    delivered = [float(t) for t in page.locator(".bars .main").all_text_contents()]
    assert sum(delivered) == pytest.approx(1, abs=3e-4) and delivered == pytest.approx(values(page), abs=1 / 64**2)
    assert all(abs(float(t.replace("−", "-"))) <= 1 for t in bars.locator("td:nth-last-child(2)").all_text_contents())


def test_locks_by_keyboard_in_the_link_and_at_their_limit(new_page, address):
    page = opened(new_page, address, "rings?fractions=0.3,0.25,0.2,0.15,0.1&locked=fractions.0.1")
    lock = page.get_by_role("button", name="Lock rim")
    expect(page.get_by_role("button", name="Lock core")).to_have_attribute("aria-pressed", "true")
    lock.focus()
    lock.press("Space")
    expect(lock).to_have_attribute("aria-pressed", "true")
    last = page.get_by_role("button", name="Lock middle")
    expect(last).to_be_disabled()
    assert "Two must stay free" in last.get_attribute("data-help")
    box = page.get_by_label("middle, exact value")
    box.fill("0.9")
    box.press("Enter")
    expect(page).to_have_url(re.compile(r"fractions=0\.3%2C0\.25%2C0\.35%2C0%2C0\.1&.*locked=fractions\.0\.1\.4&"))
    expect(box).to_have_value("0.35")
    page.reload()
    ready(page)
    expect(lock).to_have_attribute("aria-pressed", "true")
    lock.press("Enter")
    expect(last).to_be_enabled()


@pytest.mark.parametrize("mode", ["live", "fallback"])
def test_a_disc_is_dragged_on_the_picture(new_page, address, mode):
    page = opened(new_page, address, "discs", mode)
    mat, first, count, link = Mat(page), pixels(page), seq(page), page.url
    mat.grab(21, 24)
    for x in (24, 26, 28):
        mat.pull(x, 20)
        drawn_after(page, count)
        count = seq(page)
    expect(page.locator(".numbers .main").first).to_have_text(re.compile(r"^2[67]\.\d\d$"))
    assert pixels(page) != first and page.url == link
    arrives(page, lambda: outline(page, "Disc 1", "cx", "cy"), [27, 20])
    arrives(page, lambda: values(page)[:2], [27, 20])
    mat.pull(42, 38)
    expect(sentence(page)).to_have_text(re.compile(r"^The shapes overlap by \d+\.\d px\. Move them apart"))
    expect(page.locator(".panel")).to_have_attribute("data-refused", "true")
    good = pixels(page)
    mat.pull(42, 42)
    arrives(page, lambda: outline(page, "Disc 1", "cx", "cy"), [41, 42])
    assert pixels(page) == good
    count = seq(page)
    mat.pull(15, 50)
    drawn_after(page, count)
    expect(page.locator(".panel")).to_have_attribute("data-refused", "false")
    expect(sentence(page)).not_to_have_text(re.compile("overlap"))
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"x1=1[34](\.\d)?&y1=(49\.9|50(\.1)?)&"))


def test_what_is_let_go_where_it_cannot_be_is_not_lost(new_page, address):
    page = opened(new_page, address, "discs?x1=20&y1=24&seed=3")
    mat, first = Mat(page), pixels(page)
    mat.grab(20, 24)
    mat.pull(42, 40)
    expect(sentence(page)).to_have_text(re.compile("overlap"))
    page.mouse.up()
    ready(page)
    assert "x1=20&" in page.url and pixels(page) != first
    mat.grab(44, 40)  # both are here: the one that was moved last lies on top
    mat.pull(24, 24)
    page.mouse.up()
    expect(page.locator(".panel")).to_have_attribute("data-refused", "false")
    expect(page).to_have_url(re.compile(r"x1=22&y1=24&"))


def test_rim_keys_and_sliders_move_the_same_shape(new_page, address):
    page = opened(new_page, address, "discs?preset=mixed")
    mat, square = Mat(page), page.get_by_role("slider", name="Square")
    mat.grab(44, 49)  # the lower side
    mat.pull(44, 51)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"area2=484&"))
    assert outline(page, "Square", "x", "y", "width", "height") == [33, 29, 22, 22]
    square.focus()
    square.press("Shift+ArrowLeft")
    square.press("ArrowDown")
    square.press("-")
    expect(page).to_have_url(re.compile(r"x2=39&y2=41&area2=400&"))
    expect(square).to_have_attribute("aria-valuetext", "centre 39.0, 41.0; area 400 px")
    slide(page, "x2", 46, ("input", "change"))
    expect(square).to_have_attribute("aria-valuetext", re.compile("^centre 46.0, 41.0"))
    expect(page).to_have_url(re.compile(r"x2=46&"))
    page.mouse.wheel(0, -100)  # it was chosen and lies below the pointer
    expect(page).to_have_url(re.compile(r"area2=441&"))


def test_a_finger_drags_too(new_page, address):
    page = opened(new_page, address, "discs", has_touch=True)
    mat, count = Mat(page), seq(page)
    client = page.context.new_cdp_session(page)

    def touch(kind, *points):
        client.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [dict(zip("xy", p, strict=True)) for p in points]}
        )

    touch("touchStart", mat.at(20, 24))
    for x in (17, 16, 15):
        touch("touchMove", mat.at(x, 24))
        expect(page.get_by_role("slider", name="Disc 1")).to_have_attribute(
            "aria-valuetext", re.compile(f"^centre {x}.0, 24.0")
        )
    drawn_after(page, count)
    touch("touchEnd")
    expect(page).to_have_url(re.compile(r"x1=15&y1=24&"))


def test_presets_are_compared_at_one_request(new_page, address):
    page = opened(new_page, address, "discs?x1=18&y1=20&x2=40&y2=45&seed=7")
    slide(page, "y1", 22, ("input", "change"))
    expect(page).to_have_url(re.compile("y1=22&"))
    page.get_by_text("Disc and square").click()
    expect(page).to_have_url(re.compile("y1=22&.*seed=7&.*preset=mixed"))
    page.get_by_text("No request").click()
    expect(page).to_have_url(re.compile(r"\?seed=7&size=64&preset=free"))
    expect(page.get_by_text("This model takes no request")).to_be_visible()
    expect(page.locator(".handle")).to_have_count(0)
    page.get_by_text("Two discs").click()
    expect(page).to_have_url(re.compile("x1=18&y1=22&.*seed=7&"))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator(".panel")).to_have_count(1)  # the panel that goes lingers until the page has run
    ready(page)
    assert outline(page, "Disc 1", "cx", "cy") == [18, 22]


@pytest.mark.parametrize("path", ["rings", "discs"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_first_screen_in_both_themes(new_page, address, path, scheme):
    page = opened(new_page, address, path, color_scheme=scheme)
    expect(page.locator(".panel")).to_have_attribute("data-theme", scheme)
    for part in ("section.dials", "figure.stage", "section.readout", ".toggles"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 720 and box["x"] + box["width"] <= 1280, part
    cut = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"
    clipped = page.locator(".panel :is(th, td, .keys, label)").evaluate_all(cut)
    assert clipped == []


def test_the_pointer_names_the_label_below_it(new_page, address):
    page = opened(new_page, address, "discs")
    page.mouse.move(*Mat(page).at(44, 40))
    expect(page.locator(".extent")).to_have_text("x 44, y 40: disc 2")
    page.mouse.move(5, 5)
    expect(page.locator(".extent")).to_have_text("64 × 64 px")
