"""Tables, sessions, migrations, the audit trail and the queries people ask."""
