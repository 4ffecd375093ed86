"""The dashboard: what people look at, and the door in front of what is private.

vault -> memory -> door -> server: an encrypted copy of the current generation, the place where it lies while its owner
looks at it, who may come in, and the routes. `script` is what Streamlit runs for each visitor.
"""
