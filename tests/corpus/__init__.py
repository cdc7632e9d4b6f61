"""Small odd files that once did harm. A module for each subject; a mistake that a file can show gets its file here."""
