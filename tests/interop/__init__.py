"""Tests of the doors to other libraries."""
