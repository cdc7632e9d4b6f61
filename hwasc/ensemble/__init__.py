"""Teachers and their fusion: trained here by cross-fitting, or given; the heads z1 and z2; what each teacher adds."""
