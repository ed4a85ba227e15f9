"""What the service does: the ports and one use case per verb."""
