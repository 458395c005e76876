"""What layers have besides what Keras gives them: nothing."""


class BackendLayer:
    """The base of every layer."""
