"""The router: the home page and a page for every problem there is. It lists; the views show."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from core import discovery  # noqa: E402
from explorer import pages  # noqa: E402

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-left: 24px; padding-right: 24px; max-width: 1420px; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: .6rem; }
</style>"""
st.set_page_config(page_title="InvNet Explorer", layout="wide")
st.html(STYLE)
home = st.Page(pages.VIEWS / "home.py", title="InvNet Explorer", default=True)
problems = [pages.page(name) for name in discovery.problems()]
labs = [pages.inverse(), pages.linear_game(), pages.gan_lab()]
page = st.navigation({"": [home, *problems, pages.micrograph()], "Labs": labs}, position="top")
pages.enter(page.url_path)
page.run()
