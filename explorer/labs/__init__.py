"""The labs: pages of theory whose panels answer their own requests on the live route."""
