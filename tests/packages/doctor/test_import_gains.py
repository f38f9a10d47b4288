"""What `doctor` says about lazy imports, bundles, and imports that events never use."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from awslambdaric_lite.cli import main
from awslambdaric_lite.packaging.audit import handler as handler_module
from awslambdaric_lite.packaging.audit import import_gains
from awslambdaric_lite.packaging.audit.findings import Finding
from awslambdaric_lite.packaging.import_tree import Imported

from .packages import TARGET, compiled, findings, make_zip

HANDLER = "def handler(event, context):\n    return event\n"
FILES = {
    "app.py": "import needed, idle\ndef handler(event, context):\n    return needed.value(**event)\n",
    "needed.py": "import both\ndef value(**values):\n    return both.VALUE + sum(values.values())\n",
    "idle.py": "import idle_too, both\n",
    "idle_too.py": "import time; end = time.thread_time() + 0.01\nwhile time.thread_time() < end: pass\n",
    "both.py": "VALUE = 1\n",
}
NEW = sys.version_info >= (3, 15)


@pytest.fixture(autouse=True)
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimate small imports, too, and import as rarely as possible."""
    monkeypatch.setattr(handler_module, "SLOW_US", 10**12)
    monkeypatch.setattr(handler_module, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(import_gains, "LEAST_US", 0)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package whose handler imports more than it needs."""
    return make_zip(tmp_path / "a.zip", compiled(FILES))


def by_code(found: list[Finding]) -> dict[str, Finding]:
    """Return findings by their codes, each of which occurs once."""
    assert len({each.code for each in found}) == len(found)
    return {each.code: each for each in found}


def test_gains_of_settings_are_estimated(package: Path) -> None:
    """A note has the CPU time of the import as it is, with a bundle and, on Python 3.15, with lazy imports."""
    gain = by_code(findings(package, handler="app.handler"))["imports-gain"]
    assert gain.level == "info"
    names = re.findall(r"about \d+ ms (.*?)(?:, | \()", gain.message)
    assert names == ["of CPU time as it is", *(["with lazy imports"] if NEW else []), "with a bundle"] + (
        ["with both"] if NEW else []
    )
    assert "medians of 3 runs" in gain.message and "bench app.handler --what-if" in gain.message
    assert ("add --event FILE" in gain.message) is NEW


def test_an_import_that_takes_no_time_has_no_estimate(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler whose imports take less than the limit gets no note about settings."""
    monkeypatch.setattr(import_gains, "LEAST_US", 10**12)
    assert findings(package, handler="app.handler") == []


def test_package_that_only_works_with_eager_imports_has_other_estimates(tmp_path: Path) -> None:
    """An import that fails with a setting leaves that setting out."""
    fails = "import sys\nassert getattr(sys, 'get_lazy_imports', str)() != 'all'\n" + HANDLER
    gain = by_code(findings(make_zip(tmp_path / "a.zip", compiled({"app.py": fails})), handler="app.handler"))
    assert "with a bundle" in gain["imports-gain"].message
    assert "with lazy" not in gain["imports-gain"].message and "with both" not in gain["imports-gain"].message


def test_imports_that_events_never_use_are_named_with_their_importers(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The note names what no event needed and who imports it, without what another module needs, too."""
    (tmp_path / "one.json").write_text('{"a": 1}')
    (tmp_path / "two.json").write_text("{}")
    events = ("--event", str(tmp_path / "one.json"), "--event", str(tmp_path / "two.json"))
    assert main(["doctor", str(package), "--arch", TARGET.arch, "--handler", "app.handler", *events, "--json"]) == 0
    found = {each["code"]: each["message"] for each in json.loads(capsys.readouterr().out)["findings"]}
    assert re.match(r"the 2 events never use idle about \d+ ms \(imported by app\), of \d+ ms", found["imports-unused"])
    assert found["imports-unused"].endswith("or use lazy imports" if NEW else "unused names of `from` imports")
    assert "add --event" not in found["imports-gain"]


def test_event_that_fails_is_a_warning(package: Path) -> None:
    """An event that fails gets a warning with its error, and settings get no estimate."""
    found = by_code(findings(package, handler="app.handler", events=[b'{"a": "text"}']))
    assert found["handler-event"].level == "warning"
    assert "app.handler failed while its imports were recorded: TypeError: " in found["handler-event"].message
    assert "imports-gain" not in found


@pytest.mark.skipif(NEW, reason="this Python has lazy imports")
def test_function_that_needs_eager_imports_gets_a_note(tmp_path: Path) -> None:
    """Before Python 3.15, a module that replaces itself hides which imports are unused, which a note says."""
    files = {
        **FILES,
        "app.py": "import replaced\n" + FILES["app.py"],
        "replaced.py": "import sys, needed\nsys.modules[__name__] = needed\n",
    }
    files["app.py"] += "replaced.value()\n"
    found = by_code(findings(make_zip(tmp_path / "a.zip", compiled(files)), handler="app.handler", events=[b"{}"]))
    assert found["imports-unused"].message.endswith("name --python 3.15 to see them")
    assert "with a bundle" in found["imports-gain"].message


@pytest.mark.skipif(NEW, reason="this Python has lazy imports")
def test_names_of_from_imports_count_as_used_without_lazy_imports(tmp_path: Path) -> None:
    """Before Python 3.15, a module that a `from` import names is never called unused."""
    files = {**FILES, "app.py": FILES["app.py"].replace("import needed, idle", "import needed\nfrom idle import both")}
    found = by_code(findings(make_zip(tmp_path / "a.zip", compiled(files)), handler="app.handler", events=[b"{}"]))
    assert "idle about" not in found["imports-unused"].message
    assert re.search(r"never uses idle_too about \d+ ms \(imported by idle\)", found["imports-unused"].message)


def test_unused_imports_are_summed_by_package_and_importer() -> None:
    """Modules of one unused package count together; a used module below an unused one does not count."""
    shared = Imported("shared", 50_000, 50_000)
    tree = Imported(
        "app.handler",
        0,
        100_000,
        [
            Imported(
                "app",
                1_000,
                100_000,
                [
                    Imported("idle", 2_000, 2_000),
                    Imported("idle.deep", 3_000, 53_000, [shared]),
                    Imported("used", 1_000, 9_000, [Imported("used.idle", 8_000, 8_000)]),
                    Imported("tiny", 10, 10),
                ],
            )
        ],
    )
    (found,) = import_gains.unused_imports(tree, {"app", "used", "shared"}, 1)
    assert found.message.startswith(
        "the event never uses used.idle about 8 ms (imported by used), idle about 5 ms (imported by app), of 100 ms"
    )


def test_event_without_a_handler_is_refused(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An event needs a handler, and a file that exists."""
    assert main(["doctor", str(package), "--event", "event.json"]) == 2
    assert "--event is sent to the handler; name it with --handler" in capsys.readouterr().err
    assert main(["doctor", str(package), "--handler", "app.handler", "--event", "missing.json"]) == 2
    assert "event file missing.json does not exist" in capsys.readouterr().err
