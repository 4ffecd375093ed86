"""The result for other programs: FHIR R4, Open mHealth, CSV, Parquet. No name, account or file name leaves with it."""
