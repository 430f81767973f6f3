"""Commands for working on the project itself; no part of the installed package."""
