"""Getting letters out: the outbox worker, e-mail, SMS, and the templates."""
