"""Systems beside the problems, trained by the same trainer under the same names, whose samples are no pictures.

One file each that defines `PROBLEM`; `core.discovery` finds them where there is no problem of that name. They are not
among `core.problems()`: their pages and their measures of quality are their own."""
