"""The page of two-phase microstructures: the panel, and the link to the user's own micrograph."""

from __future__ import annotations

import streamlit as st

from explorer import problem_page, routes

if __name__ == "__main__":
    problem_page.show("two_phase")
    st.page_link(routes.micrograph(), label="Generate structures like your own micrograph", icon=":material/biotech:")
