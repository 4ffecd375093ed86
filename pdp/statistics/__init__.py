"""What is computed from days and readings: pure functions of frames and series, each with its source or formula."""
