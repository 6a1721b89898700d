"""What the browser tests of the labs share: a page that is ready, and what its plots show."""

from playwright.sync_api import expect

from tests.browser.test_panel import READ


def opened(new_page, address, lab, query="", mode="live", **options):
    page = new_page(address, **options)
    page.goto(f"{address}/{lab}{query}")
    expect(page.locator(".lab")).to_have_attribute("data-mode", mode)
    expect(page.locator(".picture")).not_to_have_attribute("data-seq", "0")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    return page


def drawn(page, plots):
    return [page.locator(f".lab {p}").evaluate(READ) for p in plots]
