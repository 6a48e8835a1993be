"""Thin writers: a :class:`bench.report.layout.Table` as Markdown, LaTeX or text for a terminal."""
