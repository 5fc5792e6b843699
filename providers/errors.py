"""What the providers package raises.

ProviderError
 |- DeclarationError     a provider declares something impossible
 |- BatchSizeError       more (or fewer) messages than one request may carry
 |- AddressRefusedError  a URL that a user gave leads where it must not
 |- RegistryError        the registry's file does not describe providers
 |- CertificateError     a file of certificates cannot be used
 |- SignInError          a key cannot be used to sign in
 |- TemplateError
     |- TemplateFileError      a template file cannot be used
     |- TemplateUnknownError   no such template, version, or channel in it
     |- VariableError          a variable is missing, or was never declared
"""


class ProviderError(Exception):
    """Base of everything this package raises."""


class DeclarationError(ProviderError):
    """A declaration that cannot hold; says which provider and which field."""


class BatchSizeError(ProviderError):
    """`send` was given no message, or more than the provider's `batch_size`."""

    def __init__(self, provider: str, given: int, limit: int) -> None:
        super().__init__(f"{provider}: {given} messages given, one request carries 1 to {limit}")
        self.provider, self.given, self.limit = provider, given, limit


class AddressRefusedError(ProviderError):
    """The host of a URL that a user gave has an address that is not public: nothing was sent."""

    def __init__(self) -> None:
        super().__init__("the address leads to a host that is not public")


class RegistryError(ProviderError):
    """The providers' configuration cannot be used; says where in it."""


class CertificateError(ProviderError):
    """A file of certificates cannot be used; names it."""


class SignInError(ProviderError):
    """A key cannot be used, or no token was had for it; says why, and nothing of the key. Raised by an `auth` in place of the message's
    request: nothing was sent. `ours`: our settings are at fault.
    """

    def __init__(self, text: str, *, ours: bool = True) -> None:
        super().__init__(text)
        self.ours = ours


class TemplateError(ProviderError):
    """Base of what goes wrong with templates."""


class TemplateFileError(TemplateError):
    """A template as written cannot be used; names the file or the place."""


class TemplateUnknownError(TemplateError):
    """No such template, version, or channel in it."""


class VariableError(TemplateError):
    """A variable is `missing` or `undeclared`, or what it holds is `unusable` in the template."""

    def __init__(self, template: str, channel: str, variable: str, kind: str) -> None:
        super().__init__(f"template {template!r}, channel {channel!r}: {kind} variable: {variable}")
        self.template, self.channel, self.variable, self.kind = template, channel, variable, kind
