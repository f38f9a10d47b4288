"""The files of a function's folder that are packed."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from awslambdaric_lite.packaging.errors import PackagingError
from awslambdaric_lite.packaging.selection import Selection
from awslambdaric_lite.packaging.source_tree import collect


def make(folder: Path, *names: str) -> Path:
    """Make files that contain their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def test_tool_files_are_excluded(tmp_path: Path) -> None:
    """Version control, caches, bytecode, virtual environments and the output are excluded, other dot files are not."""
    make(
        tmp_path,
        *("app.py", "data/a.json", ".config", "lib/x.py", "environment/readme.txt"),
        *(".git/HEAD", "lib/.git", "__pycache__/app.cpython-313.pyc", "lib/__pycache__/x.pyc", "lib/x.pyc"),
        *(".mypy_cache/a", ".pytest_cache/a", ".venv/pyvenv.cfg", ".venv/lib/x.py", "deep/env/pyvenv.cfg"),
        *("function.zip", ".function.zip.0123abcd.unfinished", "data/function.zip"),
    )
    tree = collect(tmp_path, output=tmp_path / "function.zip")
    assert list(tree.files) == [
        *(".config", "app.py", "data/a.json", "data/function.zip", "environment/readme.txt", "lib/x.py")
    ]
    assert tree.files["lib/x.py"].read_text() == "lib/x.py"
    assert tree.warnings == []


def test_bytecode_without_source_is_reported(tmp_path: Path) -> None:
    """Bytecode without a source is excluded with a warning."""
    tree = collect(make(tmp_path, "app.py", "secret.pyc"))
    assert list(tree.files) == ["app.py"]
    assert tree.warnings == ["bytecode without its source is excluded: secret.pyc"]


@pytest.mark.parametrize(
    ("patterns", "files"),
    [
        (["tests/", "docs/*.md"], ["app.py", "docs/a.txt", "docs/old/c.md", "lib/docs/b.md"]),
        (["/tests", "docs/**"], ["app.py", "lib/docs/b.md", "lib/tests/a.py"]),
        (["docs/**/*.md", "tests/*"], ["app.py", "docs/a.txt", "lib/docs/b.md", "lib/tests/a.py"]),
        (["*.md", "!lib/docs/b.md", "tests"], ["app.py", "docs/a.txt", "lib/docs/b.md"]),
        (["docs", "!docs/a.txt", "tests"], ["app.py", "docs/a.txt"]),
        (["[!a]*"], ["app.py"]),
    ],
)
def test_exclude_reads_patterns_as_git_does(patterns: list[str], files: list[str], tmp_path: Path) -> None:
    """Patterns match names anywhere or paths, folders with their content, and `!` makes an exception."""
    make(tmp_path, "app.py", "tests/test_app.py", "lib/tests/a.py", "docs/a.md", "docs/a.txt", "docs/old/c.md")
    make(tmp_path, "lib/docs/b.md")
    assert list(collect(tmp_path, Selection(patterns)).files) == files


@pytest.mark.parametrize("pattern", ["", "# comment", "!", "/", "a\\", "[z-a]"])
def test_invalid_pattern_is_refused(pattern: str) -> None:
    """A text that is not a pattern is refused with the option that has it."""
    with pytest.raises(PackagingError, match=r"^--include '.*' is not a pattern; write it as in \.gitignore$"):
        Selection([], [pattern])


TOOL_FILES = (
    *(".aws-sam/old.zip", ".serverless/state.json", ".terraform/a", "cdk.out/a", "node_modules/x.js", ".idea/a"),
    *(".vscode/a", ".github/workflows/a.yml", "shop.egg-info/PKG-INFO", "lib/.ipynb_checkpoints/a.ipynb", ".tox/a"),
    *(".nox/a", ".ruff_cache/a", "conda/conda-meta/history", "conda/lib/a.py", ".DS_Store", "htmlcov/index.html"),
    *("env/pyvenv.cfg", "env/lib/a.py", ".hypothesis/a", ".coverage", "__MACOSX/a", ".chalice/config.json"),
    "dist/shop-1.0-py3-none-any.whl",
)


def test_files_of_tools_are_left_out_with_a_reason(tmp_path: Path) -> None:
    """What tools leave in a project is left out, each folder with a reason, and may be included by a pattern."""
    make(tmp_path, "app.py", *TOOL_FILES)
    tree = collect(tmp_path)
    assert (list(tree.files), tree.warnings) == (["app.py"], [])
    assert set(tree.left_out.values()) == {"of tools", "virtual environment"}
    assert tree.left_out["lib/.ipynb_checkpoints/"] == "of tools"
    assert tree.left_out["env/"] == tree.left_out["conda/"] == "virtual environment"
    tree = collect(tmp_path, Selection([], ["node_modules", "/env/lib/a.py"]))
    assert list(tree.files) == ["app.py", "env/lib/a.py", "node_modules/x.js"]
    assert "node_modules/" not in tree.left_out and "env/" in tree.left_out


PRIVATE_KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{'A' * 64}\n"
SECRETS = {
    ".env": "TOKEN=1",
    "stage/.env.production": "TOKEN=1",
    "prod.env": "TOKEN=1",
    ".envrc": "",
    "deploy.pem": "-----BEGIN PRIVATE KEY-----",
    "certs/both.crt": f"-----BEGIN CERTIFICATE-----\nAA\n{PRIVATE_KEY}",
    "service-account.json": '{"private_key": "-----BEGIN PRIVATE KEY-----\\nAAAA"}',
    "settings.py": f'KEY = """{PRIVATE_KEY}"""',
    "joined.py": f'KEY = "-----BEGIN PRIVATE KEY-----\\n" "{"A" * 64}"',
    "pgp.txt": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "putty": "PuTTY-User-Key-File-2: ssh-rsa",
    "id_ed25519": "",
    "server.key": "binary \0",
    "store.p12": "",
    ".pypirc": "",
    ".npmrc": "",
    ".netrc": "",
    ".aws/credentials": "",
    "credentials.ini": f"[default]\naws_secret_access_key = {'a' * 40}\n",
    "terraform.tfstate": "{}",
    "terraform.tfstate.backup": "{}",
    ".ssh/known_hosts": "",
    ".config/gcloud/access_tokens.db": "",
    "home/.docker/config.json": "{}",
}


@pytest.mark.parametrize(("name", "content"), SECRETS.items(), ids=SECRETS)
def test_secrets_are_refused_unless_patterns_decide(name: str, content: str, tmp_path: Path) -> None:
    """A file that looks like a secret is refused by name; it can be excluded, ignored or included."""
    make(tmp_path, "app.py")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    with pytest.raises(PackagingError, match=rf"{re.escape(name)} \(.*--exclude PATTERN, .* --include PATTERN"):
        collect(tmp_path)
    assert list(collect(tmp_path, Selection([name])).files) == ["app.py"]
    assert sorted(collect(tmp_path, Selection([], [name])).files) == sorted(["app.py", name])
    (tmp_path / ".lambdaignore").write_text(f"/{name}\n")
    tree = collect(tmp_path)
    assert list(tree.files) == ["app.py"] and tree.left_out[name] == "named in .lambdaignore"


def test_all_secrets_are_named_at_once(tmp_path: Path) -> None:
    """One message names every secret."""
    make(tmp_path, "app.py", ".env", "lib/id_rsa")
    with pytest.raises(PackagingError, match=r"^these files look like secrets: \.env \(.*\), lib/id_rsa \(.*\); leave"):
        collect(tmp_path)


def test_public_files_are_no_secrets(tmp_path: Path) -> None:
    """Certificates, public keys, templates and code that mentions keys are packed."""
    public = {
        "ca.pem": "-----BEGIN CERTIFICATE-----\nAA",
        "jwt.key": "-----BEGIN PUBLIC KEY-----\nAA",
        ".env.example": "TOKEN=",
        "keys.py": 'BEGIN = "-----BEGIN PRIVATE KEY-----"\nEND = "-----END PRIVATE KEY-----"',
        "environment.py": "",
        "id_rsa.pub": "ssh-rsa AAAA",
        "keys/readme.txt": "aws_secret_access_key = <yours>",
        "key.json": "{}",
    }
    for name, content in public.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert sorted(collect(tmp_path).files) == sorted(public)


def test_files_that_git_ignores_are_left_out(tmp_path: Path) -> None:
    """Each .gitignore up to the repository is read, the deepest first; a file of the package's own replaces all."""
    source = make(tmp_path / "repo" / "src", "app.py", "cache/a.bin", "cache/keep.bin", "lib/x.log", "lib/deep/y.log")
    make(tmp_path / "repo", ".git/HEAD")
    (tmp_path / "repo" / ".gitignore").write_text("*.log\n/src/cache/*\n[z-a]\n")
    (tmp_path / ".gitignore").write_text("app.py\n")
    (source / ".gitignore").write_text("!cache/keep.bin\n")
    (source / "lib" / ".gitignore").write_text("# only here\n!/x.log\n")
    tree = collect(source)
    assert list(tree.files) == ["app.py", "cache/keep.bin", "lib/x.log"]
    assert tree.left_out["cache/a.bin"] == f"named in {tmp_path / 'repo' / '.gitignore'}"
    assert list(collect(source, Selection([], ["*.log"])).files) == [
        *("app.py", "cache/keep.bin", "lib/deep/y.log", "lib/x.log")
    ]
    (source / ".lambdaignore").write_text("lib/\n")
    assert list(collect(source).files) == ["app.py", "cache/a.bin", "cache/keep.bin"]


def test_own_ignore_file_makes_exceptions(tmp_path: Path) -> None:
    """Exceptions in .lambdaignore hold for files of tools, secrets and bytecode; those in .gitignore do not."""
    names = ("node_modules/x.js", "prod.env", "lib/id_rsa", "old.pyc")
    make(tmp_path, "app.py", *names)
    exceptions = "!node_modules/\n!prod.env\n!id_rsa\n!old.pyc\n"
    (tmp_path / ".lambdaignore").write_text(exceptions)
    assert sorted(collect(tmp_path).files) == sorted(["app.py", *names])
    (tmp_path / ".lambdaignore").rename(tmp_path / ".gitignore")
    with pytest.raises(PackagingError, match=r"lib/id_rsa .*, prod\.env "):
        collect(tmp_path)


def test_files_of_vendored_distributions_are_no_secrets(tmp_path: Path) -> None:
    """A file that the RECORD of an installed distribution lists is public, at the top and in subfolders."""
    make(tmp_path, "app.py", "pkg/test.key", "vendor/pkg/test.key", "other/test.key")
    for folder in (tmp_path, tmp_path / "vendor"):
        (folder / "pkg-1.dist-info").mkdir()
        (folder / "pkg-1.dist-info" / "RECORD").write_text("pkg/test.key,sha256=x,1\n")
    with pytest.raises(PackagingError, match=r"^these files look like secrets: other/test.key \([^()]*\); leave"):
        collect(tmp_path)


def test_ignored_build_folder_can_be_packed(tmp_path: Path) -> None:
    """Where the repository ignores the packed folder itself, its patterns do not hold for the files in it."""
    source = make(tmp_path / "build", "app.py", "a.log")
    make(tmp_path, ".git/HEAD")
    (tmp_path / ".gitignore").write_text("build/\n*.log\n")
    assert list(collect(source).files) == ["a.log", "app.py"]


def test_inner_links_are_followed(tmp_path: Path) -> None:
    """Links to files and folders of the same folder are followed."""
    source = make(tmp_path / "source", "app.py", "lib/x.py")
    (source / "handler.py").symlink_to("app.py")
    (source / "again").symlink_to(source / "lib")
    (tmp_path / "link").symlink_to(source)
    files = collect(tmp_path / "link").files
    assert {name: path.read_text() for name, path in files.items()} == {
        "again/x.py": "lib/x.py",
        "app.py": "app.py",
        "handler.py": "app.py",
        "lib/x.py": "lib/x.py",
    }


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/hostname", "the link bad leads out of the folder, to /etc/hostname"),
        ("../outside", "the link bad leads out of the folder"),
        ("../source-2/a", "the link bad leads out of the folder"),
        ("missing", "the link bad leads nowhere"),
        ("bad", "the link bad leads nowhere"),
        (".", "the link bad leads back to its own folder"),
    ],
)
def test_outer_links_are_refused(target: str, message: str, tmp_path: Path) -> None:
    """Links out of the folder are refused by name, unless they are excluded."""
    source = make(tmp_path / "source", "app.py")
    make(tmp_path, "outside/a", "source-2/a")
    (source / "bad").symlink_to(target)
    with pytest.raises(PackagingError, match=message):
        collect(source)
    assert list(collect(source, Selection(["bad"])).files) == ["app.py"]


def test_outer_links_are_followed_on_request(tmp_path: Path) -> None:
    """With `follow_links`, files and folders outside are packed under the links' names, by the same rules."""
    source = make(tmp_path / "source", "app.py")
    make(tmp_path, "common/lib/x.py", "common/lib/node_modules/a.js", "common/lib/a.log", "other/y.py", "out.zip")
    (tmp_path / "common" / "lib" / ".gitignore").write_text("*.log\n")
    (source / "lib").symlink_to("../common/lib")
    (source / "one.py").symlink_to(tmp_path / "other" / "y.py")
    (tmp_path / "common" / "lib" / "more").symlink_to(tmp_path / "other")
    (source / "up").symlink_to(tmp_path / "packages")
    make(tmp_path, "packages/a.zip", "packages/b.txt")
    tree = collect(source, output=tmp_path / "packages" / "a.zip", follow_links=True)
    assert list(tree.files) == ["app.py", "lib/more/y.py", "lib/x.py", "one.py", "up/b.txt"]
    assert {"lib/node_modules/", "lib/a.log"} <= tree.left_out.keys()
    (tmp_path / "other" / "id_rsa").touch()
    with pytest.raises(PackagingError, match="secrets: lib/more/id_rsa"):
        collect(source, follow_links=True)
    (tmp_path / "other" / "back").symlink_to(tmp_path / "common")
    with pytest.raises(PackagingError, match="lib/more/back/lib leads back to its own folder"):
        collect(source, follow_links=True)
    (source / "one.py").unlink()
    (source / "one.py").symlink_to("nowhere")
    with pytest.raises(PackagingError, match="leads nowhere"):
        collect(source, Selection(["lib"]), follow_links=True)


def test_a_circle_of_links_in_a_subfolder(tmp_path: Path) -> None:
    """A circle of links is refused with the name of the link."""
    make(tmp_path, "a/b/app.py")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    with pytest.raises(PackagingError, match="the link a/b/up leads back"):
        collect(tmp_path)


def test_socket_is_refused(tmp_path: Path) -> None:
    """A socket is refused by name."""
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(".", os.O_RDONLY)
        os.chdir(tmp_path)  # names of sockets are short
        try:
            listener.bind("control")
        finally:
            os.fchdir(here)
            os.close(here)
        with pytest.raises(PackagingError, match="control is neither a file nor a folder; exclude it: --exclude"):
            collect(tmp_path)


def test_source_must_be_a_folder(tmp_path: Path) -> None:
    """A file and a missing path are refused as source."""
    with pytest.raises(PackagingError, match=r"app\.py is not a folder"):
        collect(make(tmp_path, "app.py") / "app.py")
    with pytest.raises(PackagingError, match="nowhere does not exist"):
        collect(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """The message names an unreadable folder."""
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(PackagingError, match=r"closed\S* cannot be read: Permission denied"):
        collect(tmp_path)
