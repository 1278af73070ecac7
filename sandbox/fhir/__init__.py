"""The clinical data repository (临床数据中心): a strict FHIR R4 server, small enough to read."""
