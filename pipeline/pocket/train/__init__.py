"""How the pocket models were made: `python -m likebut.pipeline.pocket.train clip|captioner|reasoner`."""
