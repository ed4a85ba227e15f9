"""The database: schema, migrations, ledger, rows and reports over SQLAlchemy."""
