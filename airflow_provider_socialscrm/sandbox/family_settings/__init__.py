"""The settings of a sandbox, a module for each family of calls, and one each for tenant, signatures and limits."""
