"""The same HIS as a vendor of the 东软 type shows it: an .asmx, one method a function, other tags, and 1 for yes."""
