"""The application: the pages and the live route in one server. Start it with `streamlit run explorer/app.py`."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # a plain clone starts without being installed

import plotly.graph_objects  # noqa: E402, F401  imported here so that no page waits for it
import streamlit as st  # noqa: E402
import torch  # noqa: E402
from starlette.routing import WebSocketRoute  # noqa: E402

from explorer.jobs import Jobs  # noqa: E402
from explorer.labs import gan, inverse, linear  # noqa: E402
from explorer.live.models import MODELS  # noqa: E402
from explorer.live.service import Service  # noqa: E402
from explorer.panel_spec import ROUTE  # noqa: E402


def warm_up() -> tuple[str, ...]:
    """Sets one torch thread (two double the slowest frames), loads the models and returns their names.

    What is in memory then stays there, so the garbage collector skips it from here on.
    """
    torch.set_num_threads(1)
    loaded = MODELS.preload()
    gc.collect()
    gc.freeze()
    return loaded


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Closes all background jobs when the explorer ends."""
    yield
    Jobs.close_all()


warm_up()
LABS = {lab.name: lab for lab in (linear.LAB, gan.LAB, inverse.LAB)}
service = Service(labs=LABS, hosts=st.get_option("server.allowedHosts"))
route = WebSocketRoute(ROUTE, service.handle)
app = st.App(ROOT / "explorer" / "main.py", routes=[route], lifespan=lifespan)
