"""Games with known answers: the linear game and a GAN on a line, exact and as the trainer plays them."""
