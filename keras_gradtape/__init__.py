"""gradtape as a backend of Keras 3, in the layout that Keras expects of one outside of its own
repository. `gradtape.keras` makes Keras find it."""
