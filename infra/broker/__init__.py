"""Task queues: how workers learn that a load waits."""
