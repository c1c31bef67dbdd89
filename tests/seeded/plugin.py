"""`pytest -p seeded.plugin`: run the tests against a product that has the bug that PACKCENTER_BUG names."""

import os

from seeded.patch import bugs, install

install(bugs()[os.environ["PACKCENTER_BUG"]])
