"""Source stores: where the CSV files lie."""
