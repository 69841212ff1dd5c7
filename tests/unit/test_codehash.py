import pytest

from lmbrain.codehash import code_hash


@pytest.fixture
def tree(tmp_path):
    package = tmp_path / "package"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("")
    (package / "shared.py").write_text("def one():\n    return 1\n")
    (package / "deep" / "used.py").write_text(
        "def f():\n    from package.shared import one\n    return one()\n"
    )
    (package / "unused.py").write_text("x = 1\n")
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "_helper.py").write_text("y = 1\n")
    (scripts / "script.py").write_text("from _helper import y\nfrom package.deep import used\n")
    return tmp_path


def of(tree):
    return code_hash(tree / "scripts" / "script.py", tree / "package")


@pytest.mark.parametrize(
    "path",
    [
        "scripts/script.py",
        "scripts/_helper.py",
        "package/deep/used.py",
        "package/shared.py",
        "package/__init__.py",
    ],
)
def test_an_edit_of_anything_that_is_imported_changes_the_hash(tree, path):
    before = of(tree)
    file = tree / path
    file.write_text(file.read_text() + "\nz = 2\n")
    assert of(tree) != before


def test_comments_docstrings_blank_lines_and_touches_do_not_change_the_hash(tree):
    before = of(tree)
    file = tree / "package" / "shared.py"
    file.write_text('"""New."""\n# why\n\ndef one():\n    """Doc."""\n    return 1  # one\n')
    assert of(tree) == before


def test_a_module_that_is_not_imported_does_not_count(tree):
    before = of(tree)
    (tree / "package" / "unused.py").write_text("x = 2\n")
    assert of(tree) == before


def test_the_hash_does_not_depend_on_where_the_project_lies(tree, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "project"
    tree.rename(moved)
    before = of(moved)
    moved.rename(tree)
    assert of(tree) == before
