import copy
import re

import pytest
import yaml

from configs import PROJECT, merge, read_config
from lmbrain.config import load_study
from lmbrain.errors import LmbrainError
from lmbrain.settings.data import Bids

SHIPPED = [(), ("toy",), ("toy", "smoke"), ("toy", "null"), ("as_published",), ("alice",)]
SHIPPED += [("alice", "listening_as_published"), ("calibration",), ("epochs",), ("arrays",)]
SHIPPED += [("libribrain",), ("moth",), ("moth", "listening_as_published")]
SHIPPED += [("calibration", "calibration_reduced"), ("alice", "calibration")]
SHIPPED += [("harry_potter_both",), ("harry_potter_denoised",)]
SHIPPED += [("toy", "null", "no_response"), ("meg_masc",), ("armeni",)]
SHIPPED += [("toy", "smoke", "faults")]


@pytest.mark.parametrize("names", SHIPPED, ids="+".join)
def test_every_shipped_config_is_valid(names):
    assert load_study(read_config(*names)).study


def change(path: str, value) -> dict:
    config = copy.deepcopy(read_config())
    *parents, last = path.split(".")
    node = config
    for key in parents:
        node = node[key]
    node[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("encoding.ridge.penaltys", [1.0], "encoding.ridge.penaltys"),
        ("folds.outer", 2, "folds.outer"),
        ("folds.gap", -1, "folds.gap"),
        ("responses.bin_width", 0.03, "bin_width"),
        ("preprocessing.band", [40, 0.1], "preprocessing"),
        ("divergence.window", {"start": 0.4, "stop": 0.9}, "divergence.window"),
        ("divergence.window", {"start": 0.4, "stop": 0.3}, "divergence.window"),
        ("encoding.layer", 3, "encoding.layer"),
        ("encoding.spaces.lm", ["controls"], "encoding.spaces.lm"),
        ("encoding.spaces.lm", ["base", "tone"], "'tone'"),
        ("encoding.spaces.lm", ["rate", "base"], "encoding.spaces.lm holds 'rate'"),
        ("encoding.spaces.rate", ["rate"], "encoding.spaces.rate holds 'rate'"),
        ("data.exclude", ["Z"], "'Z'"),
        ("data.simulated.recordings.faults.audio.lags", [0.3], "holds 1 numbers for 2 runs"),
        ("data.simulated.recordings.faults.saturation.runs", ["3"], "'3'; the runs are 01, 02"),
        ("data.simulated.recordings.faults.silent", ["Z"], "'Z', no subject"),
        (
            "data.simulated.recordings.faults.triggers.missing",
            1.1,
            "data.simulated.recordings.faults.triggers.missing",
        ),
        ("data.subjects", ["A", "A"], "'A'"),
        ("hypotheses.proposer.prompt", "What?", "{group_a}"),
        ("finetuning.domains", ["humour"], "'humour'"),
        ("encoding.delays", {"start": 0, "stop": 12}, "encoding.delays"),
        ("encoding.trim", {"start": 5.0, "stop": 5.0}, "encoding.trim"),
        ("encoding.components", 0, "encoding.components"),
        ("responses.window", {"start": 0.01, "stop": 0.51}, "0.01"),
        ("significance.level", 1.5, "significance.level"),
        ("features.user_columns", ["a", "b", "a"], "user_columns names 'a' twice"),
        (
            "encoding.sweep",
            [{"context_words": 5, "layers": "all"}, {"context_words": 5, "layers": [3]}],
            "context_words 5 twice",
        ),
        ("encoding.sweep", [{"context_words": 0, "layers": "all"}], "encoding.sweep.0"),
    ],
)
def test_a_wrong_value_is_named_in_one_sentence(path, value, said):
    with pytest.raises(LmbrainError) as error:
        load_study(change(path, value))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_continuous_responses_do_not_allow_is_refused():
    config = read_config("alice")
    config["encoding"]["ridge"]["denoised"] = True
    with pytest.raises(LmbrainError, match=r"no encoding\.ridge\.denoised"):
        load_study(config)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"missing": {"01": ["02"]}}, "the run '02' of subject '01'; the runs are 1_a, 1_b, 2_a"),
        ({"missing": {"01": ["1_a", "1_b", "2_a", "2_b"]}}, "leaves subject '01' no run"),
        ({"bids": {"sessions": ["1", "2", "2"]}}, "sessions.*names '2' twice"),
        ({"bids": {"tasks": ["t", "t"]}}, "tasks.*names 't' twice"),
        ({"bids": {"runs": ["a", "b", "a"]}}, "runs.*names 'a' twice"),
        ({"bids": {"story_per": "session", "events": {"story_column": "s"}}}, "story_per and"),
        ({"bids": {"sessions": [], "story_per": "session"}}, "no sessions are listed"),
        ({"bids": {"sessions": [], "repeats": "session"}}, "repeats is session, but no sessions"),
        ({"bids": {"story_per": "run", "repeats": "run"}}, "story_per and repeats are both run"),
        (
            {"bids": {"events": {"sentence_column": "s", "sentence_pause": 1}}},
            "sentence_column and sentence_pause exclude each other",
        ),
    ],
)
def test_settings_of_bids_data_that_exclude_each_other_are_named(change, said):
    bids = {
        "kind": "bids",
        "subjects": ["01"],
        "bids": {"sessions": ["1", "2"], "runs": ["a", "b"]},
    }
    config = merge(read_config(), {"data": merge(bids, change)})
    with pytest.raises(LmbrainError, match=said):
        load_study(config)


LIBRI = {"task": "Sherlock1", "session": "1", "run": "1"}


@pytest.mark.parametrize(
    ("kind", "subjects", "missing", "said"),
    [
        ("simulated", ["01", "02"], ["3"], "the run '3' of subject '01'; the runs are 01, 02"),
        ("simulated", ["01", "02"], ["01", "02"], "leaves subject '01' no run"),
        ("harry_potter", ["01"], ["ch10"], "the run 'ch10' of subject '01'; the runs are ch9"),
        ("harry_potter", ["01"], ["ch9"], "leaves subject '01' no run"),
        ("libribrain", ["01"], ["2_1_1"], "run '2_1_1' .* the runs are Sherlock1_1_1"),
        ("libribrain", ["01"], ["Sherlock1_1_1"], "leaves subject '01' no run"),
        ("moth", ["01"], ["life"], "the run 'life' of subject '01'; the runs are 01"),
        ("alice", ["01"], ["01"], "leaves subject '01' no run"),
    ],
)
def test_runs_that_no_recording_has_are_named_for_every_kind_of_data(kind, subjects, missing, said):
    given = {"kind": kind, "subjects": subjects, "missing": {"01": missing}}
    with pytest.raises(LmbrainError, match=said):
        load_study(merge(read_config(), {"data": given | {"moth": {"sampling_rate": 40.0}}}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": {"file": "{subject}_{sesion}-epo.fif"}}, r"epochs\.file.*has \{sesion\}"),
        ({"epochs": {"file": "all-epo.fif"}}, r"epochs\.file.*lacks \{subject\}"),
        ({"epochs": {"file": "{subject-epo.fif"}}, r"epochs\.file.*braces that do not pair"),
        ({"epochs": {"file": "{subject:d}-epo.fif"}}, r"epochs\.file.*has \{subject\}"),
        ({"epochs": {"file": "{subject}{}-epo.fif"}}, r"epochs\.file.*has \{\}"),
        ({"arrays": {"responses": "{subject}_{task}.npy"}}, r"arrays\.responses.*has \{task\}"),
        ({"arrays": {"responses": "{subject.x}.npy"}}, r"arrays\.responses.*has \{subject\.x\}"),
        ({"libribrain": {"recording": "{session}_{ses}.h5"}}, r"recording.*has \{ses\}"),
        ({"libribrain": {"events": "{run}.tsv"}}, r"libribrain\.events.*lacks \{session\}"),
    ],
)
def test_what_a_path_cannot_be_filled_with_is_named_with_what_it_can(change, said):
    with pytest.raises(LmbrainError, match=said):
        load_study(merge(read_config(), {"data": change}))


@pytest.mark.parametrize(
    ("change", "subjects", "said"),
    [
        ({"recordings": [LIBRI, LIBRI]}, ["0"], r"libribrain\.recording names Sherlock1/"),
        (
            {"recordings": [LIBRI, LIBRI | {"run": "2"}], "recording": "{session}.h5"},
            ["0"],
            r"libribrain\.recording names 1\.h5 for two recordings",
        ),
        (
            {"recordings": [LIBRI], "events": "{task}{session}.tsv"},
            ["0", "1"],
            r"libribrain\.events names Sherlock11\.tsv for two recordings",
        ),
    ],
)
def test_one_file_is_not_read_as_two_recordings(change, subjects, said):
    given = {"kind": "libribrain", "subjects": subjects, "libribrain": change}
    with pytest.raises(LmbrainError, match=said):
        load_study(merge(read_config(), {"data": given}))


README = re.findall(r"```yaml\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", README)
def test_the_examples_of_the_readme_are_valid(example):
    assert load_study(merge(read_config(), yaml.safe_load(example))).study


def test_recordings_are_named_by_the_entities_that_differ():
    base = read_config()["data"]["bids"]
    named = {
        ("1 2", "t", ""): ["1", "2"],
        ("1", "t u", "a b"): ["t_a", "t_b", "u_a", "u_b"],
        ("", "t", ""): ["01"],
        ("", "t", "7"): ["7"],
    }
    for listed, labels in named.items():
        sessions, tasks, runs = (entity.split() for entity in listed)
        bids = Bids(**base | {"sessions": sessions, "tasks": tasks, "runs": runs})
        assert list(bids.recordings) == labels
    assert bids.recordings["7"] == {"session": None, "task": "t", "run": "7"}
    assert bids.presentations == {"7": ["7"]}
    again = {"sessions": ["1", "2"], "tasks": ["t", "u"], "runs": [], "repeats": "session"}
    presentations = Bids(**base | again).presentations
    assert presentations == {"1_t": ["1_t", "2_t"], "1_u": ["1_u", "2_u"]}


def test_a_missing_key_is_named():
    config = read_config()
    del config["folds"]["gap"]
    with pytest.raises(LmbrainError, match=r"folds\.gap"):
        load_study(config)


# keys that their group's comment explains
GROUPED = {
    *("length_strength", "lm_strength", "domain_strength"),
    *("rate", "controls", "lm", "tuned", "figurative", "physical"),
    *("backend", "model", "base_url"),
}


def test_every_key_of_the_reference_config_is_explained_by_a_comment():
    lines = (PROJECT / "config" / "config.yaml").read_text().splitlines()
    unexplained, prompt_indent = [], None
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if prompt_indent is not None and (indent > prompt_indent or not line.strip()):
            continue
        key, _, value = line.strip().partition(":")
        prompt_indent = indent if value.strip() == "|" else None
        if not key.isidentifier() or not value.strip() or prompt_indent is not None:
            continue
        near = [line, lines[i - 1].strip() if lines[i - 1].strip().startswith("#") else ""]
        if not any("#" in text for text in near) and key not in GROUPED:
            unexplained.append(key)
    assert unexplained == []


def test_override_files_hold_only_known_keys_that_differ():
    for names in SHIPPED[1:]:
        *below, name = names
        base = read_config(*below)
        override = yaml.safe_load((PROJECT / "config" / f"{name}.yaml").read_text())
        assert repeated(base, override) == [], name


def repeated(base: dict, override: dict, path: str = "") -> list[str]:
    found = []
    for key, value in override.items():
        assert key in base, f"{path}{key}"
        if isinstance(value, dict) and base[key] and isinstance(base[key], dict):
            found += repeated(base[key], value, f"{path}{key}.")
        elif value == base[key]:
            found.append(f"{path}{key}")
    return found
