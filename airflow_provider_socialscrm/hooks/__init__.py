"""Hook for connections of type ``socialscrm``."""
