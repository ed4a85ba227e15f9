"""The row reader for CSV."""
