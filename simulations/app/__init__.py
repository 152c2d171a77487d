"""The what-if page, ``docketsim app``: a model of one session without a browser, and a thin page over it."""
