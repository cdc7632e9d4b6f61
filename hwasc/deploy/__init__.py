"""The student as a file for a runtime, and that runtime's own answers."""
