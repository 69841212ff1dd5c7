"""A change reruns the rules that read it, what follows from them, and nothing else."""

import os
import shutil

import pytest

pytestmark = pytest.mark.workflow

HYPOTHESES = {"propose", "verify", "rank_hypotheses"}
END = {"scorecard", "report_page"}
EVALUATION = {"compare", "word_improvement", "specificity"}
FROM_ENCODING = {
    "encode",
    "encode_denoised",
    "encode_group",
    "variance_partition",
    "sweep",
    "significance",
    "divergence",
    "groups",
    "beyond_controls",
    *EVALUATION,
    *HYPOTHESES,
    *END,
}


def test_without_a_change_nothing_reruns(smoke):
    assert smoke.would_run() == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"encoding": {"ridge": {"penalties": [10, 1000]}}}, FROM_ENCODING),
        (
            {"hypotheses": {"proposer": {"prompt": "{group_a} and {group_b}: {count} ways?"}}},
            HYPOTHESES | END,
        ),
        (
            {"encoding": {"sweep": [{"context_words": 3, "layers": [0, 1]}]}},
            {"sweep_features", "sweep", "report_page"},
        ),
        ({"encoding": {"ridge": {"weightings": 2}}}, FROM_ENCODING),
        ({"report": {"topography_times": [0.15]}}, {"report_page"}),
        ({"report": {"title": "Another title"}}, {"report_page"}),
        ({"hypotheses": {"verifier": {"model": "other"}}}, {"verify", "rank_hypotheses", *END}),
        ({"significance": {"resamples": 199}}, {"significance", *END}),
        (
            {"divergence": {"components": 4}},
            {"divergence", "groups", *HYPOTHESES, *END},
        ),
        (
            {"finetuning": {"training": {"steps": 4}}},
            {"finetune", "lm_features", "encode", "encode_group", *EVALUATION, *END},
        ),
        ({"evaluation": {"block": 12}}, {"beyond_controls", "compare", "specificity", *END}),
        (
            {"evaluation": {"windows": [{"start": 0.2, "stop": 0.4}]}},
            {"beyond_controls", *EVALUATION, *END},
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_config_value_reruns_the_rules_that_read_it_and_what_follows(smoke, change, expected):
    assert smoke.would_run(change) == expected


FROM_RESPONSES = {
    "word_locked_responses",
    "word_response",
    "folds",
    "cross_subject_prediction",
    "noise_ceiling",
    "group_average",
    *FROM_ENCODING,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timing": {"tolerance": 0.01}}, FROM_RESPONSES),
        ({"responses": {"baseline": {"start": -0.1, "stop": 0.0}}}, FROM_RESPONSES),
        ({"preprocessing": {"resample": 100.0}}, {"preprocess", *FROM_RESPONSES}),
        ({"preprocessing": {"keep_cleaned": False}}, {"report_page"}),
        (
            {"denoising": {"penalties": [100, 1000]}},
            {
                "cross_subject_prediction",
                "noise_ceiling",
                "encode_denoised",
                "divergence",
                "groups",
                "compare",
                "beyond_controls",
                *HYPOTHESES,
                *END,
            },
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_value_of_the_recordings_reruns_no_earlier_stage(smoke, change, expected):
    assert smoke.would_run(change) == expected


def test_a_preprocessing_value_never_reruns_features_or_simulation(smoke):
    rerun = smoke.would_run({"preprocessing": {"band": [0.5, 40.0]}})
    assert {"preprocess", "word_locked_responses", "encode"} <= rerun
    assert not {"lm_features", "static_features", "simulate_recordings", "finetune"} & rerun


def test_the_layers_analysed_never_rerun_the_simulated_brains(smoke):
    rerun = smoke.would_run({"features": {"layers": [0, 1, 2]}})
    assert {"lm_features", "encode"} <= rerun
    assert not {"planted_truth", "simulate_recordings", "preprocess"} & rerun


@pytest.fixture
def edited(smoke):
    """Append to a file of the checkout; put the file back afterwards."""
    originals = {}

    def edit(path: str, addition: str) -> None:
        file = smoke.root / path
        originals[file] = (file.read_text(), os.stat(file))
        file.write_text(file.read_text() + addition)

    yield edit
    for file, (text, times) in originals.items():
        file.write_text(text)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("hypotheses/validity.py", {"rank_hypotheses", *END}),
        ("report/page.py", {"report_page"}),
        (
            "finetuning/objective.py",
            {"finetune", "lm_features", "encode", "encode_group", *EVALUATION},
        ),
        ("meg/ceiling.py", {"noise_ceiling", "compare", "beyond_controls", "report_page"}),
    ],
)
def test_editing_a_library_module_reruns_just_the_rules_that_import_it(
    smoke, edited, module, expected
):
    edited(f"src/lmbrain/{module}", "\nADDED = 1\n")
    assert smoke.would_run() - END == expected - END
    assert "report_page" in smoke.would_run()


def test_a_comment_or_docstring_edit_reruns_nothing(smoke, edited):
    edited("src/lmbrain/encoding/ridge.py", "\n# a remark\n")
    edited("workflow/scripts/encode.py", "\n# a remark\n")
    assert smoke.would_run() == set()


def test_a_touched_script_module_or_small_input_reruns_nothing(smoke):
    for path in (
        "workflow/scripts/encode.py",
        "src/lmbrain/encoding/ridge.py",
        "results/smoke/words.tsv",
    ):
        (smoke.root / path).touch()
    assert smoke.would_run() == set()


def test_results_moved_into_a_fresh_checkout_rerun_nothing(smoke, tmp_path):
    moved = smoke.copy_sources(tmp_path / "moved")
    for part in ("results", ".snakemake"):
        shutil.copytree(smoke.root / part, moved.root / part, symlinks=True)
    assert moved.would_run() == set()
