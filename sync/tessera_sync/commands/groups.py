"""Options that several verbs take together, declared once; typer itself knows no groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from inspect import Parameter
from typing import Any, get_type_hints


@dataclass(frozen=True)
class Group:
    """Base of a group: a dataclass whose fields are typer's options, or its context."""


def flat(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb as typer wants it: a parameter that is a Group stands there as the group's options.

    Their order, and so that of the help, is the order of the verb's parameters.
    """
    hints = get_type_hints(verb, include_extras=True)
    groups: dict[str, type[Group]] = {}
    parameters: list[Parameter] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, Group):
            groups[name] = kind
            parameters += _options(kind)
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=kind))

    def called(**values: Any) -> Any:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        return verb(**values)

    called.__name__ = verb.__name__
    called.__doc__ = verb.__doc__
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def _options(group: type[Group]) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
