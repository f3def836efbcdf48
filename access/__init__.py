"""Who may do what, and who did: roles, tokens, tickets, throttles, the audit trail."""
