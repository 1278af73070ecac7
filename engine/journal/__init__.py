"""Floor 5: the journal. What is durable, and who may send what (delivery.md)."""
