"""A local SocialsCRM for demonstrations and for users' own tests.

Run it with ``python -m airflow_provider_socialscrm.sandbox``, use the pytest fixture ``socialscrm_sandbox``, or import
:class:`~airflow_provider_socialscrm.sandbox.server.Sandbox` from ``.server``. It shares no code with the provider's
client and verifies tokens with code of its own, so that a mistake cannot pass on both sides.
"""
