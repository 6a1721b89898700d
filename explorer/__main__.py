"""`python -m explorer` is the command `invnet`."""

from explorer.command import main

if __name__ == "__main__":
    raise SystemExit(main())
