"""Moving everything that is stored to another database."""


class TransferError(Exception):
    """The transfer cannot be done; the text says what to do. The source is as it was, but for the agent being off."""
