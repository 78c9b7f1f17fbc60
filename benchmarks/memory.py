"""How much memory the delivery process takes while a large campaign leaves."""
