"""What tools leave in a project, by the names of files and folders."""

from __future__ import annotations

import re
from fnmatch import translate

_TOOLS = (
    # Version control, file managers, editors
    *(".git", ".gitattributes", ".gitignore", ".gitmodules", ".hg", ".hgignore", ".svn", ".bzr", ".jj", "CVS"),
    *(".DS_Store", "._*", "__MACOSX", "Thumbs.db", "desktop.ini", "*~", "*.swp"),
    *(".idea", ".vscode", ".vs", ".fleet", ".zed", ".ropeproject", ".spyderproject", ".devcontainer"),
    # Continuous integration
    *(".github", ".gitlab", ".circleci", ".buildkite", ".husky"),
    # Deployment
    *(".aws-sam", ".serverless", ".chalice", ".terraform", ".terragrunt-cache", ".pulumi", ".sst", ".amplify"),
    *("cdk.out", ".zappa", ".localstack", ".lambdaignore"),
    # Packages of other languages, and those that Python's tools build
    *("node_modules", "bower_components", "__pypackages__", ".eggs", "*.egg-info", "*.whl", ".pdm-build", ".pixi"),
    # Caches, tests, notebooks
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".pytype", ".pyre", ".tox", ".nox", ".hypothesis", ".benchmarks"),
    *(".coverage", ".coverage.*", "htmlcov", ".cache", ".ipynb_checkpoints", ".direnv"),
)
_PATTERN = re.compile("|".join(map(translate, _TOOLS)))


def is_of_tool(name: str) -> bool:
    """Return whether a file or a folder of this name belongs to a tool, not to the code."""
    return _PATTERN.match(name) is not None
