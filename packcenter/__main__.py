"""`python -m packcenter` is the command line."""

from packcenter.cli.main import main

main()
