"""`tf.errors`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.core.errors import AbortedError as AbortedError
from gradtape.core.errors import AlreadyExistsError as AlreadyExistsError
from gradtape.core.errors import CancelledError as CancelledError
from gradtape.core.errors import ConversionError as ConversionError
from gradtape.core.errors import DataLossError as DataLossError
from gradtape.core.errors import DeadlineExceededError as DeadlineExceededError
from gradtape.core.errors import FailedPreconditionError as FailedPreconditionError
from gradtape.core.errors import InternalError as InternalError
from gradtape.core.errors import InvalidArgumentError as InvalidArgumentError
from gradtape.core.errors import NotFiniteError as NotFiniteError
from gradtape.core.errors import NotFoundError as NotFoundError
from gradtape.core.errors import OperatorNotAllowedInGraphError as OperatorNotAllowedInGraphError
from gradtape.core.errors import OpError as OpError
from gradtape.core.errors import OutOfRangeError as OutOfRangeError
from gradtape.core.errors import PermissionDeniedError as PermissionDeniedError
from gradtape.core.errors import ResourceExhaustedError as ResourceExhaustedError
from gradtape.core.errors import UnauthenticatedError as UnauthenticatedError
from gradtape.core.errors import UnavailableError as UnavailableError
from gradtape.core.errors import UnimplementedError as UnimplementedError
from gradtape.core.errors import UnknownError as UnknownError

__getattr__ = _refusing("tf.errors")
