"""Networks: generators, critics, their building blocks, and the differentiable physics layers in them.

The networks do not know how they are trained (`core.losses`, `core.training`) or stored (`core.checkpoint`); names of
`nn.Module` attributes are keys of the checkpoints.
"""
