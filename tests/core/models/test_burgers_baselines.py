"""The paper's kind of generator: an image from (c, nu), periodic in x."""

import pytest
import torch

from core.models.burgers_baselines import ImageDecoder, framed


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    return ImageDecoder((16, 8, 8, 8)).eval().requires_grad_(False)


def make(decoder, frequency, viscosity):
    requested = {"frequency": torch.tensor(frequency), "viscosity": torch.tensor(viscosity)}
    return decoder(decoder.noise(range(len(frequency)), (64, 64)), requested, decoder.draw_latent({}, requested))


def test_an_image_for_each_request(decoder):
    images = make(decoder, [2.0, 4.0, 4.0], [0.01, 0.01, 0.003])
    assert images.shape == (3, 1, 64, 64) and images.isfinite().all()
    assert len({i.numpy().tobytes() for i in images}) == 3
    torch.testing.assert_close(images[1:2], make(decoder, [4.0], [0.01]), atol=1e-6, rtol=1e-5)


def test_a_frame_is_periodic_in_x_and_repeats_in_t():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    wide = framed(x)[0, 0]
    assert wide.shape == (5, 6)
    assert torch.equal(wide[0, 1:-1], x[0, 0, -1]) and torch.equal(wide[-1, 1:-1], x[0, 0, 0])
    assert torch.equal(wide[:, 0], wide[:, 1]) and torch.equal(wide[:, -1], wide[:, -2])


def test_it_shifts_with_its_latent_image(decoder):
    """Nothing but the first layer knows where x = 0 is: its 4 rows rolled by one roll the image by 16."""

    def after(latent):
        x = latent
        for first, second in zip(decoder.first, decoder.second, strict=True):
            x = torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = torch.nn.functional.gelu(second(framed(torch.nn.functional.gelu(first(framed(x))))))
        return decoder.leave(framed(x))

    latent = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(after(latent.roll(1, 2)), after(latent).roll(16, 2), atol=1e-5, rtol=1e-5)


def test_it_is_differentiable_in_the_request(decoder):
    c = torch.tensor([3.0], requires_grad=True)
    decoder({}, {"frequency": c, "viscosity": torch.tensor([0.01])}, {}).sum().backward()
    assert c.grad.abs() > 0
