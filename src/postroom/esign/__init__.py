"""The real Docusign account, asked over the eSignature REST API."""
