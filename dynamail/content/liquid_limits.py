"""What a template may cost: a render context that counts, and filters that look before they multiply.

python-liquid limits one loop, the output and what is stored; it does not limit a filter chain inside one expression
(nine `replace` make ten gigabytes), loops after loops, or a loop with a long body. Every path lookup, filter call and
iteration is charged here to one budget per render.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from liquid import RenderContext
from liquid.exceptions import (
    FilterError,
    LiquidError,
    LoopIterationLimitError,
    ResourceLimitError,
    UnknownFilterError,
)
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap

MAX_STEPS = 100_000  # path lookups, filter calls and loop iterations weighted by their body, per render
MAX_ITERATIONS = 10_000  # per render, all loops together
MAX_STRING = 200_000  # characters a filter may take or give
MAX_ITEMS = 10_000  # items a filter may take or give
MAX_BITS = 4_096  # of an integer

_CHARS_PER_STEP = 512
_ITEMS_PER_STEP = 8


class StepLimitError(ResourceLimitError):
    """The template does more work than one email may cost."""


class CountingContext(RenderContext):
    """The state of one render. `resolver` answers for tracked links; see programs.py."""

    __slots__ = ("body_weight", "escapes", "iterations", "resolver", "steps", "utm")

    def __init__(self, template: Any, *, globals: Mapping[str, object] | None = None, **kwargs: Any) -> None:
        super().__init__(template, globals=globals, **kwargs)
        self.escapes = template.env.escapes_html
        # Without python-liquid's `now` and `today`: they read the server's local clock.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self.steps = self.iterations = 0
        self.body_weight = 1
        self.resolver: Any = None
        self.utm: Any = None

    def charge(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise StepLimitError("the template does too much work", token=None)

    def get(self, path: list[object], *, token: Token | None, **kwargs: Any) -> object:
        self.charge(1)
        return super().get(path, token=token, **kwargs)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        try:
            return partial(_call_filter, self, self.env.filters[name])
        except KeyError:
            raise UnknownFilterError(f"unknown filter '{name}'", token=token) from None

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.iterations += length
        if self.iterations > MAX_ITERATIONS:
            raise LoopIterationLimitError("loop iteration limit reached", token=None)
        self.charge(length * self.body_weight)


def _call_filter(
    context: CountingContext, function: Callable[..., object], *args: Any, **kwargs: Any
) -> object:
    """Call a filter; whatever Python raises inside becomes a Liquid error."""
    for operand in args:
        context.charge(1 + weigh(operand))
    try:
        result = function(*args, **kwargs)
    except LiquidError:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise FilterError(f"{type(error).__name__}: {error}"[:200], token=None) from error
    context.charge(weigh(result))
    return result


def weigh(value: object) -> int:
    """The steps that handling the value costs. Raises StepLimitError when it is too large to handle at all."""
    if isinstance(value, str):
        return _steps(len(value), MAX_STRING, _CHARS_PER_STEP)
    if isinstance(value, list | tuple):
        return _steps(len(value), MAX_ITEMS, _ITEMS_PER_STEP)
    if isinstance(value, range):
        return _steps(max(0, value.stop - value.start), MAX_ITEMS, _ITEMS_PER_STEP)
    if isinstance(value, int):
        return _steps(value.bit_length(), MAX_BITS, MAX_BITS)
    return 0


def _steps(size: int, limit: int, per_step: int) -> int:
    if size > limit:
        raise StepLimitError(f"a value of size {size} is larger than {limit}", token=None)
    return size // per_step
