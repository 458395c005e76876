"""Optimizers that apply gradients to variables, and learning-rate schedules."""
