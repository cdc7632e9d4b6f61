"""Teachers and their fusion: trained and cross-fitted, or external; the heads z1 and z2; what each teacher adds."""
