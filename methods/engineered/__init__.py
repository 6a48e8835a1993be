"""Engineered priors (dark channel, extreme channels, outliers, data fitting) on one core."""
