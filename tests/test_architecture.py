"""The architecture page agrees with the code: rooms are folders, imports follow their order, and named files exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/explanation/architecture.md").read_text()
ROOMS = re.findall(r"^\| `((?:workflow|simulations)/\w+)` \|", PAGE, re.MULTILINE)


def _modules() -> dict[str, list[Path]]:
    """Return the Python files of each room; the packages' own `__init__.py` files only gather public names."""
    rooms: dict[str, list[Path]] = {}
    for path in sorted([*(ROOT / "workflow").rglob("*.py"), *(ROOT / "simulations").rglob("*.py")]):
        package, name, *_ = path.relative_to(ROOT).with_suffix("").parts
        if name != "__init__":
            rooms.setdefault(f"{package}/{name}", []).append(path)
    return rooms


def _imported(path: Path) -> set[str]:
    """Return the dotted names of all modules and names that a file imports, also inside functions."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_room_has_one_line_on_the_page() -> None:
    """A new folder needs a line in the table."""
    assert sorted(ROOMS) == sorted(_modules())


def test_no_import_runs_upward() -> None:
    """A room imports only the rooms above it in the page's table."""
    upward = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, paths in _modules().items()
        for path in paths
        for name in _imported(path)
        for target in ["/".join(name.split(".")[:2])]
        if target in ROOMS and ROOMS.index(target) > ROOMS.index(room)
    ]
    assert upward == []


def test_only_methods_that_show_a_result_reach_a_later_room() -> None:
    """They import a public name from the package itself, when they are called; scripts import from it as a user does."""
    inside = {
        "_repr_html_": {"as_html"},
        "plot": {"RunPlots", "ComparisonPlots", "HindcastPlots", "SensitivityPlots", "SweepPlots"},
        "draw": {"Picture"},
        "change": {"change_scenario"},
        "sentences": {"answer_of"},
    }
    allowed = {(function, name) for function, names in inside.items() for name in names}
    found = set[tuple[str, str]]()
    for room, paths in _modules().items():
        for path in paths if room != "simulations/studies" else ():
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef | ast.Module):
                    imports = [node for node in function.body if isinstance(node, ast.ImportFrom)]
                    names = (a.name for node in imports if node.module in ("workflow", "simulations") for a in node.names)
                    found |= {(getattr(function, "name", path.name), name) for name in names}
    assert found == allowed


def test_every_file_the_page_names_exists() -> None:
    """The table "Where do I change X" names files and folders of the repository."""
    named = re.findall(r"`((?:workflow|simulations|docs)/[\w/.]+)`", PAGE)
    assert len(named) > 40
    assert [name for name in named if not any((ROOT / (name + end)).exists() for end in ("", ".py"))] == []
