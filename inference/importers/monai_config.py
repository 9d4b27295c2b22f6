"""MONAI's configuration language, as far as it is data: references are followed, expressions are never evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.reasons import Reason, Refused

_DEEPEST = 32


@dataclass(frozen=True)
class Configuration:
    """A bundle's ``inference.json``."""

    content: Mapping[str, Any]

    def value(self, value: Any, where: str, depth: int = 0) -> Any:
        """A value with the references in it replaced by what they refer to.

        Raises
        ------
        Refused
            ``MODEL_UNSUPPORTED`` for an expression (``$…``), ``BUNDLE_MALFORMED`` for a reference to nothing.
        """
        if depth > _DEEPEST:
            raise Refused(Reason.BUNDLE_MALFORMED, f"{where} refers to itself.")
        if isinstance(value, str) and value.startswith("$"):
            raise Refused(Reason.MODEL_UNSUPPORTED, f"{where} is computed by an expression, {value!r}.")
        if isinstance(value, str) and value.startswith("@"):
            return self.value(self._referred(value, where), where, depth + 1)
        if isinstance(value, Mapping):
            return {key: self.value(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, where, depth + 1) for item in value]
        return value

    def component(self, key: str) -> Mapping[str, Any] | None:
        """A top-level component with its ``_target_``, unresolved but for references to other components."""
        found = self.content.get(key)
        for _ in range(_DEEPEST):
            if not (isinstance(found, str) and found.startswith("@")):
                break
            found = self._referred(found, key)
        return found if isinstance(found, Mapping) and "_target_" in found else None

    def transforms(self, key: str) -> tuple[Mapping[str, Any], ...] | None:
        """The transforms of a ``Compose``, but for those that are disabled; None if there is no such key."""
        found = self.content.get(key)
        if found is None:
            return None
        listed = found.get("transforms") if isinstance(found, Mapping) else found
        if isinstance(listed, str) and listed.startswith("@"):
            listed = self._referred(listed, key)
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            raise Refused(Reason.MODEL_UNSUPPORTED, f"{key} is not a list of transforms.")
        steps = []
        for step in listed:
            while isinstance(step, str) and step.startswith("@"):
                step = self._referred(step, key)
            if not isinstance(step, Mapping) or not isinstance(step.get("_target_"), str):
                raise Refused(Reason.MODEL_UNSUPPORTED, f"{key} has a step that is not a transform: {step!r}.")
            if self.value(step.get("_disabled_", False), f"{key}.{step['_target_']}._disabled_") is not True:
                steps.append(step)
        return tuple(steps)

    def _referred(self, reference: str, where: str) -> Any:
        found: Any = self.content
        for part in reference[1:].replace("#", "::").split("::"):
            try:
                found = found[int(part)] if isinstance(found, list) else found[part]
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise Refused(Reason.BUNDLE_MALFORMED, f"{where} refers to {reference}, which is not there.") from error
        return found


def target(component: Mapping[str, Any]) -> str:
    """The last part of a component's class name."""
    return str(component["_target_"]).rpartition(".")[2]
