"""Tests of projects: several functions, their versions and limits, and the control plane."""
