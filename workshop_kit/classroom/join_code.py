"""The join code of a live room: address, port and secret in twelve characters that survive being read aloud."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from workshop_kit.errors import WrongUsage
from workshop_kit.screen import visible

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U. The first three are read as the digits that they look like."""
ALIKE = str.maketrans("OIL", "011", "- ")
LENGTH, GROUP = 12, 4
FIRST_PORT, PORTS = 28_100, 256
"""The ports of live rooms; below the range that systems give to outgoing connections."""
SECRETS = 2**15


@dataclass(frozen=True)
class JoinCode:
    """A code such as ``7K2M-Q9FD-30XA``: 32 bits of address, 8 of port, 15 of secret, and a check symbol."""

    address: str
    port: int
    secret: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the code that was typed, whatever its case and its dashes. Raises WrongUsage for a typing error."""
        typed = text.strip().upper().translate(ALIKE)
        digits = [SYMBOLS.find(symbol) for symbol in typed]
        if len(typed) != LENGTH or -1 in digits or digits[-1] != _check_digit(digits[:-1]):
            raise WrongUsage(
                f"{visible(text, 40)!r} is no code of a live room.",
                f"Compare it with the screen: it has {LENGTH} letters and digits.",
            )
        number = 0
        for digit in digits[:-1]:
            number = number * len(SYMBOLS) + digit
        number, secret = divmod(number, SECRETS)
        address, port = divmod(number, PORTS)
        return cls(str(IPv4Address(address)), FIRST_PORT + port, secret)

    @property
    def token(self) -> str:
        """The code without its dashes: what a request to the room carries."""
        number = (int(IPv4Address(self.address)) * PORTS + self.port - FIRST_PORT) * SECRETS + self.secret
        digits = [number // len(SYMBOLS) ** place % len(SYMBOLS) for place in reversed(range(LENGTH - 1))]
        return "".join(SYMBOLS[digit] for digit in [*digits, _check_digit(digits)])

    @property
    def url(self) -> str:
        """The address of the room's server."""
        return f"http://{self.address}:{self.port}"

    @property
    def page_url(self) -> str:
        """The address of the room's page, for phones."""
        return f"{self.url}/{self}"

    def __str__(self) -> str:
        return "-".join(self.token[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _check_digit(digits: list[int]) -> int:
    """Return a weighted sum: odd weights find every single wrong symbol, and nearly all swapped neighbors."""
    return sum((2 * place + 1) * digit for place, digit in enumerate(digits)) % len(SYMBOLS)
