"""Every name that crosses a process border: API group, labels, annotations, environment, keys.

Each is defined once, here, with a line that says what it is for. Names of things that the
operator creates are functions of their identity: the same object, revision and attempt always
give the same name, so that a crash between two steps can be finished by the next visit.
"""

import hashlib
import re
from collections.abc import Mapping

GROUP = "coursegen.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

CATEGORY = "generations"
"""`kubectl get generations -A` lists every kind."""

# ---- labels that the operator sets on what it creates -------------------------------------------

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
"""Set to MANAGED_BY on every object that the operator creates; the watch on Jobs selects it."""

MANAGED_BY = "coursegen-operator"

CONTROLLER = f"{GROUP}/operator"
"""spec.managedBy of what this operator works on, as of what names nobody."""

LABEL_COMPONENT = "app.kubernetes.io/component"
"""The kind of task: outline, chapter, validation or export."""

LABEL_COURSE = f"{GROUP}/course"
"""metadata.name of the course that a child or Job belongs to; for people's selectors."""

LABEL_COURSE_UID = f"{GROUP}/course-uid"
"""metadata.uid of that course; selects a course's Jobs for removal."""

LABEL_OBJECT_UID = f"{GROUP}/object-uid"
"""metadata.uid of the object whose attempt a Job is."""

LABEL_REVISION = f"{GROUP}/revision"
"""The revision that a Job or child belongs to."""

LABEL_ATTEMPT = f"{GROUP}/attempt"
"""Number of the attempt that a Job is, counted from 1 within the revision."""

LABEL_QUEUE = f"{GROUP}/queue"
"""The GenerationQueue whose slot a Job holds."""

LABEL_KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
"""On an object, by a person: the Kueue LocalQueue that its Jobs go through; passed on to children and Jobs."""

LABEL_KUEUE_PRIORITY = "kueue.x-k8s.io/priority-class"
"""On an object, by a person: the Kueue WorkloadPriorityClass of its Jobs; passed on as well."""

KUEUE_LABELS = (LABEL_KUEUE_QUEUE, LABEL_KUEUE_PRIORITY)


def kueue_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Give Kueue's labels among an object's: the only ones of a person's that are passed on."""
    return {name: labels[name] for name in KUEUE_LABELS if name in labels}


LABEL_TEST_QUEUE = f"{GROUP}/test-queue"
"""On a namespace, `true`: `kubectl coursegen test-queue` has its load there, and makes no namespace."""

LABEL_SHARD = f"{GROUP}/shard"
"""On a namespace, by a person: the operator (COURSEGEN_SHARD) that works in it, where there are several."""

# ---- annotations ----------------------------------------------------------------------------------

ANNOTATION_SPEC_HASH = f"{GROUP}/spec-hash"
"""On a Job: hash of what the operator asked for; a Job with another hash is not ours."""

ANNOTATION_RETRY = f"{GROUP}/retryRequestedAt"
"""On any object, by a person: run failed work again. Any new value is a new request."""

ANNOTATION_CANCEL = f"{GROUP}/cancelRequestedAt"
"""On any object, by a person: end the work. Any new value is a new request."""

ANNOTATION_STOP = f"{GROUP}/stopRequestedAt"
"""On a course, by a person: write no more, deliver the chapters that have succeeded. Any new value is a new request."""

# ---- environment of a worker Pod -------------------------------------------------------------------

ENV_TASK = "COURSEGEN_TASK"
"""The task as one JSON document (task.TaskInput)."""

ENV_POD_UID = "COURSEGEN_POD_UID"
"""The Pod's own UID, stamped on progress so that a replaced Pod's late words are dropped."""

ENV_STORE_URL = "COURSEGEN_STORE_URL"
"""Object store, e.g. s3://bucket; credentials come beside it in the store's own variables."""

ENV_CA = "COURSEGEN_CA"
"""Certificates (PEM) that vouch for the store and for model servers, beside the system's; may be missing."""

ENV_REDIS_URL = "COURSEGEN_REDIS_URL"
"""Redis for live progress; may be missing."""

ENV_TERMINATION_LOG = "COURSEGEN_TERMINATION_LOG"
"""Where the worker leaves its result; default /dev/termination-log."""

ENV_REDIS_CA = "COURSEGEN_REDIS_CA"
"""Certificates (PEM) that vouch for a Redis with TLS; may be missing: the system's vouch for it then."""

CONTENT_PATH = "/content"
"""Where the ConfigMap that a validation or export names is mounted."""

ENV_PROVIDER_KEY = "COURSEGEN_PROVIDER_KEY"
"""The model provider's key, by reference to the Secret that a ModelProvider names."""

ENV_PROVIDER_ENDPOINT = "COURSEGEN_PROVIDER_ENDPOINT"
"""The endpoint that this key may be sent to, from the same Secret: the worker sends it nowhere else."""

# ---- Secrets of a tenant's namespace ---------------------------------------------------------------

SECRET_STORE = "coursegen-store"  # noqa: S105 - the name of a Secret
"""Holds the store's URL and credentials as environment variables; every worker Pod needs it."""

SECRET_REDIS = "coursegen-redis"  # noqa: S105
"""Holds `url`, and `ca.crt` for a Redis with TLS whose authority is not the system's; optional."""

SECRET_TYPE_PROVIDER_KEY = f"{GROUP}/provider-key"
"""Type of the Secrets that a ModelProvider may name."""

SECRET_KEY, SECRET_ENDPOINT = "key", "allowedEndpoint"
"""What such a Secret holds: the provider's key, and the one endpoint that it may be sent to."""

WORKER_SERVICE_ACCOUNT = "coursegen-worker"
"""A service account without any permission; its token is not mounted."""

CONTAINER = "worker"
"""The one container of a worker Pod."""

# ---- the five queues -------------------------------------------------------------------------------

QUEUE_COURSE = "course-generation"
QUEUE_CHAPTER = "chapter-generation"
QUEUE_VALIDATION = "quality-validation"
QUEUE_EXPORT = "export"
QUEUE_DEFAULT = "default"

QUEUE_PRIORITIES = {QUEUE_CHAPTER: 8, QUEUE_VALIDATION: 6, QUEUE_COURSE: 5, QUEUE_EXPORT: 4, QUEUE_DEFAULT: 3}
"""Larger is more urgent; each has a GenerationQueue and a PriorityClass of its own."""


def priority_class(queue: str) -> str:
    """Name the PriorityClass that Pods of a queue run under."""
    return f"coursegen-{queue}"


# ---- the object store ------------------------------------------------------------------------------

STORE_ANNOUNCED = ".gone"
"""After an artifact's key: a clean-up announces that it removes the artifact."""


def upload_key(namespace_uid: str, sha256: str, extension: str) -> str:
    """Name content from outside by its bytes: what is sent twice is there once."""
    return f"{namespace_uid}/upload/{sha256}.{extension}"


# ---- Redis ------------------------------------------------------------------------------------------


def progress_stream(namespace_uid: str) -> str:
    """Name the Redis stream that a namespace's workers append their progress to."""
    return f"coursegen:progress:{namespace_uid}"


# ---- names of created objects ------------------------------------------------------------------------

MAX_NAME = 52
"""metadata.name of our kinds; leaves room for suffixes inside the 63 characters of a label."""

_JOB_STEM = 34


def object_name(owner_id: str) -> str:
    """Name the object of an owner's id: the id itself where Kubernetes takes it, else a likeness with a hash."""
    plain = re.sub("[^a-z0-9]+", "-", owner_id.lower()).strip("-")
    if plain == owner_id and len(plain) <= MAX_NAME:
        return plain
    digest = hashlib.sha256(owner_id.encode()).hexdigest()[:8]
    return f"{plain[: MAX_NAME - 9].rstrip('-') or 'x'}-{digest}"


def child_name(course: str, suffix: str) -> str:
    """Name a child of a course: `<course>-<suffix>`, shortened by a hash where that would be too long."""
    name = f"{course}-{suffix}"
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(course.encode()).hexdigest()[:8]
    stem = course[: MAX_NAME - len(suffix) - len(digest) - 2].rstrip("-.")
    return f"{stem}-{digest}-{suffix}"


def job_name(object_name: str, object_uid: str, revision: int, attempt: int) -> str:
    """Name the Job of one attempt; identity is the UID's hash, the object's name is there for people.

    At most 63 characters, since Kubernetes copies it into a label of the Pod.
    """
    digest = hashlib.sha256(object_uid.encode()).hexdigest()[:10]
    stem = object_name[:_JOB_STEM].replace(".", "-").rstrip("-")
    return f"{stem}-{digest}-r{revision}-a{attempt}"
