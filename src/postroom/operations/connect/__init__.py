"""The verbs of the Connect server: what Docusign's REST API and its people do."""
