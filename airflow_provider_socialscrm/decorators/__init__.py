"""The decorators this provider adds to ``@task``."""
