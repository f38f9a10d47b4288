"""Files that hold secrets, by their names and by what they contain."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

_NAMES = (  # of files and folders
    # Environment files
    *(".env", ".env.*", "*.env", ".envrc", ".dev.vars", ".flaskenv"),
    # Private keys
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", ".ssh", ".gnupg"),
    *("*.key", "*.p8", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx"),
    # Credentials of tools
    *(".pypirc", ".npmrc", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg"),
    *(".aws", ".azure", ".kube", "kubeconfig", ".boto", ".s3cfg", ".passwd-s3fs", ".vault-token", ".vault_pass"),
    *(".secrets", ".secrets.*", ".terraformrc", "terraform.rc"),
    # States and variables of Terraform
    *("*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json"),
)
_TEMPLATES = re.compile(r"\.env\.(example|sample|template|dist|defaults)|(example|sample|template)\.env")
_PATHS = re.compile(
    r"(.*/)?(\.docker/config\.json|\.config/gcloud/.*|\.streamlit/secrets\.toml|\.cargo/credentials(\.toml)?)"
)
_PATTERN = re.compile("|".join(map(translate, _NAMES)))
_LARGEST = 2**20  # bytes of a file that is searched for keys
_PUBLIC = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*(?:PUBLIC KEY|CERTIFICATE)")
_PRIVATE = rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_KEY = re.compile(_PRIVATE + rb"|^PuTTY-User-Key-File-\d", re.MULTILINE)
_KEY_IN_CODE = re.compile(_PRIVATE + rb"""(?:\s|\\[rn]|["'])+[A-Za-z0-9+/]{40}""")  # not only the text that begins one
_AWS_SECRET = re.compile(rb"^[ \t]*aws_secret_access_key[ \t]*=[ \t]*[A-Za-z0-9/+]{40}[ \t]*\r?$", re.MULTILINE)


def secret_in(name: str, size: int, read: Callable[[], bytes]) -> str | None:
    """Return what kind of secret a file of a package holds, None if no secret is recognized.

    Args:
        name: its path in the package.
        size: its bytes.
        read: returns its content; is not called for large files.
    """
    content = read() if size <= _LARGEST else b""
    if b"\0" not in content:
        if (_KEY_IN_CODE if name.endswith((".py", ".pyi")) else _KEY).search(content):
            return "a private key"
        if _AWS_SECRET.search(content):
            return "AWS credentials"
        if _PUBLIC.match(content.lstrip()):
            return None
    parts = name.split("/")
    if _TEMPLATES.fullmatch(parts[-1]):
        return None
    return "secrets, by its name" if any(map(_PATTERN.match, parts)) or _PATHS.fullmatch(name) else None
