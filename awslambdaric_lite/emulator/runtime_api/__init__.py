"""The Runtime API of the emulator: what a runtime process talks to."""
