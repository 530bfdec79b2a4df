"""How the pocket models were made: `python -m pipeline.pocket.train clip|captioner|reasoner`."""
