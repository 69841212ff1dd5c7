# The simulated cohort: raw recordings in a BIDS data set, and the planted truth.
# Only the scorecard reads the folder truth/; the analysis starts from the folder bids/.


rule choice_set:
    output:
        sets=directory(f"{ROOT}/choices/{{domain}}"),
    log:
        f"{LOGS}/choice_set_{{domain}}.log",
    benchmark:
        f"{BENCHMARKS}/choice_set-{{domain}}.tsv"
    conda:
        "../../envs/lm.yaml"
    threads: 1
    params:
        train_items=values("data.simulated.language.choice_items"),
        validation_items=values("data.simulated.language.validation_items"),
        seed=STUDY.seed,
        material=content("simulation/material"),
        code=code("choice_set.py"),
    message:
        "Writing the multiple-choice set '{wildcards.domain}'"
    script:
        "../scripts/choice_set.py"


rule planted_truth:
    input:
        brain_model=f"{ROOT}/models/brain/model.safetensors",
    output:
        stimulus=f"{ROOT}/truth/stimulus.tsv",
        regressors=f"{ROOT}/truth/regressors.tsv",
        categories=f"{ROOT}/categories.tsv",
    log:
        f"{LOGS}/planted_truth.log",
    benchmark:
        f"{BENCHMARKS}/planted_truth.tsv"
    conda:
        "../../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        recordings={
            key: values("data.simulated.recordings")[key]
            for key in ("words", "word_interval", "planted_domains")
        },
        runs=SIMULATED_RUNS,
        story=STUDY.data.story,
        # the hidden layer is the brain model's own, whichever ones are analysed
        features={key: value for key, value in EXTRACTION.items() if key != "layers"},
        domains=list(STUDY.finetuning.sets),
        seed=STUDY.seed,
        material=content("simulation/material"),
        code=code("planted_truth.py"),
    message:
        "Deciding what the simulated brains respond to, word by word"
    script:
        "../scripts/planted_truth.py"


rule simulate_recordings:
    input:
        stimulus=f"{ROOT}/truth/stimulus.tsv",
        regressors=f"{ROOT}/truth/regressors.tsv",
    output:
        raw=expand(
            f"{SIMULATED_RECORDING}_meg{{extension}}",
            run=SIMULATED_RUNS,
            extension=SIMULATED_FILES,
            allow_missing=True,
        ),
        events=expand(f"{SIMULATED_RECORDING}_events.tsv", run=SIMULATED_RUNS, allow_missing=True),
        truth=f"{ROOT}/truth/sub-{{subject}}.json",
    log:
        f"{LOGS}/simulate_recordings_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_recordings-{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2500,
    params:
        recordings={
            key: value
            for key, value in values("data.simulated.recordings").items()
            if key not in ("words", "runs", "word_interval")
        },
        seed=STUDY.seed,
        code=code("simulate_recordings.py"),
    message:
        "Recording simulated person {wildcards.subject}"
    script:
        "../scripts/simulate_recordings.py"


rule dataset_description:
    output:
        description=f"{BIDS.root}/dataset_description.json",
        participants=f"{BIDS.root}/participants.tsv",
    log:
        f"{LOGS}/dataset_description.log",
    benchmark:
        f"{BENCHMARKS}/dataset_description.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    params:
        subjects=STUDY.data.subjects,
        code=code("dataset_description.py"),
    message:
        "Describing the simulated data set"
    script:
        "../scripts/dataset_description.py"
