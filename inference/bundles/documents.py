"""Documents: the JSON and NPY files of a bundle, checked against what they must hold."""

from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from config.reasons import Reason, Refused
from config.volume import FloatArray
from inference.bundles.specification import Bundle, Task

Form = TypeVar("Form")

_LARGEST_DOCUMENT = 2**20


def require_task(bundle: Bundle, task: Task) -> None:
    """Raise Refused (BUNDLE_MISPLACED) for a bundle of another task."""
    if bundle.task is not task:
        raise Refused(Reason.BUNDLE_MISPLACED, f"{bundle.name} is for {bundle.task}, expected one for {task}.")


def read_document(path: Path, form: type[Form]) -> Form:
    """A JSON file as a dataclass.

    Raises
    ------
    Refused
        BUNDLE_MALFORMED, if it is larger than 1 MiB, no JSON, or of another form.
    """
    if path.stat().st_size > _LARGEST_DOCUMENT:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} is larger than 1 MiB.")
    try:
        return TypeAdapter(form).validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path}: {place}: {problem['msg']}.") from error


def read_vectors(path: Path, count: int) -> FloatArray:
    """So many unit vectors, float32 (count, dimension), of an NPY file.

    Raises
    ------
    Refused
        BUNDLE_MALFORMED, if it holds something else.
    """
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: nothing of a wrong size is allocated
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} is not an array: {error}") from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype != np.float32 or len(vectors) != count:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} does not hold {count} vectors in float32.")
    values: FloatArray = np.array(vectors)
    lengths = np.linalg.norm(values.astype(np.float64), axis=1)
    if not np.allclose(lengths, 1.0, atol=1e-3):
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} holds vectors that are not of length 1.")
    return values
