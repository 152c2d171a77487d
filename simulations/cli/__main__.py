"""``python -m simulations.cli`` is ``docketsim``."""

from simulations.cli import main

main()
