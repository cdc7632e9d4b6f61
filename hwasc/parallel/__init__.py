"""Several processes: independent jobs, and one training over torchrun's workers. The device that each computes on."""
