"""A hash of what a script does: its syntax tree and, transitively, its in-package imports.

Comments, docstrings and file times do not enter, so only an edit that can change a result
changes the hash.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path


def code_hash(script: str | Path, package: str | Path) -> str:
    """Hash of `script` and of all modules of `package` that it imports, directly or not.

    Parameters
    ----------
    script
        A Python file.
    package
        The folder of the package (`src/lmbrain`); modules beside `script` count as well.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    package = Path(package).resolve()
    found: dict[Path, str] = {}
    todo = [Path(script).resolve()]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        tree_hash, imports = _parse(path, path.stat().st_mtime_ns)
        found[path] = tree_hash
        for name in imports:
            todo.extend(_locate(name, path, package))
    names = sorted(
        (path.relative_to(package).as_posix() if package in path.parents else path.name, value)
        for path, value in found.items()
    )
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


@cache
def _parse(path: Path, _mtime_ns: int) -> tuple[str, tuple[str, ...]]:
    """Hash of the docstring-stripped tree, and the dotted names that the file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                raise ValueError(f"{path}, line {node.lineno}: write the import in full.")
            # `from package import module` names a module, `from module import name` does not:
            # both readings are kept, the one without a file falls away in _locate.
            imports.append(node.module)
            imports += [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _strip_docstring(node)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(imports)


def _strip_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:]


def _locate(name: str, importer: Path, package: Path) -> list[Path]:
    """The files a dotted name stands for inside the package or beside the importer."""
    head, *rest = name.split(".")
    if head == package.name:
        # the __init__ of every package on the way is executed, too
        folders = [package.joinpath(*rest[:i]) / "__init__.py" for i in range(len(rest) + 1)]
        module = package.joinpath(*rest).with_suffix(".py") if rest else None
        return [p for p in (*folders, module) if p and p.is_file()]
    if not rest:
        beside = importer.parent / f"{head}.py"
        return [beside] if beside.is_file() and package not in importer.parents else []
    return []
