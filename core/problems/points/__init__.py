"""Problems whose samples are points, not images, trained by the same trainer under the same names.

One file each that defines `PROBLEM`; `core.discovery` finds them by name. They are not in `core.problems()`, and have
their own pages and measures of quality."""
