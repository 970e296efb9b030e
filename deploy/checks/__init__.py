"""Security checks of others over what we deploy, and a bill of materials."""
