"""The drag path: the panel in the browser, the binary protocol, and the service that answers it."""
