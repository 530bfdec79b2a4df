"""The embedded default: a drawn world and three tiny models that know it."""
