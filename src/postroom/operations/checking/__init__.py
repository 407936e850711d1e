"""What `postroom check` proves about a set of listeners; `operations.check` is the verb."""
