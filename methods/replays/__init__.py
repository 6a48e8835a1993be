"""Replays: published output images, read and scored in place of being computed."""
