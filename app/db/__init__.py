"""The database: connections, transactions as generators, schema and migrations."""
