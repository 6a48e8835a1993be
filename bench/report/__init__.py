"""The report: tables, figures and the page, made from a results folder and from nothing else."""
