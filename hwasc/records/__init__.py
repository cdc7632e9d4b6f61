"""What people read and write: architecture, budget, search space, settings, run folder. No torch below this line."""
