"""The lab of the linear game without a browser: frames against the trainer's schemes, sentences, links, the route's
answers."""

import itertools
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.theory import linear_exact
from core.theory.linear_game import LinearGame
from explorer import routes
from explorer.labs import component as lab_component
from explorer.labs import linear
from explorer.labs.linear import LAB
from explorer.live import protocol
from explorer.live.service import Service

PAGE = str(routes.VIEWS / "linear_game.py")
KEY = f"relay:{LAB.model}"


@pytest.fixture
def page():
    return AppTest.from_file(PAGE, default_timeout=60)


def sentences(page):
    return [e.value for e in (*page.warning, *page.error, *page.info)]


def framed(**change):
    return protocol.decode(linear.frame(LAB.dial(change), 7, {}))


def claims(**change):
    return dict(framed(**change)[0]["claims"])


def words(**change):
    return " ".join(claims(**change).values())


@pytest.mark.parametrize("critic", linear_exact.CRITICS)
@pytest.mark.parametrize("scheme", linear_exact.SCHEMES)
def test_the_paths_drawn_are_those_of_the_trainers_schemes(scheme, critic):
    """To 1e-12 of the largest number so far, over all the steps drawn, at every coordinate."""
    dial = LAB.dial({"scheme": scheme, "critic": critic, "eta": 0.2, "mu": 0.7, "dimension": 6, "motif": 2})
    game = linear.setting(dial)
    blocks = [linear.Block.of(name, game) for name in ("free", "motif")]
    found = linear.paths(game, blocks, scheme, 0.2)
    played = LinearGame(game, 0.2).play(scheme, linear.STEPS)
    size = np.maximum.accumulate(np.abs(played).max((1, 2)).clip(1))[:, None]
    for i, name in enumerate(("theta", "psi")):
        assert (np.abs(found[name] - played[:, i]) <= 1e-12 * size).all()
    header, arrays = framed(**dial)
    assert header["id"] == 7 and arrays["theta"].shape == (linear.STEPS + 1, 6)
    np.testing.assert_allclose(arrays["psi"], found["psi"], rtol=1e-6, atol=1e-6)


def test_with_samples_the_trainers_scheme_plays_to_a_floor_of_noise():
    """The floor falls like one over the root of the batch: 256 and 16 samples, within a factor of 2 of 4."""
    floors = []
    for samples in ("16", "256"):
        dial = LAB.dial({"scheme": "extragradient", "samples": samples, "eta": 0.2})
        header, arrays = framed(**dial)
        played = LinearGame(linear.setting(dial), 0.2, batch=int(samples)).play("extragradient", linear.STEPS)
        np.testing.assert_allclose(arrays["theta"], played[:, 0], rtol=1e-6, atol=1e-6)
        for block in header["blocks"]:
            told = 10 ** arrays[f"distance.{block['name']}"][-linear.FLOOR :].astype(float)
            assert block["growth"] is None and block["last"] == pytest.approx(told.mean(), rel=1e-3)
            floors.append(block["last"])
    assert 2 < floors[0] / floors[2] < 8 and 2 < floors[1] / floors[3] < 8


def test_distances_are_those_of_the_paths():
    header, arrays = framed(scheme="extragradient", eta=0.2)
    for block in header["blocks"]:
        at = block["at"]
        gaps = [arrays[k][:, at] - np.array(header["nash"][k])[at] for k in ("theta", "psi")]
        told = np.sqrt(sum(g.astype(float) ** 2 for g in gaps).sum(1))
        np.testing.assert_allclose(10 ** arrays[f"distance.{block['name']}"].astype(float), told, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("scheme", linear_exact.SCHEMES)
def test_every_corner_of_the_dial_has_a_frame(scheme):
    corners = itertools.product(
        (0.01, 0.5, 1.0), (0, 1.0, 2.0), linear_exact.CRITICS, ((1, 0), (1, 1), (16, 16), (16, 5))
    )
    for eta, mu, critic, (d, size) in corners:
        header, arrays = framed(scheme=scheme, eta=eta, mu=mu, critic=critic, dimension=d, motif=size)
        assert all(np.isfinite(a).all() for a in arrays.values())
        assert [b["name"] for b in header["blocks"]] == [
            n for n, there in (("free", size < d), ("motif", size)) if there
        ]
        for block in header["blocks"]:
            assert block["growth"] == pytest.approx(block["radius"], abs=1e-3), (scheme, eta, mu, critic, d, size)
            assert len(block["at"]) == block["count"]


def test_the_map_says_where_it_converges():
    _, arrays = framed(scheme="extragradient", eta=0.1, mu=0.5)
    rows, columns = linear.MAP
    at = round(0.5 / 2 * (rows - 1)), round((0.1 - 0.01) / 0.99 * (columns - 1))
    assert arrays["map"][at] < 128 and arrays["border"][at] < 128
    assert arrays["map"][-1, -1] == 255 == arrays["border"][-1, -1]
    assert (framed(scheme="alternating", motif=0)[1]["map"] == 128).all()
    assert (framed(scheme="simultaneous")[1]["map"] > 128).all()


def test_the_sentences_follow_the_numbers():
    told = words(scheme="simultaneous", eta=0.1, mu=0.5)
    assert (
        "0.905249: the bound is false" in told
        and "0.953939" in told
        and "conclusion is right" in told
        and "1.004988" in told
    )
    assert "the bound holds" in words(scheme="simultaneous", eta=0.5, mu=0.1)
    assert "So is the conclusion: with no free coordinate GD converges" in words(dimension=3, motif=3)
    assert "The conclusion holds: with no free coordinate GD diverges" in words(dimension=3, motif=3, eta=0.5, mu=0.1)
    assert "every singular value is √(1 + η²)" in words(motif=0)
    told = words(scheme="alternating", eta=0.3, mu=0.5)
    assert "radius 1.000000" in told and "1.429 ψ*" in told
    assert "block drifts" in words(scheme="alternating", eta=0.5, mu=1.0)
    assert "no fixed point" in words(scheme="alternating", eta=0.5, mu=1.0)
    assert "infinitely many" not in " ".join(claims()) and "infinitely many" in " ".join(claims(samples="16"))
    assert "Nash" not in words(scheme="alternating", critic="projected")
    told = words(scheme="extragradient", eta=0.3, mu=2.0)
    assert "it diverges" in told and "1.133923" in told and f"{1 / (2 + 3**0.5):.4f}" in told
    assert "it converges" in words(scheme="extragradient", eta=0.2, mu=2.0)
    assert "1/(2μ) = 0.2500" in words(scheme="extragradient", critic="projected", mu=2.0)
    assert "diverges" in words(scheme="optimistic", eta=0.6, mu=0.1) and "0.5774" in words(scheme="optimistic")
    assert "misses the motif by up to 1.6" in words() and "misses the motif by 0." in words(critic="projected")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"scheme": "alternating", "motif": 0}, "cycles"),
        ({"scheme": "alternating", "eta": 0.5, "mu": 1.0, "motif": 8}, "drifts"),
        ({"critic": "projected", "mu": 0, "motif": 8}, "stands still"),
        ({"eta": 1.0, "mu": 1.0, "critic": "projected", "motif": 8}, "flips for ever"),
        ({"scheme": "extragradient", "eta": 0.5, "mu": 1.0, "critic": "projected", "motif": 8}, "stands still"),
    ],
)
def test_what_happens_at_radius_1(change, expected):
    (block,) = framed(**change)[0]["blocks"]
    assert block["radius"] == pytest.approx(1, abs=1e-9) and block["verdict"] == expected


def test_the_bounds_that_are_told_are_the_borders():
    assert linear_exact.radius("extragradient", 0.267, 2.0) < 1 < linear_exact.radius("extragradient", 0.269, 2.0)
    assert (
        linear_exact.radius("extragradient", 0.249, 2.0, False)
        < 1
        < linear_exact.radius("extragradient", 0.251, 2.0, False)
    )
    assert linear_exact.radius("optimistic", 0.577, 0) < 1 < linear_exact.radius("optimistic", 0.578, 0)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"lab": "quadratic"}, "The labs are: linear_game"),
        ({"lab": ["linear_game"]}, "The labs are: linear_game"),
        ({"lab": "linear_game", "dial": 3}, "dial must be an object"),
        ({"lab": "linear_game", "dial": {"eta": 2}}, "eta must be a number from 0.01 to 1; got 2"),
        ({"lab": "linear_game", "dial": {"eta": True}}, "eta must be a number"),
        ({"lab": "linear_game", "dial": {"dimension": 2.5}}, "dimension must be a whole number from 1 to 16"),
        ({"lab": "linear_game", "dial": {"scheme": "newton"}}, "scheme must be one of simultaneous, alternating"),
        ({"lab": "linear_game", "dial": {"scheme": ["a"]}}, "scheme must be one of"),
        ({"lab": "linear_game", "dial": {"colour": 1}}, "Unknown name 'colour'"),
        ({"lab": "linear_game", "dial": {"dimension": 2, "motif": 3}}, "Make the motif smaller"),
    ],
)
def test_the_route_answers_bad_requests_with_a_sentence(request_, said):
    header, arrays = protocol.decode(Service(labs={LAB.name: LAB}).answer(json.dumps({"id": 5, **request_})))
    assert header["id"] == 5 and said in header["error"] and not arrays


def test_the_route_answers():
    header, arrays = protocol.decode(
        Service(labs={LAB.name: LAB}).answer(json.dumps({"id": 5, "lab": "linear_game", "dial": {"eta": 0.25}}))
    )
    assert header["id"] == 5 and "error" not in header and header["dial"]["eta"] == 0.25 and arrays["theta"].any()


def test_the_page_shows_the_panel(page):
    page.run()
    assert not page.exception and not sentences(page) and len(page.get("bidi_component")) == 2


def test_a_link_sets_the_dial_and_what_cannot_be_used_is_a_sentence(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        lab_component, "mount_lab", lambda frame, name, model: drawn.append(protocol.decode(frame)[0]["panel"]["dial"])
    )
    for name, value in {
        "eta": "0.3",
        "scheme": "optimistic",
        "mu": "9",
        "motif": "x",
        "critic": "blind",
        "colour": "red",
    }.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception and drawn[-1] == LAB.dial({"eta": 0.3, "scheme": "optimistic"})
    assert len(page.warning) == 4 and all("It is left out." in s for s in sentences(page))


def test_numbers_that_do_not_go_together_in_a_link_are_a_sentence(page):
    page.query_params["dimension"] = "2"
    page.run()
    assert not page.exception and any("The defaults are used." in s for s in sentences(page))


def test_release_writes_the_link_and_the_session_remembers(page):
    page.run()
    dial = LAB.dial({"eta": 0.35, "critic": "projected"})
    page.session_state[KEY] = {"dial": {"lab": "linear_game", "dial": dial, "id": 3}}
    page.run()
    query = {k: v[0] if isinstance(v, list) else v for k, v in dict(page.query_params).items()}
    assert not page.exception and query == LAB.query(dial) and LAB.linked(query) == (dial, [])
    page.query_params.clear()
    assert page.session_state[f"dial:{LAB.model}"] == dial


def test_a_bad_release_writes_nothing(page):
    page.run()
    page.session_state[KEY] = {"dial": {"lab": "linear_game", "dial": {"eta": 7}, "id": 3}}
    page.run()
    assert not page.exception and not dict(page.query_params) and "eta must be" in " ".join(sentences(page))


def test_the_router_lists_the_page(home):
    assert not home.run().exception
    assert not home.switch_page("views/linear_game.py").run().exception
