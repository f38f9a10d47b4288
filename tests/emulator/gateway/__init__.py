"""Tests of API Gateway."""
