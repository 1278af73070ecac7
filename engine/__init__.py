"""hisbus: the engine of the hospital interface bus. Floors and imports: docs/architecture.md."""

__version__ = "0.1.0"
