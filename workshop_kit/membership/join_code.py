"""The join code of a live room: its address, its port and a secret, in twelve characters."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from workshop_kit.errors import WrongUsage
from workshop_kit.untrusted_text import visible

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U. The first three are read as the digits that they look like."""
ALIKE = str.maketrans("OIL", "011", "- ")
LENGTH = 12
GROUP = 4
# The ports of live rooms; below the range that systems give to outgoing connections.
FIRST_PORT = 28_100
PORTS = 256
SECRETS = 2**15


@dataclass(frozen=True)
class JoinCode:
    """A code such as ``7K2M-Q9FD-30XA``: 32 bits of address, 8 of port, 15 of secret, and a check symbol."""

    address: str
    port: int
    secret: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the code that was typed, in any case, with or without dashes. Raises WrongUsage for a typing error."""
        symbols = text.strip().upper().translate(ALIKE)
        digits = [SYMBOLS.find(symbol) for symbol in symbols]
        if not _is_code(digits):
            raise WrongUsage(
                f"{visible(text, 40)!r} is no code of a live room.",
                f"Compare it with the screen: it has {LENGTH} letters and digits.",
            )

        number = _number_of(digits[:-1])
        address_and_port, secret = divmod(number, SECRETS)
        address, port_offset = divmod(address_and_port, PORTS)
        return cls(str(IPv4Address(address)), FIRST_PORT + port_offset, secret)

    @property
    def token(self) -> str:
        """The code without its dashes: what a request to the room carries."""
        address = int(IPv4Address(self.address))
        port_offset = self.port - FIRST_PORT
        number = (address * PORTS + port_offset) * SECRETS + self.secret

        digits = _digits_of(number)
        digits.append(_check_digit(digits))
        return "".join(SYMBOLS[digit] for digit in digits)

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


def _is_code(digits: list[int]) -> bool:
    """Return whether these are the digits of a code; -1 stands for a symbol that is none."""
    if len(digits) != LENGTH or -1 in digits:
        return False
    return digits[-1] == _check_digit(digits[:-1])


def _number_of(digits: list[int]) -> int:
    """Return the number that has these digits to base 32, the highest first."""
    number = 0
    for digit in digits:
        number = number * len(SYMBOLS) + digit
    return number


def _digits_of(number: int) -> list[int]:
    """Return the digits of a number to base 32, the highest first, as many as a code has before its check digit."""
    digits: list[int] = []
    quotient = number
    for _ in range(LENGTH - 1):
        quotient, digit = divmod(quotient, len(SYMBOLS))
        digits.append(digit)
    return digits[::-1]


def _check_digit(digits: list[int]) -> int:
    """Return the check digit, a weighted sum: odd weights reveal any wrong symbol, and nearly all swapped neighbors."""
    weighted_digits = [(2 * place + 1) * digit for place, digit in enumerate(digits)]
    return sum(weighted_digits) % len(SYMBOLS)
