"""One file per problem; composition only. `core.discovery` finds them by file name."""
