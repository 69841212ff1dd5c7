"""Arrays and containers come back; whatever else a pickle names is refused, and never runs."""

import collections
import os
import pickle
import subprocess

import numpy as np
import pytest

from lmbrain.errors import LmbrainError
from lmbrain.restricted_pickle import load_array, load_pickle

DATA = {
    "trial 1": np.arange(12.0).reshape(3, 4),
    "words": ["caf\u00e9", "null", b"\xff"],
    "objects": np.array(["a", ["b"]], dtype=object),
    "scalar": np.float32(2.5),
    "plain": (1, 2.0, None, True, {3}, collections.OrderedDict(a=1)),
    "order": np.asfortranarray(np.ones((2, 3))),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_containers_come_back_from_every_protocol(tmp_path, protocol):
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(DATA, protocol))
    back = load_pickle(tmp_path / "data.pkl")
    for name in ("trial 1", "objects", "order"):
        np.testing.assert_array_equal(back[name], DATA[name])
        assert back[name].dtype == DATA[name].dtype
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


def test_a_missing_file_is_named(tmp_path):
    for load in (load_pickle, load_array):
        with pytest.raises(LmbrainError, match="absent"):
            load(tmp_path / "absent")


def test_array_files_of_numbers_and_of_objects_are_read_alike(tmp_path):
    numbers = np.arange(6).reshape(2, 3)
    words = np.array([["a", None], ["null", "b"]], dtype=object)
    for array in (numbers, words):
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), array)


def test_an_array_file_of_hostile_objects_is_refused(tmp_path):
    mark = tmp_path / "ran"
    array = np.array([Runs(os.system, f"touch {mark}")], dtype=object)
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(LmbrainError, match=r"a\.npy names \S*system"):
        load_array(tmp_path / "a.npy")
    assert not mark.exists()
    (tmp_path / "b.npy").write_bytes(b"not an array")
    with pytest.raises(LmbrainError, match=r"b\.npy is no array file"):
        load_array(tmp_path / "b.npy")
