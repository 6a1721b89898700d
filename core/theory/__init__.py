"""Theory: games with exact solutions, and the same games as the trainer plays them.

The linear game (`linear_exact`, `linear_game`) and a GAN on a line (`gan_exact`, `gan_lab`, `gan_report`) use the
schemes and losses of `core.training`; no problem is trained here.
"""
