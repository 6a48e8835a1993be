"""How an observation is made, and how a restored image is registered to the truth."""
