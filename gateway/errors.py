"""What the gateway itself raises.

GatewayError
 |- ConfigError   the file does not describe a gateway; says where
 |- Unwritable    the log did not take a record, or did not prove it: it may be there
 |- Unfetchable   a certificate, or the confirmation of a subscription, could not be had now
"""


class GatewayError(Exception):
    """Base of everything this package raises."""


class ConfigError(GatewayError):
    """The configuration cannot be used; says where in it."""


class Unwritable(GatewayError):
    """Nothing is known to be on the log."""


class Unfetchable(GatewayError):
    """Not now; the sender may come again."""
