"""The learned step for photographs: any size, grey or in colour, and no model of a class."""
