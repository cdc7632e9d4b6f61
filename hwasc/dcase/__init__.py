"""DCASE Task 1: the rules by year, a submission and its inference package."""
