"""The page of two-phase microstructures: the panel, and the way to structures like a person's own micrograph."""

from __future__ import annotations

import streamlit as st

from explorer import problem_page, routes

if __name__ == "__main__":
    problem_page.show("two_phase")
    st.page_link(routes.micrograph(), label="Make structures like your own micrograph", icon=":material/biotech:")
