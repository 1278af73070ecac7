"""SOAP with one string in and one string out: a client compiled from the system's WSDL, and a service of ours."""
