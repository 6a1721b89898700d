"""The theory panels: each answers its own requests on the live route."""
