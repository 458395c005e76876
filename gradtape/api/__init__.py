"""The roof: public names by topic, re-exports only."""
