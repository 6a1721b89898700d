"""Drags a slider, or a shape on the picture, in headless Chromium and prints what a person would feel.

    python -m tests.benchmarks.drag [PATH-OF-PAGE] [--shape] [--checkpoints FOLDER] [--problems FOLDER]
        [--seconds 3] [--without-route]

The slider is the page's first one; a share takes from the other shares. `--problems tests/explorer/problems` adds those
problems. Three phases: single steps 400 ms apart (from the input event to the animation frame after the new picture), a
drag at 60 events a second, and ten short drags that end in a last move and a release at once: from there to the last
picture. On two quiet cores: at least 25 frames/s and a 95th percentile of at most 60 ms; a lab at least 20 frames/s and
its last picture within 150 ms of release."""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.browser.launch import FLAGS, browser, explorer  # noqa: E402

STEPS = """async ([n, pause, shape]) => {
  const hosts = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')];
  const root = hosts.map((e) => e.shadowRoot).find(Boolean);
  const canvas = root.querySelector('canvas.picture'), slider = root.querySelector('.conditions input[type=range]');
  const frames = [], low = +slider?.min, high = +slider?.max, handle = root.querySelector('.handle');
  const box = handle?.querySelector('.cross').getBoundingClientRect();
  const point = (type, i) => handle.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, buttons: 1,
    clientX: box.x + box.width / 2 + 40 * Math.sin(i / 20), clientY: box.y + box.height / 2 + 40 * Math.sin(i / 31) }));
  const slide = (i) => {
    slider.value = low + (high - low) * (0.5 + 0.35 * Math.sin(i / 25 + 1));
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  };
  if (shape) point('pointerdown', 0);
  let seen = +canvas.dataset.seq, marks = [], lags = [];
  const seek = () => new Promise((done) => requestAnimationFrame(done));
  const watch = new MutationObserver(() => {
    const seq = +canvas.dataset.seq;
    if (seq === seen) return;
    seen = seq;
    const lag = +canvas.dataset.lag, drawn = performance.now();
    requestAnimationFrame(() => { const now = performance.now(); frames.push(now); lags.push(lag + now - drawn); });
  });
  watch.observe(canvas, { attributes: true, attributeFilter: ['data-seq'] });
  const start = performance.now();
  for (let i = 0; i < n; i++) {
    const before = seen, t = performance.now();
    if (shape) point('pointermove', i + 1); else slide(i);
    if (pause >= 100) {
      while (seen === before && performance.now() - t < pause) await seek();
      await seek();
      marks.push(performance.now() - t);
    }
    await new Promise((done) => setTimeout(done, Math.max(0, start + (i + 1) * pause - performance.now())));
  }
  const end = performance.now();
  if (shape) point('pointerup', n); else slider.dispatchEvent(new Event('change', { bubbles: true }));
  watch.disconnect();
  return { marks, lags, frames: frames.filter((t) => t <= end).length, seconds: (end - start) / 1000 };
}"""

RELEASE = """async () => {
  const hosts = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')];
  const root = hosts.map((e) => e.shadowRoot).find(Boolean);
  const canvas = root.querySelector('canvas.picture'), slider = root.querySelector('.conditions input[type=range]');
  const low = +slider.min, high = +slider.max, wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const slide = (share) => {
    slider.value = low + (high - low) * share;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  };
  let drawn = null;
  const watch = new MutationObserver(() => requestAnimationFrame(() => { drawn = performance.now(); }));
  watch.observe(canvas, { attributes: true, attributeFilter: ['data-seq'] });
  for (let i = 0; i < 30; i++) { slide(0.1 + 0.01 * i); await wait(1000 / 60); }
  const let_go = performance.now();
  drawn = Infinity;
  slide(0.45);
  slider.dispatchEvent(new Event('change', { bubbles: true }));
  await wait(1500);
  watch.disconnect();
  return drawn - let_go;
}"""
"""Milliseconds from the last move, which is also the release, to the animation frame after the last picture."""


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def line(name: str, values: list[float]) -> str:
    """Median and 95th percentile in words."""
    return (
        f"{name}: median {statistics.median(values):.0f} ms, 95th percentile {quantile(values, 0.95):.0f} ms "
        f"({len(values)} frames)"
    )


def watch(page: Page, address: str) -> tuple[list[str], list[str]]:
    """Lists that fill with requests to elsewhere and with console errors."""
    outside: list[str] = []
    errors: list[str] = []
    page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else outside.append(r.url))
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on(
        "console",
        lambda m: errors.append(m.text) if m.type == "error" and "_stcore" not in m.location.get("url", "") else None,
    )
    return outside, errors


def main() -> None:
    """Starts the explorer, drags, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", default="two_phase")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "checkpoints")
    parser.add_argument("--problems", type=Path, help="a folder with more problems")
    parser.add_argument("--shape", action="store_true", help="drag the first shape on the picture instead of a slider")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--without-route", action="store_true", help="block the live route: page reruns must do it")
    given = parser.parse_args()
    found = browser()
    if found is None:
        raise SystemExit("No Chromium was found. Install it, or set INVNET_BROWSER to its path.")
    with explorer(given.checkpoints, problems=given.problems) as address, sync_playwright() as pw:
        chromium = pw.chromium.launch(executable_path=found, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        outside, errors = watch(page, address)
        if given.without_route:
            page.route_web_socket(re.compile("/api/live"), lambda socket: socket.close())
        page.goto(f"{address}/{given.path}")
        page.locator(f".panel[data-mode={'fallback' if given.without_route else 'live'}]").wait_for(timeout=60_000)
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.evaluate(STEPS, [10, 100, given.shape])
        page.wait_for_timeout(2000)  # until what a release sets going is done
        steps = page.evaluate(STEPS, [20, 400, given.shape])
        drag = page.evaluate(STEPS, [int(given.seconds * 60), 1000 / 60, given.shape])
        page.wait_for_timeout(2000)
        released = [] if given.shape else [page.evaluate(RELEASE) for _ in range(10)]
        print(line("single steps, event to pixels", steps["marks"]))
        print(line("60 events/s, event to pixels", drag["lags"]))
        if released:
            print(line("release to the last picture", released))
        print(f"frames while dragging: {drag['frames'] / drag['seconds']:.1f} per second")
        print(f"requests to elsewhere: {len(outside)}; console errors: {len(errors)}")
        for text in [*outside, *errors]:
            print(f"  {text}")
        chromium.close()


if __name__ == "__main__":
    main()
