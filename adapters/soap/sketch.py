"""A WSDL as the beginning of a profile: every operation of one port, those with it that cannot be called."""

from collections.abc import Mapping

from adapters.soap import their_wsdl
from adapters.soap.options import OperationOptions, ProfileOptions
from adapters.soap.prepare import prepare
from adapters.soap.their_wsdl import Method, Services, Unreadable
from engine.contract import Finding, Offered, Sketch


def sketch(name: str, files: Mapping[str, bytes]) -> Sketch:
    """The operations of the first port that speaks SOAP 1.1, else 1.2, in the WSDL's order."""
    try:
        services = their_wsdl.read(name, files)
    except Unreadable as error:
        return Sketch(findings=[Finding(error.what, hint=error.hint)])
    version, methods = _port(services)
    if not methods:
        return Sketch(findings=[Finding("the WSDL has no port that speaks SOAP, or no operation there")])
    options = {"wsdl": name} | ({"version": version} if version != "1.1" else {})
    asked = {method: OperationOptions(operation=method) for method in methods}
    made = prepare(ProfileOptions.model_validate(options), asked, files)
    unfit = {finding.operation: finding.what for finding in made.findings}
    offered = [
        Offered(each.name, _signature(each), {"operation": each.name}, unfit.get(each.name, ""))
        for each in methods.values()
    ]
    if all(each.unfit for each in offered):
        hint = f"{offered[0].says}: {offered[0].unfit}"
        return Sketch(findings=[Finding("no operation of this WSDL carries a message as one string", hint=hint)])
    return Sketch(options, offered)


def _port(services: Services) -> tuple[str, Mapping[str, Method]]:
    ports = [port for inside in services.values() for port in inside.values()]
    for version in ("1.1", "1.2"):
        for spoken, methods in ports:
            if spoken == version and methods:
                return version, methods
    return "", {}


def _signature(method: Method) -> str:
    """`GetDeptInfo(input) gives GetDeptInfoResult`; what is no single string is said."""
    parameters, results = (
        ", ".join(part.name if part.is_text else f"{part.name} (no string)" for part in parts)
        for parts in (method.parameters, method.results)
    )
    return f"{method.name}({parameters}) gives {results or 'nothing'}"
