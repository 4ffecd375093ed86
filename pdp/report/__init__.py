"""The doctor's page and the file to take away: one generation, one period, as PDF or as HTML that needs no network."""
