"""The revisions of the database's tables; `schema` runs them, README tells how to add one."""
