"""Sound: reading clips, waveform to log-mel, augmentation."""
