"""Reading clips, log-mel features, noise and augmentation."""
