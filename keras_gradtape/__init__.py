"""gradtape as a backend of Keras 3: the layout is the one that Keras expects of a backend outside of
its own repository. `gradtape.keras` makes Keras find it."""
