"""The router: the home page, a page for every problem, and the labs."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from core import discovery  # noqa: E402
from explorer import routes  # noqa: E402

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-left: 24px; padding-right: 24px; max-width: 1420px; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: .6rem; }
</style>"""
st.set_page_config(page_title="InvNet Explorer", layout="wide")
st.html(STYLE)
home = st.Page(routes.VIEWS / "home.py", title="InvNet Explorer", default=True)
problems = [routes.page(name) for name in discovery.problems()]
labs = [routes.inverse(), routes.linear_game(), routes.gan_lab()]
page = st.navigation({"": [home, *problems, routes.micrograph()], "Labs": labs}, position="top")
routes.enter(page.url_path)
page.run()
