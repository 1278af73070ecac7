"""Floor 3: wire formats. One object a format: parse, compile a path, build, render."""
