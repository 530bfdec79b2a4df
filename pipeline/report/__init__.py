"""Results that people look at: static HTML, and pictures inside a terminal."""
