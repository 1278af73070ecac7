"""The WSDL of the service that the bus serves: document/literal wrapped, SOAP 1.1 and 1.2, strings both ways."""

from typing import Any

from lxml import etree

from adapters.soap.options import ServedOperation, ServiceOptions

_WSDL = "http://schemas.xmlsoap.org/wsdl/"
_SCHEMA = "http://www.w3.org/2001/XMLSchema"
_HTTP = "http://schemas.xmlsoap.org/soap/http"
_BINDINGS = {"1.1": ("http://schemas.xmlsoap.org/wsdl/soap/", "Soap"), "1.2": (f"{_WSDL}soap12/", "Soap12")}
"""The namespace of each version's binding, and what ends the names of its binding and port."""


def result_of(name: str, operation: ServedOperation) -> str:
    """The element that holds an operation's answer."""
    return operation.result or f"{name}Result"


def made(service: ServiceOptions, location: str) -> bytes:
    """The document, for a service that callers reach at `location`."""
    namespaces: Any = {None: _WSDL, "tns": service.namespace, "xs": _SCHEMA}
    namespaces |= {f"soap{version.replace('.', '')}": binding for version, (binding, _) in _BINDINGS.items()}
    root = etree.Element(f"{{{_WSDL}}}definitions", nsmap=namespaces)
    root.set("name", service.name)
    root.set("targetNamespace", service.namespace)
    _types(root, service)
    for name in service.operations:
        for way, element in (("In", name), ("Out", f"{name}Response")):
            message = _child(root, "message", name=f"{name}{way}")
            _child(message, "part", name="parameters", element=f"tns:{element}")
    port_type = _child(root, "portType", name=f"{service.name}PortType")
    for name in service.operations:
        operation = _child(port_type, "operation", name=name)
        _child(operation, "input", message=f"tns:{name}In")
        _child(operation, "output", message=f"tns:{name}Out")
    for namespace, suffix in _BINDINGS.values():
        _binding(root, service, namespace, suffix)
    served = _child(root, "service", name=service.name)
    for namespace, suffix in _BINDINGS.values():
        port = _child(served, "port", name=f"{service.name}{suffix}", binding=f"tns:{service.name}{suffix}")
        etree.SubElement(port, f"{{{namespace}}}address").set("location", location)
    found: Any = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return bytes(found)


def _types(root: Any, service: ServiceOptions) -> None:
    schema = etree.SubElement(_child(root, "types"), f"{{{_SCHEMA}}}schema")
    schema.set("targetNamespace", service.namespace)
    schema.set("elementFormDefault", "qualified" if service.qualified else "unqualified")
    for name, operation in service.operations.items():
        for element, text in ((name, operation.argument), (f"{name}Response", result_of(name, operation))):
            outer = etree.SubElement(schema, f"{{{_SCHEMA}}}element", name=element)
            holder = etree.SubElement(outer, f"{{{_SCHEMA}}}complexType")
            sequence = etree.SubElement(holder, f"{{{_SCHEMA}}}sequence")
            etree.SubElement(sequence, f"{{{_SCHEMA}}}element", name=text, type="xs:string", minOccurs="0")


def _binding(root: Any, service: ServiceOptions, namespace: str, suffix: str) -> None:
    binding = _child(root, "binding", name=f"{service.name}{suffix}", type=f"tns:{service.name}PortType")
    etree.SubElement(binding, f"{{{namespace}}}binding", style="document", transport=_HTTP)
    for name in service.operations:
        operation = _child(binding, "operation", name=name)
        action = service.namespace.rstrip("/") + "/" + name
        etree.SubElement(operation, f"{{{namespace}}}operation", soapAction=action, style="document")
        for way in ("input", "output"):
            etree.SubElement(_child(operation, way), f"{{{namespace}}}body", use="literal")


def _child(parent: Any, tag: str, **attributes: str) -> Any:
    return etree.SubElement(parent, f"{{{_WSDL}}}{tag}", attributes)
