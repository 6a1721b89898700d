"""One thread for every test: small arrays run faster on one, and times do not depend on what else the machine does."""

import torch

torch.set_num_threads(1)
