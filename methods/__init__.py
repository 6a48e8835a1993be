"""Methods, one file each; ``catalog.py`` names them."""
