"""Lambda and S3 in one region: a layer is published unless its latest version has the same content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awslambdaric_lite.packaging.errors import PackagingError

from .publication import Publication

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATEMENT = "public"
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 300


@dataclass(frozen=True)
class Published:
    """A layer's version in a region; `created` is false if it existed before."""

    arn: str
    version: int
    created: bool


class Region:
    """Clients for a region, for one thread at a time; `with_bucket` for uploads through S3.

    Raises:
        PackagingError: no region has this name.
    """

    def __init__(self, session: Any, name: str, endpoint_url: str | None, *, with_bucket: bool) -> None:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # Lambda may have published a layer although its response is lost: the next run finds that, while botocore
        # would send it again.
        config = Config(
            retries={"total_max_attempts": 1}, connect_timeout=_CONNECT_TIMEOUT_S, read_timeout=_READ_TIMEOUT_S
        )
        try:
            self._lambda = session.client("lambda", region_name=name, endpoint_url=endpoint_url, config=config)
            self._s3 = session.client("s3", region_name=name, endpoint_url=endpoint_url) if with_bucket else None
        except (BotoCoreError, ValueError) as error:
            raise PackagingError(f"{one_line(error)}; check --region, --endpoint-url and your AWS settings") from None

    def publish(self, publication: Publication, *, public: bool) -> Published:
        """Publish a layer, or find its published version; with `public` every account may use it.

        Raises:
            PackagingError: AWS refuses the request, or cannot be reached.
        """
        with _one_line_errors():
            published = self._find(publication) or self._send(publication)
            if public:
                self._permit(publication.name, published.version)
            return published

    def _find(self, publication: Publication) -> Published | None:
        """Return the latest version, if it has the same content."""
        try:
            known = self._lambda.list_layer_versions(LayerName=publication.name, MaxItems=1)["LayerVersions"]
            if not known:
                return None
            latest = max(each["Version"] for each in known)
            version = self._lambda.get_layer_version(LayerName=publication.name, VersionNumber=latest)
        except self._lambda.exceptions.ResourceNotFoundException:  # deleted in the meantime
            return None
        if version["Content"].get("CodeSha256") != publication.layer.sha256:
            return None
        return Published(version["LayerVersionArn"], latest, created=False)

    def _send(self, publication: Publication) -> Published:
        bucket = publication.bucket
        if bucket is None or self._s3 is None:
            answer = self._create(publication, {"ZipFile": publication.layer.path.read_bytes()})
        else:
            self._s3.upload_file(str(publication.layer.path), bucket, publication.key)
            try:
                answer = self._create(publication, {"S3Bucket": bucket, "S3Key": publication.key})
            finally:
                self._s3.delete_object(Bucket=bucket, Key=publication.key)
        return Published(answer["LayerVersionArn"], answer["Version"], created=True)

    def _create(self, publication: Publication, content: Mapping[str, Any]) -> Any:
        answer = self._lambda.publish_layer_version(**publication.description(), Content=content)
        received = answer["Content"].get("CodeSha256")
        if received != publication.layer.sha256:
            raise PackagingError(
                f"{answer['LayerVersionArn']} has the content {received}, not {publication.layer.sha256} as sent; "
                "delete it and run this again"
            )
        return answer

    def _permit(self, name: str, version: int) -> None:
        # An earlier run has added the same statement.
        with suppress(self._lambda.exceptions.ResourceConflictException):
            self._lambda.add_layer_version_permission(
                LayerName=name,
                VersionNumber=version,
                StatementId=_STATEMENT,
                Action="lambda:GetLayerVersion",
                Principal="*",
            )


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Raise boto3's errors as errors with one line of text."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except NoCredentialsError:
        raise PackagingError("no AWS credentials are configured; sign in, or name a profile with --profile") from None
    except ClientError as error:
        details = error.response["Error"]
        reason = f"{error.operation_name} is refused, {details.get('Code')}: {details.get('Message')}"
        raise PackagingError(one_line(reason)) from None
    except (BotoCoreError, Boto3Error) as error:
        raise PackagingError(f"{one_line(error)}; run this again; published layers are not published twice") from None
    except OSError as error:
        raise PackagingError(f"{error.filename} cannot be read: {error.strerror}") from None


def one_line(text: object) -> str:
    """Return a message without line breaks and without its full stop."""
    return " ".join(str(text).split()).rstrip(".")
