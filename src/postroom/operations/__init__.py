"""The verbs people use: one plain async function each."""
