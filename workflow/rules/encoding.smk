# Encoding models: features of the words predict the responses, and where they do significantly.

PREDICTIONS = f"{ROOT}/encoding/{{space}}/sub-{{subject}}_predictions.nc"
# Features of a real model and its controls, times thousands of targets, take more.
ENCODING_MB = 3000 if STUDY.language_model.source == "tiny" else 8000
RIDGE = {key: value for key, value in values("encoding.ridge").items() if key != "denoised"}


rule encode:
    input:
        responses=RESPONSES,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        features=lambda wildcards: list(feature_files(wildcards.space).values()),
    output:
        scores=f"{ROOT}/encoding/{{space}}/sub-{{subject}}.nc",
        predictions=PREDICTIONS,
    log:
        f"{LOGS}/encode_{{space}}_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/encode-{{space}}_{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=ENCODING_MB,
    params:
        parts=lambda wildcards: list(feature_files(wildcards.space)),
        layer=STUDY.encoding.layer,
        design=lambda wildcards: design(wildcards.space),
        ridge=RIDGE,
        code=code("encode.py"),
    message:
        "Predicting {wildcards.subject}'s responses from '{wildcards.space}'"
    script:
        "../scripts/encode.py"


rule encode_denoised:
    input:
        responses=RESPONSES,
        others=rules.cross_subject_prediction.input.others,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        features=list(feature_files("lm").values()),
    output:
        scores=f"{ROOT}/encoding/denoised/sub-{{subject}}.nc",
    log:
        f"{LOGS}/encode_denoised_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/encode_denoised-{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=ENCODING_MB,
    params:
        parts=list(feature_files("lm")),
        layer=STUDY.encoding.layer,
        design=design("lm"),
        ridge=RIDGE,
        denoising=values("denoising"),
        code=code("encode_denoised.py"),
    message:
        "Predicting {wildcards.subject}'s denoised responses"
    script:
        "../scripts/encode_denoised.py"


rule variance_partition:
    input:
        responses=RESPONSES,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        features=list(feature_files("lm").values()),
    output:
        partition=f"{ROOT}/encoding/partition/sub-{{subject}}.nc",
    log:
        f"{LOGS}/variance_partition_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/variance_partition-{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=ENCODING_MB,
    params:
        parts=list(feature_files("lm")),
        layer=STUDY.encoding.layer,
        design=design("lm"),
        ridge=RIDGE,
        code=code("variance_partition.py"),
    message:
        "What each part of 'lm' explains of {wildcards.subject}'s responses"
    script:
        "../scripts/variance_partition.py"


rule sweep:
    input:
        responses=RESPONSES,
        words=WORDS,
        folds=f"{ROOT}/folds.tsv",
        controls=list(feature_files("controls").values()),
        states=expand(rules.sweep_features.output.features, context=SWEEP),
    output:
        sweep=f"{ROOT}/encoding/sweep/sub-{{subject}}.nc",
    log:
        f"{LOGS}/sweep_{{subject}}.log",
    benchmark:
        f"{BENCHMARKS}/sweep-{{subject}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=ENCODING_MB,
    params:
        controls=list(feature_files("controls")),
        layer=STUDY.encoding.layer,
        contexts=list(SWEEP),
        design=design("controls"),
        ridge=RIDGE,
        code=code("sweep.py"),
    message:
        "Predicting {wildcards.subject}'s responses from each layer and context length"
    script:
        "../scripts/sweep.py"


rule significance:
    input:
        responses=ALL_RESPONSES,
        scores=expand(rules.encode.output.scores, subject=SUBJECTS, allow_missing=True),
        predictions=expand(PREDICTIONS, subject=SUBJECTS, allow_missing=True),
        folds=f"{ROOT}/folds.tsv",
    output:
        significance=f"{ROOT}/significance/{{space}}.nc",
    log:
        f"{LOGS}/significance_{{space}}.log",
    benchmark:
        f"{BENCHMARKS}/significance-{{space}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        **CLEARING,
        settings=values("significance"),
        seed=STUDY.seed,
        code=code("significance.py"),
    message:
        "Where '{wildcards.space}' predicts better than chance"
    script:
        "../scripts/significance.py"


SCORES = expand(rules.encode.output.scores, space=SPACES, subject=SUBJECTS)
SIGNIFICANCE = expand(rules.significance.output.significance, space=SPACES)
DENOISED = (
    expand(rules.encode_denoised.output.scores, subject=SUBJECTS)
    if STUDY.encoding.ridge.denoised and len(SUBJECTS) > 1
    else []
)


PARTITIONS = (
    expand(rules.variance_partition.output.partition, subject=SUBJECTS)
    if STUDY.encoding.partition
    else []
)
SWEEPS = expand(rules.sweep.output.sweep, subject=SUBJECTS) if SWEEP else []


rule encoding:
    input:
        SCORES,
        SIGNIFICANCE,
        DENOISED,
        PARTITIONS,
        SWEEPS,
