"""Whether a worker has the file system of a path, and which package to install if it has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from airflow_provider_socialscrm.api.redaction import redact
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.paths import LOCAL


class FileSystem(NamedTuple):
    """The packages of a file system.

    :param provider: Airflow's provider that has it.
    :param library: what the provider needs for it.
    :param install: what to give to ``pip install`` for both.
    """

    provider: str
    library: str
    install: str


_S3 = FileSystem("apache-airflow-providers-amazon", "s3fs", "'airflow-provider-socialscrm[s3]'")
_GCS = FileSystem("apache-airflow-providers-google", "gcsfs", "'airflow-provider-socialscrm[gcs]'")
_MICROSOFT = "apache-airflow-providers-microsoft-azure"
_AZURE = FileSystem(_MICROSOFT, "adlfs", _MICROSOFT)
_SHAREPOINT = FileSystem(_MICROSOFT, "msgraphfs", _MICROSOFT)
_SFTP = FileSystem("apache-airflow-providers-sftp", "sshfs", "'apache-airflow-providers-sftp[sshfs]'")

FILE_SYSTEMS: Final[Mapping[str, FileSystem]] = {
    **dict.fromkeys(("s3", "s3a", "s3n"), _S3),
    **dict.fromkeys(("gs", "gcs"), _GCS),
    **dict.fromkeys(("abfs", "abfss", "adl"), _AZURE),
    **dict.fromkeys(("msgraph", "sharepoint", "onedrive", "msgd"), _SHAREPOINT),
    **dict.fromkeys(("sftp", "ssh"), _SFTP),
}
"""The file systems of Airflow's own providers, by scheme."""

_INSTEAD = "or download the file in an upstream task and pass the path of the copy."


def check_file_systems(*paths: Any) -> None:
    """Check that this worker has the file systems of some paths; this opens no file.

    :param paths: paths to open, or lists of these; anything else is passed over.
    :raises InputError: naming what to install.
    """
    for path in paths:
        if isinstance(path, list):
            check_file_systems(*path)
        elif getattr(path, "protocol", "") not in LOCAL:
            _check(path)


def not_installed(scheme: str, failure: Exception) -> InputError:
    """Return the error for a path whose file system cannot be made.

    :param scheme: of the path.
    :param failure: says which package is missing if it is an ``ImportError``.
    """
    known = FILE_SYSTEMS.get(scheme)
    if isinstance(failure, ImportError):
        if known:
            return InputError(
                f"The file system for {scheme}:// needs {known.library}, which cannot be imported: run pip install "
                f"{known.install} on the workers."
            )
        reason = redact(str(failure)).rstrip(".")
        return InputError(f"The file system for {scheme}:// lacks a package: {reason}. Install it, {_INSTEAD}")
    if known:
        return InputError(
            f"No file system for {scheme}:// is installed: run pip install {known.install} on the workers, which "
            f"brings {known.provider} with {known.library}."
        )
    return InputError(
        f"No file system for {scheme}:// is installed. Install the Airflow provider that has it, {_INSTEAD}"
    )


def _check(path: Any) -> None:
    try:
        _ = path.fs  # made here, without a call to the storage, and kept by Airflow
    except ImportError as failure:
        raise not_installed(path.protocol, failure) from None
    except ValueError as failure:
        if _is_installed(path):  # it lacks a setting
            raise
        raise not_installed(path.protocol, failure) from None


def _is_installed(path: Any) -> bool:
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - only for object storage
    from airflow.sdk.io import has_fs  # noqa: PLC0415 - as above
    from fsspec import available_protocols  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    if isinstance(path, ObjectStoragePath):
        return bool(has_fs(path.protocol))
    return path.protocol in available_protocols()  # those of universal_pathlib need no provider of Airflow
