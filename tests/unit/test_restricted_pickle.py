"""Arrays and containers come back; whatever else a pickle names is refused, and never runs."""

import collections
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from numpy._core import multiarray, numeric

from lmbrain.errors import LmbrainError
from lmbrain.restricted_pickle import load_pickle

DATA = {
    "trial 1": np.arange(12.0).reshape(3, 4),
    "words": ["caf\u00e9", "null", b"\xff"],
    "objects": np.array(["a", ["b"]], dtype=object),
    "scalar": np.float32(2.5),
    "byte order": np.arange(3, dtype=">i2"),
    "texts": np.array([["a", "caf\u00e9"]]),
    "flags": np.array([True, False]),
    "nothing": np.empty((0, 3)),
    "plain": (1, 2.0, None, True, {3}, collections.OrderedDict(a=1)),
    "order": np.asfortranarray(np.ones((2, 3))),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_containers_come_back_from_every_protocol(tmp_path, protocol):
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(DATA, protocol))
    back = load_pickle(tmp_path / "data.pkl")
    for name in ("trial 1", "objects", "order", "byte order", "texts", "flags", "nothing"):
        np.testing.assert_array_equal(back[name], DATA[name])
        assert back[name].dtype.newbyteorder("=") == DATA[name].dtype.newbyteorder("=")
    for name in ("words", "scalar", "plain"):
        assert back[name] == DATA[name]


def test_an_array_pickled_by_python_2_is_read_as_latin_1(tmp_path):
    # cPickle protocol 2 of {"t": numpy.array([1., -2.])}: module of numpy 1, bytes as `str`
    values = np.array([1.0, -2.0]).tobytes()
    stream = (
        b"\x80\x02}U\x01tcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(values)]) + values + b"tbs."
    )
    (tmp_path / "old.pkl").write_bytes(stream)
    np.testing.assert_array_equal(load_pickle(tmp_path / "old.pkl")["t"], [1.0, -2.0])


class Runs:
    """Pickled, it has a function called when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


HOSTILE = {
    "system": lambda mark: Runs(os.system, f"touch {mark}"),
    "eval": lambda mark: Runs(eval, f"open('{mark}', 'w')"),
    "exec": lambda mark: Runs(exec, f"open('{mark}', 'w')"),
    "getattr": lambda mark: Runs(getattr, "", "join"),
    "Popen": lambda mark: Runs(subprocess.Popen, ["touch", mark]),
    "load": lambda mark: Runs(np.load, mark),
    "open": lambda mark: Runs(open, mark, "w"),
}


@pytest.mark.parametrize("named", HOSTILE)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_hostile_pickle_is_refused_by_the_name_it_calls_and_never_runs(tmp_path, named, protocol):
    mark = tmp_path / "ran"
    stream = pickle.dumps({"a": [HOSTILE[named](str(mark))]}, protocol)
    (tmp_path / "bad.pkl").write_bytes(stream)
    with pytest.raises(LmbrainError, match=rf"bad\.pkl names \S*{named}, which"):
        load_pickle(tmp_path / "bad.pkl")
    assert not mark.exists()


def test_the_way_to_bytes_takes_no_other_codec(tmp_path):
    (tmp_path / "bad.pkl").write_bytes(
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R."
    )
    with pytest.raises(LmbrainError, match="rot13"):
        load_pickle(tmp_path / "bad.pkl")


@pytest.mark.parametrize("stream", [b"", b"no pickle", pickle.dumps(DATA)[:-30]])
def test_a_damaged_file_is_named(tmp_path, stream):
    (tmp_path / "cut.pkl").write_bytes(stream)
    with pytest.raises(LmbrainError, match=r"cut\.pkl is no readable pickle"):
        load_pickle(tmp_path / "cut.pkl")


@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.parametrize("kind", ["<U4", ">U4", "scalar"])
def test_texts_of_what_is_no_character_are_refused(tmp_path, protocol, kind):
    texts = np.str_("aaaa") if kind == "scalar" else np.array([["aaaa", "b"]], kind).T
    stream = pickle.dumps(texts, protocol)
    encoding = "utf-32-be" if kind[0] == ">" else "utf-32-le"
    wrong = stream.replace("aaaa".encode(encoding), b"\x7f" * 16)
    assert wrong != stream
    (tmp_path / "texts.pkl").write_bytes(wrong)
    with pytest.raises(
        LmbrainError, match=r"texts\.pkl names numpy\.ndarray of texts that are none"
    ):
        load_pickle(tmp_path / "texts.pkl")
    (tmp_path / "texts.pkl").write_bytes(stream)
    np.testing.assert_array_equal(load_pickle(tmp_path / "texts.pkl"), texts)


def test_nesting_too_deep_is_damage(tmp_path):
    deep = b"\x80\x02cnumpy\ndtype\n" + b"]" * 50000 + b"a" * 49999 + b"\x85R."
    (tmp_path / "deep.pkl").write_bytes(deep)
    with pytest.raises(LmbrainError, match=r"deep\.pkl is no readable pickle"):
        load_pickle(tmp_path / "deep.pkl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LmbrainError, match="absent"):
        load_pickle(tmp_path / "absent")


# Reductions that reach memory, or what others hold, with names that arrays need.
OBJECTS = (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 16)
POINTER = b"AAAAAAA\0"


class Built(Runs):
    """A call, whose result is given a state."""

    def __init__(self, function, arguments, state):
        self.call = function, arguments, state


def array(dtype, data, shape=(1,)):
    state = (1, shape, dtype, False, data)
    return Built(multiarray._reconstruct, (np.ndarray, (0,), b"b"), state)


FORGED = {
    "an array over an address": Runs(np.ndarray, (1,), np.dtype("O"), POINTER),
    "an array of what memory held": Runs(np.ndarray, (4,), np.dtype("f8")),
    "an array that nothing fills": Runs(multiarray._reconstruct, np.ndarray, (4,), "d"),
    "objects from bytes": array(np.dtype("O"), POINTER),
    "more objects than there are": array(np.dtype("O"), [1], (4000,)),
    "a shape that overflows": array(np.dtype("f8"), b"", (2**32, 2**32)),
    "a shape below zero": array(np.dtype("f8"), b"x" * 16, (-1, -2)),
    "flags of a dtype": array(
        Built(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0)), POINTER
    ),
    "fields of a dtype": array(Built(np.dtype, ("V8", False, True), OBJECTS), POINTER),
    "fields of another kind": array(Built(np.dtype, ("f8", False, True), OBJECTS), POINTER),
    "a scalar over an address": Runs(
        multiarray.scalar, Built(np.dtype, ("V8", False, True), OBJECTS), POINTER
    ),
    "a scalar that is an object": Runs(multiarray.scalar, np.dtype("O"), POINTER),
    "a state of objects for numbers": Built(
        numeric._frombuffer, (b"x" * 8, np.dtype("f8"), (1,), "C"), (1, (1,), np.dtype("O"), 0, b"")
    ),
    "a long name of a dtype": Runs(np.dtype, "f8,O"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_pickle_forged_of_admitted_names_reaches_no_memory(tmp_path, name):
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"a": FORGED[name]}, 2))
    reading = (
        "import sys; from lmbrain.errors import LmbrainError\n"
        "from lmbrain.restricted_pickle import load_pickle\n"
        "try: print(repr(load_pickle(sys.argv[1])['a']))\n"
        "except LmbrainError as error: print('refused:', error)"
    )
    command = [sys.executable, "-c", reading, str(tmp_path / "bad.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.match(r"refused: \S+bad\.pkl names numpy\.", done.stdout), done.stdout


@pytest.mark.parametrize("named", ["numpy\nndarray", "numpy\ndtype", "collections\nOrderedDict"])
def test_a_pickle_changes_nothing_that_outlives_it(tmp_path, named):
    stream = f"c{named}\n}}S'note'\nS'mine'\nsb.".encode()
    (tmp_path / "bad.pkl").write_bytes(stream)
    with pytest.raises(LmbrainError):
        load_pickle(tmp_path / "bad.pkl")
