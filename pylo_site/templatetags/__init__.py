"""Template tags of the shells."""
