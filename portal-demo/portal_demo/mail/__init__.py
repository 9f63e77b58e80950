"""Mail: written into the database with what it tells of, and sent from there."""
