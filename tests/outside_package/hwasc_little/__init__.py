"""A little package that adds parts to hwasc."""
