"""The register of companies as a CSV file: read, compared, applied, and written."""
