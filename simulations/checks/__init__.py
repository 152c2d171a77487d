"""Checks with known answers for ``docketsim validate``; the scenario files are in this folder."""
