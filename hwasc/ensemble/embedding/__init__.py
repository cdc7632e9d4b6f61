"""Teachers from pretrained nets: a net turns each clip into a vector, its embedding, and a linear probe makes logits of it."""
