"""Floor 8: the entrance of channel applications: contracts, signatures, scopes, masking, envelope."""
