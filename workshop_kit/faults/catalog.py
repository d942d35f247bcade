"""The catalog of faults, read from catalog.toml: what each does, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from workshop_kit.errors import WrongUsage
from workshop_kit.files import read_document
from workshop_kit.names import did_you_mean

Value = float | int | bool | None


@dataclass(frozen=True)
class FaultParameter:
    """A parameter of a fault, with its range in its unit.

    A ``default`` of None leaves the value unchanged. The default's type (bool, int, float) is the parameter's type.
    """

    name: str
    unit: str = ""
    default: Value = None
    at_least: float = 0
    at_most: float = 1

    def check(self, fault: str, value: Any) -> Any:
        """Return the value. Raises WrongUsage with the range for a value of another type or out of the range."""
        if value is None and self.default is None:
            return None

        if not self._allows(value):
            sentence = f"{self.name} of the fault {fault!r} is {self._describe_values()}, and {value!r} is not."
            raise WrongUsage(sentence, "Correct it and try again.")
        return value

    def _allows(self, value: Any) -> bool:
        """Return whether a value has the parameter's type and is in its range."""
        if isinstance(self.default, bool):
            return isinstance(value, bool)

        types: tuple[type, ...] = (int,) if isinstance(self.default, int) else (int, float)
        if type(value) not in types:
            return False
        return bool(self.at_least <= value <= self.at_most)  # NaN is in no range

    def _describe_values(self) -> str:
        """Return what the value has to be, such as ``a number from 0 to 1``."""
        if isinstance(self.default, bool):
            return "True or False"

        noun = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{noun} from {self.at_least:g} to {self.at_most:g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Fault:
    """A fault by name; ``does`` says what happens to the target, ``mechanism`` names the handler that injects it."""

    name: str
    does: str
    mechanism: str
    parameters: tuple[FaultParameter, ...] = ()
    one_of: tuple[str, ...] = ()  # at least one of these parameters has to be given

    def complete_parameters(self, arguments: Mapping[str, object]) -> dict[str, Value]:
        """Return the value of every parameter by name, with the default where ``arguments`` have none.

        Raises WrongUsage for a wrong name or value, and if none of `one_of` is given.
        """
        self._check_names(arguments)
        values: dict[str, Value] = {}
        for parameter in self.parameters:
            value = arguments.get(parameter.name, parameter.default)
            values[parameter.name] = parameter.check(self.name, value)

        if self.one_of and all(values[name] is None for name in self.one_of):
            raise WrongUsage(f"The fault {self.name!r} changes nothing.", f"Give it {' or '.join(self.one_of)}.")
        return values

    def _check_names(self, arguments: Mapping[str, object]) -> None:
        """Raise WrongUsage for the first argument that is no parameter."""
        known_names = [parameter.name for parameter in self.parameters]
        for name in arguments:
            if name not in known_names:
                parameters = ", ".join(known_names) or "nothing"
                sentence = f"The fault {self.name!r} takes no {name!r}; it takes {parameters}."
                raise WrongUsage(sentence, did_you_mean(name, known_names))


def find_fault(name: str) -> Fault:
    """Return the fault of that name. If there is none, raises WrongUsage with all names."""
    if name not in FAULTS:
        raise WrongUsage(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.", did_you_mean(name, FAULTS))
    return FAULTS[name]


_ENTRIES = read_document(Path(__file__).with_name("catalog.toml"))["fault"]
_CATALOG = TypeAdapter(tuple[Fault, ...]).validate_python(_ENTRIES)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _CATALOG}
"""Every fault by its name."""
