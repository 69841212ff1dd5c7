# Proof by planted truth: error rates, coverage, power, detection and leaks, simulated directly at
# the level of word-locked responses.

from lmbrain.datasets.places import data_folder

CALIBRATION = STUDY.calibration
PLANTED = {
    "features": CALIBRATION.features,
    "folds": CALIBRATION.folds,
    "gap": CALIBRATION.gap,
    "resamples": CALIBRATION.resamples,
}


def cells(section):
    """The tables of one part, a file for each kind of noise and length of story."""
    part = getattr(CALIBRATION, section)
    return expand(f"{ROOT}/{section}/{{noise}}_{{words}}.tsv", noise=part.noise, words=part.words)


rule calibrate_false_positives:
    output:
        counts=f"{ROOT}/false_positives/{{noise}}_{{words}}.tsv",
        autocorrelation=f"{ROOT}/autocorrelation/{{noise}}_{{words}}.tsv",
    log:
        f"{LOGS}/calibrate_false_positives/{{noise}}_{{words}}.log",
    benchmark:
        f"{BENCHMARKS}/calibrate_false_positives/{{noise}}_{{words}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        plan=PLANTED,
        settings=values("calibration.false_positives"),
        seed=STUDY.seed,
        code=code("calibration_false_positives.py"),
    message:
        "Counting false positives in {wildcards.noise} noise of {wildcards.words} words"
    script:
        "../scripts/calibration_false_positives.py"


rule calibrate_coverage:
    output:
        intervals=f"{ROOT}/coverage/{{noise}}_{{words}}.tsv",
    log:
        f"{LOGS}/calibrate_coverage/{{noise}}_{{words}}.log",
    benchmark:
        f"{BENCHMARKS}/calibrate_coverage/{{noise}}_{{words}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        plan=PLANTED,
        settings=values("calibration.coverage"),
        seed=STUDY.seed,
        code=code("calibration_coverage.py"),
    message:
        "Counting intervals that hold the truth in {wildcards.noise} noise of {wildcards.words} words"
    script:
        "../scripts/calibration_coverage.py"


rule calibrate_power:
    output:
        curves=f"{ROOT}/power/{{noise}}_{{words}}.tsv",
    log:
        f"{LOGS}/calibrate_power/{{noise}}_{{words}}.log",
    benchmark:
        f"{BENCHMARKS}/calibrate_power/{{noise}}_{{words}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        plan=PLANTED,
        settings=values("calibration.power"),
        seed=STUDY.seed,
        code=code("calibration_power.py"),
    message:
        "Measuring power in {wildcards.noise} noise of {wildcards.words} words"
    script:
        "../scripts/calibration_power.py"


rule calibrate_detection:
    output:
        found=f"{ROOT}/detection/{{words}}.tsv",
    log:
        f"{LOGS}/calibrate_detection/{{words}}.log",
    benchmark:
        f"{BENCHMARKS}/calibrate_detection/{{words}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        settings=values("calibration.detection"),
        seed=STUDY.seed,
        code=code("calibration_detection.py"),
    message:
        "Looking for planted words in stories of {wildcards.words} words"
    script:
        "../scripts/calibration_detection.py"


rule calibrate_leaks:
    output:
        attacks=f"{ROOT}/leaks.tsv",
    log:
        f"{LOGS}/calibrate_leaks.log",
    benchmark:
        f"{BENCHMARKS}/calibrate_leaks.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        attempts=CALIBRATION.leaks,
        seed=STUDY.seed,
        code=code("calibration_leaks.py"),
    message:
        "Looking for leaks"
    script:
        "../scripts/calibration_leaks.py"


if STUDY.data.kind == "alice":
    ALICE = data_folder(STUDY.data.alice.root, "alice")

    rule calibrate_real_noise:
        input:
            words=f"{ALICE}/words.tsv",
            responses=expand(f"{ALICE}/sub-{{subject}}_bold.tsv", subject=SUBJECTS),
        output:
            counts=f"{ROOT}/real_noise.tsv",
        log:
            f"{LOGS}/calibrate_real_noise.log",
        benchmark:
            f"{BENCHMARKS}/calibrate_real_noise.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=1000,
        params:
            folder=str(ALICE),
            subjects=SUBJECTS,
            alice=values("data.alice"),
            outer=STUDY.folds.outer,
            delays=values("encoding.delays"),
            drift_cutoff=STUDY.encoding.drift_cutoff,
            places=CALIBRATION.places,
            resamples=CALIBRATION.resamples,
            material=content("simulation/material"),
            code=code("calibration_real_noise.py"),
        message:
            "Counting false positives in measured noise"
        script:
            "../scripts/calibration_real_noise.py"


rule calibration_report:
    input:
        counts=cells("false_positives"),
        autocorrelation=[
            path.replace("/false_positives/", "/autocorrelation/")
            for path in cells("false_positives")
        ],
        intervals=cells("coverage"),
        curves=cells("power"),
        found=expand(rules.calibrate_detection.output.found, words=CALIBRATION.detection.words),
        attacks=rules.calibrate_leaks.output.attacks,
        real_noise=rules.calibrate_real_noise.output.counts if STUDY.data.kind == "alice" else [],
    output:
        rates=f"{ROOT}/rates.tsv",
        coverage=f"{ROOT}/coverage.tsv",
        power=f"{ROOT}/power.tsv",
        detection=f"{ROOT}/detection.tsv",
        page=f"{ROOT}/report.html",
    log:
        f"{LOGS}/calibration_report.log",
    benchmark:
        f"{BENCHMARKS}/calibration_report.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        calibration=values("calibration"),
        templates=[content(f"report/{name}") for name in ("page.html", "page.css")],
        code=code("calibration_report.py"),
    message:
        "Writing the calibration's page"
    script:
        "../scripts/calibration_report.py"


# After the page, so that a failed calibration can be read.
rule calibration_verdict:
    input:
        rates=rules.calibration_report.output.rates,
        coverage=rules.calibration_report.output.coverage,
        attacks=rules.calibrate_leaks.output.attacks,
        page=rules.calibration_report.output.page,
    output:
        verdict=f"{ROOT}/verdict.json",
    log:
        f"{LOGS}/calibration_verdict.log",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    params:
        code=code("calibration_verdict.py"),
    message:
        "Judging the calibration"
    script:
        "../scripts/calibration_verdict.py"
