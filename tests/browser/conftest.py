"""One explorer and one browser for all tests; skipped where there is no browser, except on CI."""

import functools
import os
import shutil

import pytest

from core import sampling
from tests.browser.launch import FLAGS, browser, explorer
from tests.explorer import untrained

PATIENCE = 60_000
"""Milliseconds until a fact that has not come true fails a test; a busy machine is slow, not wrong."""
SIZE = {"width": 1280, "height": 720}


@pytest.fixture(scope="session")
def chromium():
    found = browser()
    if found is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here; set INVNET_BROWSER to its path")
    assert found, "CI must have a Chromium"
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as pw:
        opened = pw.chromium.launch(executable_path=found, args=[*FLAGS, "--process-per-site"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def address(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    untrained.folder(folder)
    more = ("burgers/viscous", "burgers/inviscid", "motif/any", "inverse/invnet", "inverse/cgan", "showers/tricks")
    for name in ("two_phase/correlation", *more):
        untrained.folder(folder, name)
    with untrained.invented():
        for name in ("rings/shares", "waves/sine", "discs/pair", "discs/mixed", "discs/free"):
            untrained.write(folder, name)
    with explorer(folder, problems=untrained.PROBLEMS) as url:
        yield url


@pytest.fixture(scope="session")
def without_models(chromium, tmp_path_factory):
    """An explorer whose only checkpoint is damaged, started as a plain script: no live route."""
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "two_phase" / "fraction.safetensors"
    path.parent.mkdir()
    source = sampling.path_of("two_phase/fraction")
    if source.exists():
        shutil.copy(source, path)
        path.write_bytes(path.read_bytes()[:5000])
    with explorer(folder, "explorer/main.py") as url:
        yield url


class Log:
    """What a page must not do: talk to elsewhere, or fail in its console."""

    def __init__(self, page, address):
        self.outside, self.errors = [], []
        page.on(
            "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else self.outside.append(r.url)
        )
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("console", self.console)

    def console(self, message):
        # Streamlit itself asks for _stcore under the page's own path first, and finds it under the root
        if message.type == "error" and "_stcore" not in message.location.get("url", ""):
            self.errors.append(message.text)


@pytest.fixture(scope="session")
def context(chromium):
    """context(address, **options) -> the browser context of these options, in which an idle page of the address stays.

    With `--process-per-site` all pages of a context share the process that the idle page keeps alive. It compiles the
    explorer's scripts once, which halves the cost of a page.
    """

    @functools.cache
    def make(address, **options):
        made = chromium.new_context(viewport=SIZE, **options)
        made.new_page().goto(f"{address}/_stcore/health")
        return made

    return make


@pytest.fixture
def new_page(context):
    """new_page(address, **context) -> a page that watches itself; every one must end without complaints."""
    opened = []

    def make(address, color_scheme="light", **options):
        page = context(address, **options).new_page()
        page.emulate_media(color_scheme=color_scheme)
        page.set_default_timeout(PATIENCE)
        opened.append((page, Log(page, address)))
        return page

    yield make
    for page, log in opened:
        page.close()
        assert log.outside == [] and log.errors == []
