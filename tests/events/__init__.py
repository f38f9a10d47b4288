"""Tests of the event builders."""
