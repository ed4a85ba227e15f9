"""How the service does it: adapters of the ports."""
