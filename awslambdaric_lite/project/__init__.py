"""From a project's own files to what the local Lambda serves: templates, cloud assemblies, `pyproject.toml`.

The package itself imports nothing; import `read_project` from `read` and `ProjectOptions` from `options`.
"""
