"""Why a webhook is not believed.

FeedbackRefused
 |- NotSigned        what the signature is in is not there
 |   |- NotSignedYet  ... and may be when it is sent again
 |   |- NoPassword    ... and it is a password
 |- BadSignature     it is there, and is not of this request by a key of ours
 |   |- WrongPassword  nothing is signed, and the password is not ours
 |- BadCertificate   it is by a key nobody we trust speaks for
 |- UnknownSender    rightly signed, of an account, key or topic that is not ours
 |- TooOld           signed longer ago than we take, or in the future
 |- Malformed        it can't be read in one way only
 |- Replayed         an id that was had, with other content (`providers.feedback.seen`)
 |- BadSecret        what we verify with can't be read: our fault, the provider may try again

A refusal says what is wrong, and repeats neither secrets nor what was sent.
"""

from providers.errors import ProviderError


class FeedbackRefused(ProviderError):
    """Base of why a webhook is not believed. `code`: a short name that never changes. `again`: sent once more, it may be taken."""

    code = "refused"
    again = False


class NotSigned(FeedbackRefused):
    """No signature, or not all that goes with it."""

    code = "not_signed"


class NotSignedYet(NotSigned):
    """The same of a provider who says that this happens, and that it signs what it has to send again."""

    again = True


class BadSignature(FeedbackRefused):
    """The signature is not of this request, or not by a key of ours."""

    code = "bad_signature"


class NoPassword(NotSigned):
    """Nothing is signed by this provider, and the password it has instead is not there."""


class WrongPassword(BadSignature):
    """Nothing is signed by this provider, and the password it has instead is none of ours."""


class BadCertificate(FeedbackRefused):
    """The signing certificate is somewhere else's, somebody else's, expired, or of no chain we trust."""

    code = "bad_certificate"


class UnknownSender(FeedbackRefused):
    """Signed, but of an account, an API key or a topic that is not configured."""

    code = "unknown_sender"


class TooOld(FeedbackRefused):
    """The signed time is out of tolerance."""

    code = "too_old"


class Malformed(FeedbackRefused):
    """Not what the provider documents, or it can be read in two ways."""

    code = "malformed"


class Replayed(FeedbackRefused):
    """What a provider signs once was had before, with other content."""

    code = "replayed"


class BadSecret(FeedbackRefused):
    """A secret or key of ours is not what this provider's are."""

    code = "bad_secret"
    again = True
