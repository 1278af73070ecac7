"""Floor 4: declarative field mappings, compiled to one function per map."""
