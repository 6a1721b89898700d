"""The inverse problem without a network: the exact answer, the push-forward density, Newton onto a level, distances,
the game."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, wasserstein_distance

from core import discovery
from core.invariances.level import Level
from core.metrics import inverse as judge
from core.models.inverse import BRANCHES, LATENT, SLOW
from core.projection.levels import onto_level
from core.simulation import rosenbrock as exact
from core.simulation.rosenbrock import LOW, Prior, Target, oracle, pushforward, rosenbrock
from core.training.loop import Trainer

PRIORS = (Prior(), Prior((0.5, 1.0), 1.0), Prior((-1.0, 0.0), 0.4))
LEVELS = np.array([5.0, 50, 150, 350, 600, 1000, 1800])


def test_the_function_and_its_gradient():
    assert rosenbrock(np.array([1.0, 1.0])) == 0 and rosenbrock(np.array([[0.0, 0.0], [-1.0, 2.0]])).tolist() == [
        1.0,
        104.0,
    ]
    assert (
        rosenbrock(LOW)
        == exact.LARGEST
        == rosenbrock(np.stack(np.meshgrid(*np.linspace(LOW, exact.HIGH, 201).T), -1)).max()
    )
    x, h = Prior().draw(64, 0), 1e-6
    for k, e in enumerate(np.eye(2)):
        np.testing.assert_allclose(
            (rosenbrock(x + h * e) - rosenbrock(x - h * e)) / (2 * h), exact.gradient(x)[:, k], atol=1e-5
        )
    np.testing.assert_allclose(Level().measure(torch.tensor(x)[:, None, None]), rosenbrock(x), rtol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_pushforward_density_is_that_of_draws(prior):
    """Mass between levels against 400 000 draws: within 4 standard errors and 0.5 % of quadrature."""
    edges = np.array([0, 1, 10, 60, 100, 200, 400, 800, 1500, 2500])
    counts, _ = np.histogram(rosenbrock(prior.draw(400_000, 1)), edges)
    at = [a + (b - a) * (np.arange(4000) + 0.5) / 4000 for a, b in pairwise(edges)]
    mass = np.array([pushforward(prior)(y).mean() * np.ptp(edges[i : i + 2]) for i, y in enumerate(at)])
    assert mass.sum() == pytest.approx(1, abs=3e-3)
    error = np.sqrt(mass * (1 - mass) / 400_000)
    assert (np.abs(counts / 400_000 - mass) <= 4 * error + 5e-3 * mass + 1e-4).all()


@pytest.mark.parametrize("prior", PRIORS[:2])
def test_the_oracles_points_push_forward_to_the_target_and_keep_the_prior_along_a_level(prior):
    target = Target(350, 50, 250, 500)
    points = oracle(target, prior)
    y = np.sort(rosenbrock(points))
    n = len(y)
    assert n > 2000 and exact.inside(points).all()
    assert np.abs(target.cdf(y) - (np.arange(n) + 0.5) / n).max() < 2 / np.sqrt(n)
    thin = prior.draw(2_000_000, 2)
    thin = thin[np.abs(rosenbrock(thin) - 350) < 3]
    near = points[np.abs(rosenbrock(points) - 350) < 20]
    assert ks_2samp(near[:, 0], thin[:, 0]).pvalue > 1e-3
    naive = prior.draw(400_000, 3)
    weight = target.density(rosenbrock(naive)) / target.density(np.array(350.0))
    naive = naive[np.random.default_rng(0).random(len(naive)) < weight]
    wrong = np.sort(rosenbrock(naive))
    gap = np.abs(target.cdf(wrong) - (np.arange(len(wrong)) + 0.5) / len(wrong)).max()
    assert gap > 0.02, "prior times target alone is no answer"


def test_there_is_no_answer_beyond_the_largest_level():
    assert oracle(Target(3500, 100, 3200, 3800), Prior()).shape == (0, 2)
    assert pushforward(Prior())(np.array([exact.LARGEST + 1, -1.0])).tolist() == [0, 0]


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 4000), st.floats(1, 500), st.floats(0.1, 4), st.floats(0.1, 4))
def test_a_target_is_a_distribution(mean, sd, below, above):
    target = Target(mean, sd, max(0.0, mean - below * sd), mean + above * sd)
    u = (np.arange(400) + 0.5) / 400
    np.testing.assert_allclose(target.cdf(target.quantile(u)), u, atol=1e-6)
    y = np.linspace(target.low, target.high, 4001)
    assert np.trapezoid(target.density(y), y) == pytest.approx(1, abs=1e-3)
    assert target.quantile(u).min() >= target.low and target.quantile(u).max() <= target.high
    assert target.draw(400, 0).std() == pytest.approx(target.spread, rel=0.05)


@pytest.mark.parametrize(
    ("numbers", "said"), [((350, 50, 500, 200), "must be in order"), ((350, 5, 800, 900), "Almost nothing")]
)
def test_targets_that_are_none_are_refused(numbers, said):
    with pytest.raises(ValueError, match=said):
        Target(*numbers)


def test_draws_do_not_depend_on_how_many():
    np.testing.assert_array_equal(Prior().draw(10, 3), Prior().draw(500, 3)[:10])
    np.testing.assert_array_equal(PRIORS[1].draw(10, 3), PRIORS[1].draw(500, 3)[:10])


def test_newton_reaches_the_level_from_nearby_and_stays_on_its_branch():
    """To 1e-9 of levels up to 2000, from errors of 10 % and of 30 in y."""
    x = Prior().draw(2000, 4)
    x = x[rosenbrock(x) > 20]
    y = rosenbrock(x)
    asked = y + np.random.default_rng(0).uniform(-1, 1, len(y)) * np.minimum(30, 0.1 * y)
    found = onto_level(x, asked)
    assert np.abs(rosenbrock(found) - asked).max() < 1e-9
    assert (np.sign(found[:, 1] - found[:, 0] ** 2) == np.sign(x[:, 1] - x[:, 0] ** 2)).all()
    np.testing.assert_array_equal(onto_level(x, y), x)
    far = onto_level(x, np.full(len(x), 3500.0), 30)
    assert np.abs(rosenbrock(far) - 3500).max() < 1e-6


def test_distances_are_the_textbook_ones():
    rng = np.random.default_rng(0)
    for a, b in ((rng.normal(size=200), rng.normal(1, 2, 200)), (rng.normal(size=200), rng.normal(0.2, 1, 77))):
        assert judge.w1(a, b) == pytest.approx(wasserstein_distance(a, b), rel=1e-9)
        assert judge.ks(a, b) == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)


def test_a_shift_of_the_pushforward_is_found_with_its_error_bar():
    """W1 of a shift by 0.1 sd is 0.1; of values that scatter about their levels the bootstrap finds the spread over
    seeds."""
    target = Target()
    levels = target.draw(1000, 0)
    found = judge.from_target(levels + 0.1 * target.spread, levels, target)
    assert found["W1"][0] == pytest.approx(0.1, abs=2e-3) and found["W1"][1] < 1e-3
    assert judge.from_target(levels, levels, target)["W1"][0] < 2e-3

    def scatter(s):
        return levels + 0.3 * target.spread * np.random.default_rng(s).normal(size=1000)

    runs = [judge.from_target(scatter(s), levels, target, 60, s)["W1"] for s in range(12)]
    assert np.mean([e for _, e in runs]) == pytest.approx(np.std([v for v, _ in runs]), rel=0.8)


def test_the_oracle_again_is_no_further_than_its_error_bars():
    a, b = oracle(Target(), Prior(), 0)[:1500], oracle(Target(), Prior(), 1)[-1500:]
    for value, error in judge.from_oracle(a, b, 40).values():
        assert value < 0.06 and error > 0
    assert judge.from_oracle(a[a[:, 0] > 0], b, 20)["W1 x1"][0] > 0.3, "a lost branch is seen"
    assert judge.branches(a).sum() == pytest.approx(1)


def test_nearest_draws_are_the_nearest():
    _, y = judge.drawn(Prior(), 0)
    found = judge.nearest(LEVELS, Prior())
    assert [np.abs(y - level).min() for level in LEVELS] == pytest.approx(np.abs(rosenbrock(found) - LEVELS).tolist())


def fresh(**change):
    problem, preset = discovery.split("inverse/invnet")
    trainer = Trainer(problem, preset, replace(preset.tiny, **change), None)
    with torch.no_grad():
        trainer.generator.gate[-1].weight *= 10 / SLOW
        trainer.generator.codes.weight *= 10
        trainer.critic.net[-1].weight *= 100
    return trainer


def test_branches_are_drawn_by_their_shares():
    """Counts of 20 000 draws at each level within 4 standard errors; a branch is continuous in the level."""
    generator, n = fresh().generator, 20_000
    z = torch.randn(n, LATENT, generator=torch.Generator().manual_seed(0))
    for level in LEVELS:
        at = torch.full((n,), float(level))
        shares = generator.shares(at)[0]
        branch = generator.branch(z, shares.expand(n, -1))
        seen = torch.bincount(branch, minlength=BRANCHES) / n
        assert ((seen - shares).abs() <= 4 * (shares * (1 - shares) / n).sqrt()).all() and shares.max() < 0.9
        made = generator.points(z, at)
        assert torch.equal(made, generator.branch_points(z, at, branch))
        assert torch.allclose(made, generator.branch_points(z, at + 1e-3, branch), atol=1e-3)


@pytest.mark.parametrize("gone", [0.0, 0.6, 1.0])
def test_the_shares_follow_the_mean_loss_over_their_branches(gone):
    """However branches are drawn: the gradient in the logits is that of the sum over all branches, within 4 standard
    errors."""
    game = fresh(batch=256).game
    game.progress_share, bias, errors, wanted = gone, game.generator.gate[-1].bias, [], []
    for number in range(60):
        fields, asked = game.real_batch(number)
        z, level, real = game.latents(number), asked["level"], game.score(game.real_critic_input(number, fields, asked))
        made = [game.generator.branch_points(z, level, torch.full((256,), k))[:, None, None] for k in range(BRANCHES)]
        losses = torch.stack(
            [torch.nn.functional.softplus(real - game.score(game.critic_input(m, asked))) for m in made], 1
        )
        mean = (game.generator.shares(level) * losses.detach()).sum(1).mean()
        (right,), (found,) = (torch.autograd.grad(v, bias) for v in (mean, game.generator_loss(number)[0]))
        errors.append(found - right)
        wanted.append(right)
    errors, wanted = torch.stack(errors), torch.stack(wanted).mean(0)
    error = errors.std(0) / len(errors) ** 0.5
    assert (errors.mean(0).abs() <= 4 * error).all() and (wanted.abs() > 8 * error).any()


def test_the_game_of_points_draws_the_prior_given_the_level_and_resumes_to_the_bit():
    problem, preset = discovery.split("inverse/invnet")
    tiny = replace(preset.tiny, batch=512, steps=3)
    trainer = Trainer(problem, preset, tiny, None)
    fields, asked = trainer.game.real_batch(7)
    again, _ = trainer.game.real_batch(7)
    assert torch.equal(fields, again) and not torch.equal(fields, trainer.game.real_batch(8)[0])
    x, y = fields.flatten(1).double().numpy(), asked["level"].double().numpy()
    np.testing.assert_allclose(y, rosenbrock(x), rtol=1e-4, atol=1e-3)
    roots = np.sqrt(np.concatenate([trainer.game.real_batch(k)[1]["level"].numpy() for k in range(20)]))
    assert np.abs(np.sort(roots) / np.sqrt(2000) - np.linspace(0, 1, len(roots))).max() < 0.03, (
        "levels are even in their root"
    )
    trainer.step()
    state = trainer.state()
    trainer.step()
    other = Trainer(problem, preset, tiny, None)
    other.restore(state)
    other.step()
    assert all(torch.equal(v, other.state()[k]) for k, v in trainer.state().items())
    assert [p.name for p in trainer.game.players] == ["critic", "generator", "projection"]
    assert "inverse" in discovery.point_problems() and "inverse" not in discovery.problems()
