"""A user's own micrograph: the upload, and the request that it becomes."""
