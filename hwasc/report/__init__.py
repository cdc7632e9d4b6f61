"""Reports: the terminal, plots, self-contained HTML."""
