"""What only the bus can hold (decisions 5, 22): the local system `registry`, and how local systems are made."""
