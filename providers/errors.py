"""What the providers package raises.

ProviderError
 |- DeclarationError     a provider declares something impossible
 |- BatchSizeError       more (or fewer) messages than one request may carry
 |- RegistryError        the registry's file does not describe providers
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


class RegistryError(ProviderError):
    """The providers' configuration cannot be used; says where in it."""


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
