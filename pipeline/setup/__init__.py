"""From names to a composer, and whether what a profile names is here."""
