"""The envelopes of a profile's operations, made when a release is: from the WSDL, or from the profile's own words."""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.soap import their_wsdl
from adapters.soap.envelope import MESSAGE, Envelope, envelope, template
from adapters.soap.options import OperationOptions, ProfileOptions
from adapters.soap.their_wsdl import Method, Part, Services, Unreadable
from engine.contract import Finding, Prepared

Write = Callable[[str, ProfileOptions, OperationOptions], Envelope]
"""Makes the envelope of one operation of ours. Raises _Wrong."""


class _Wrong(Exception):
    """One finding in the way of an envelope."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


def prepare(options: Any, operations: Mapping[str, Any], files: Mapping[str, bytes]) -> Prepared:
    """An Envelope for each operation, and what in the profile does not fit its WSDL."""
    assert isinstance(options, ProfileOptions)
    if not operations:
        return Prepared()
    try:
        write = _by_wsdl(_methods(options, files)) if options.wsdl is not None else _by_hand(options)
    except _Wrong as wrong:
        return Prepared(findings=[wrong.finding])
    made, findings = {}, []
    for name, own in operations.items():
        try:
            made[name] = write(name, options, own)
        except _Wrong as wrong:
            findings.append(wrong.finding)
    return Prepared(made, findings)


def _by_hand(options: ProfileOptions) -> Write:
    if options.namespace is None:
        raise _Wrong(Finding("how is this system called?", hint="write wsdl: a file beside the profile, or namespace:"))
    namespace = options.namespace

    def write(name: str, options: ProfileOptions, own: OperationOptions) -> Envelope:
        operation, argument = _operation(name, options, own), own.argument or options.argument
        if argument is None:
            raise _Wrong(Finding("which parameter holds the message?", name, hint="write argument: its name"))
        parameters = _constants(options, own) | {argument: MESSAGE}
        written = template(options.version, namespace, operation, parameters, qualified=options.qualified)
        action = options.action.replace("{operation}", operation)
        return envelope(written, options.version, action, own.result or options.result, cdata=options.cdata)

    return write


def _by_wsdl(methods: Mapping[str, Method]) -> Write:
    def write(name: str, options: ProfileOptions, own: OperationOptions) -> Envelope:
        operation = _operation(name, options, own)
        method = methods.get(operation)
        if method is None:
            raise _Wrong(_said(name, own, "operation", f"the WSDL has no operation {operation!r}", operation, methods))
        constants = _constants(options, own)
        argument = _text(name, own, "argument", method, method.parameters, options.argument, constants)
        result = _text(name, own, "result", method, method.results, options.result, {})
        values = constants | {argument.name: MESSAGE}
        _check_parameters(name, own, method, values)
        try:
            written = method.request(values)
        except Unreadable as error:
            raise _Wrong(Finding(error.what, name)) from None
        return envelope(written, options.version, method.action, result.element, cdata=options.cdata)

    return write


def _methods(options: ProfileOptions, files: Mapping[str, bytes]) -> Mapping[str, Method]:
    """The operations of the port that is meant."""
    assert options.wsdl is not None
    if options.wsdl not in files:
        known = tuple(name for name in files if name.endswith((".wsdl", ".xml")))
        raise _Wrong(Finding(f"there is no file {options.wsdl!r}", keys=("wsdl",), word=options.wsdl, known=known))
    try:
        services = their_wsdl.read(options.wsdl, files)
    except Unreadable as error:
        raise _Wrong(Finding(error.what, keys=("wsdl",), hint=error.hint)) from None
    return _port(options, services)


def _port(options: ProfileOptions, services: Services) -> Mapping[str, Method]:
    if not any(services.values()):
        raise _Wrong(Finding("the WSDL has no port that speaks SOAP", keys=("wsdl",)))
    if options.service is not None and options.service not in services:
        raise _Wrong(_unknown("service", options.service, services))
    ports = [
        (name, version, methods)
        for service, inside in services.items()
        for name, (version, methods) in inside.items()
        if options.service in {None, service}
    ]
    if options.port is not None and options.port not in {name for name, _, _ in ports}:
        raise _Wrong(_unknown("port", options.port, [name for name, _, _ in ports]))
    for name, version, methods in ports:
        if options.port in {None, name} and version == options.version:
            return methods
    what = f"the WSDL has no port for SOAP {options.version}"
    spoken = ", ".join(sorted({f"{name} speaks {version}" for name, version, _ in ports}))
    raise _Wrong(Finding(what, keys=("version",), hint=spoken))


def _operation(name: str, options: ProfileOptions, own: OperationOptions) -> str:
    operation = own.operation or options.operation
    if operation is None:
        raise _Wrong(Finding("which operation of the service is called?", name, hint="write soap: {operation: …}"))
    return operation


def _constants(options: ProfileOptions, own: OperationOptions) -> dict[str, str]:
    return {**options.parameters, **own.parameters}


def _text(
    name: str,
    own: OperationOptions,
    key: str,
    method: Method,
    parts: tuple[Part, ...],
    common: str | None,
    taken: Mapping[str, str],
) -> Part:
    """The part that is named as `argument` or `result`, or the first text among those that are not taken."""
    said: str | None = getattr(own, key) or common
    texts = [part for part in parts if part.is_text and part.name not in taken]
    if said is None:
        if not texts:
            raise _Wrong(Finding(f"{method.name!r} has no text to be its {key}", name))
        return texts[0]
    found = next((part for part in parts if said in {part.name, part.element}), None)
    if found is None:
        what = f"{method.name!r} has no {'parameter' if key == 'argument' else 'element'} {said!r}"
        raise _Wrong(_said(name, own, key, what, said, [part.name for part in parts]))
    if not found.is_text:
        raise _Wrong(_said(name, own, key, f"{said!r} of {method.name!r} is no single string", "", ()))
    return found


def _check_parameters(name: str, own: OperationOptions, method: Method, values: Mapping[str, str]) -> None:
    known = [part.name for part in method.parameters]
    for given in values:
        if given not in known:
            keys = ("parameters", given)
            where = name if given in own.parameters else None
            what = f"{method.name!r} has no parameter {given!r}"
            raise _Wrong(Finding(what, where, keys, word=given, known=tuple(known)))
    if missing := [part.name for part in method.parameters if part.is_needed and part.name not in values]:
        what = f"{method.name!r} also needs {', '.join(missing)}"
        raise _Wrong(Finding(what, name, ("parameters",), hint="write parameters: {name: its constant text}"))


def _said(
    name: str, own: OperationOptions, key: str, what: str, word: str, known: Mapping[str, Any] | list[str] | tuple[()]
) -> Finding:
    """A finding about a word that the operation says itself, or that the profile says for all of them."""
    return Finding(what, name if getattr(own, key) is not None else None, (key,), word=word, known=tuple(known))


def _unknown(key: str, word: str, known: Mapping[str, Any] | list[str]) -> Finding:
    return Finding(f"the WSDL has no {key} {word!r}", keys=(key,), word=word, known=tuple(known))
