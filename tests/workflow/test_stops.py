"""Studies that cannot run stop at once and say why."""

import pytest

from configs import PROJECT

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoding": {"rigde": {}}}, "Unknown config key encoding.rigde"),
        ({"folds": {"outer": "many"}}, "folds.outer is 'many'"),
        ({"data": {"exclude": ["77"]}}, "'77'"),
    ],
)
def test_a_bad_config_stops_before_any_job_with_one_sentence(fresh, change, said):
    before = set(fresh.root.rglob("results/*"))
    result = fresh.snakemake(change=change)
    assert result.returncode != 0
    assert said in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    assert set(fresh.root.rglob("results/*")) == before


def test_without_its_data_the_published_study_lists_what_is_missing_and_runs_nothing(
    fresh, tmp_path
):
    result = fresh.snakemake(configs=(), LMBRAIN_DATA=str(tmp_path), HF_HOME=str(tmp_path))
    said = result.stderr + result.stdout
    assert result.returncode != 0
    for subject in "ABCDEFGH":
        assert f"{tmp_path}/harry_potter/{subject}_HP_notDetrended_25ms.mat" in said
    for thing in ("KiltHub article 20465898", "harry_annot_sub3.csv", "openai-community/gpt2-xl"):
        assert thing in said
    for thing in ("lighteval/siqa", "nightingal3/fig-qa", "baber/piqa", "OPENAI_API_KEY"):
        assert thing in said
    results = fresh.root / "results" / "published"
    made = {p.name for p in results.rglob("*") if p.is_file()}
    assert made <= {"inventory.log", "inventory.tsv"}


def test_without_a_data_folder_the_study_says_which_variable_to_set(fresh):
    result = fresh.snakemake(configs=("config/alice.yaml",), LMBRAIN_DATA="")
    assert result.returncode != 0
    assert "LMBRAIN_DATA" in result.stderr + result.stdout


@pytest.mark.parametrize(
    "name",
    [
        *("config", "as_published", "harry_potter_both", "harry_potter_denoised"),
        *("alice", "toy", "meg_masc", "armeni"),
    ],
)
def test_every_shipped_study_has_a_complete_plan(fresh, name, tmp_path):
    configs = () if name == "config" else (f"config/{name}.yaml",)
    plan = fresh.snakemake("--dry-run", configs=configs, LMBRAIN_DATA=str(tmp_path))
    assert plan.returncode == 0, plan.stderr
    assert "report_page" in plan.stdout


@pytest.mark.parametrize(
    "target",
    [
        "meg",
        "features",
        "encoding",
        "divergence",
        "hypotheses",
        "finetuning",
        "evaluation",
        "report",
    ],
)
def test_every_stage_is_a_target(fresh, target):
    arguments = ["--dry-run", target]
    assert fresh.snakemake(*arguments).returncode == 0


def test_conda_environments_pin_what_constraints_pin():
    import yaml

    pins = dict(
        line.split("==")
        for line in (PROJECT / "constraints.txt").read_text().lower().splitlines()
        if "==" in line
    )
    for path in sorted((PROJECT / "envs").glob("*.yaml")):
        *_, pip = yaml.safe_load(path.read_text())["dependencies"]
        for requirement in pip["pip"]:
            name, version = requirement.split("==")
            assert pins[name] == version, f"{path.name}: {requirement}"
