"""Families of scores, one per file.

``linear`` folds all grains into one vector and serves any index. The others look at every picture
of the gallery; each has a function ``score(query, numbers)`` that returns named parts, (n,) arrays
whose sum is the score.
"""

# Family → the numbers it takes, with what they are where a recipe does not say.
FAMILIES: dict[str, dict[str, float]] = {
    "linear": {},
    "divergence": {"places": 5, "temperature": 0.04},
    "increment": {"gain": 0.13, "loss": 2.1},
    "product": {"share": 1.0},
    "gated": {"beta": 0.25, "strength": 4.0, "margin": 0.1},
    "slerp": {"from": 0.7, "step": 0.1, "pool": 100},
    "harris": {"edge": 0.1},
}
