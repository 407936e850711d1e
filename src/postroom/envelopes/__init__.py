"""The envelopes we keep, and the messages Docusign would send about them."""
