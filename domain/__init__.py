"""What a hiring record is: entities, their rules, rejects and loads. Standard library only."""
